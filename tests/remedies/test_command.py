"""`mimic-checks remedy`: what people type, and what they are told."""

from __future__ import annotations

import json

import pytest

from mimic_checks.cli import main
from mimic_checks.errors import RemedyError
from remedies import command
from remedies.before_after import COMPARED, before_after, record_answers, recorded_answers


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "--catalog", "rendred", "--out", "x"], "vlm-catalog='rendred' is not allowed"),
        (
            ["data", "--catalog", "rendered", "--mixture", "papr", "--out", "x"],
            "mixture='papr' is not allowed",
        ),
        (
            ["data", "--catalog", "rendered", "--keep-out", "nothing", "--out", "x"],
            "vlm-catalog='nothing' is not allowed",
        ),
        (
            ["train", "--vlm", "builtin", "--data", "nowhere", "--out", "x"],
            "holds no training data",
        ),
        (
            ["train", "--vlm", "builtin", "--data", "nowhere", "--out", "x", "--preset", "bultin"],
            "did you mean 'builtin'",
        ),
        (
            "train --vlm builtin --data nowhere --out x --set learning_rat=1".split(),
            "did you mean 'learning_rate'",
        ),
        (
            ["train", "--vlm", "builtin", "--data", "nowhere", "--out", "x", "--set", "r=many"],
            "r='many' is not allowed; allowed: a value of type int",
        ),
        (
            ["train", "--vlm", "builtin", "--data", "nowhere", "--out", "x", "--set", "bf16=yes"],
            "bf16='yes' is not allowed; allowed: true or false",
        ),
        (
            ["prove", "--vlm", "builtin", "--data", "nowhere", "--out", "x", "--masks", "depe"],
            "layers='depe' is no window",
        ),
        (["prove", "--vlm", "stub:none", "--data", "nowhere", "--out", "x"], "stub"),
        (
            ["prove", "--vlm", "builtin", "--data", "nowhere", "--out", "x", "--adapter", "folder"],
            "adapter='folder' is not allowed",
        ),
        (["plan", "nowhere"], "holds no run"),
    ],
)
def test_what_cannot_be_done_is_exit_code_4_and_leaves_nothing(
    arguments, says, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert main(["remedy", *arguments]) == 4
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_without_the_extra_the_next_step_is_said(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["remedy", "data", "--catalog", "rendered", "--out", "x"]) == 4
    assert "pip install 'mimic-checks[remedies]'" in capsys.readouterr().err


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(capsys, monkeypatch):
    command._progress(50, 100)
    assert capsys.readouterr().err == "50 of 100 samples\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    command._progress(50, 100)
    assert capsys.readouterr().err == f"\r[{'#' * 15}{'.' * 15}] 50 of 100 samples"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of a model that loses count, and one of the oracle, on the same cases."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("loses-track", "oracle"):
        options = f"--vlm stub:{name} --vlm-cases 20 -k test_image_count -c /dev/null"
        code = main(["run", *options.split(), "--vlm-output", str(folder / name)])
        assert code in (0, 1, 6)
    return folder


def test_before_and_after_on_the_same_cases(runs, tmp_path):
    answers = tmp_path / "answers.json"
    assert record_answers(runs / "oracle", answers) > 100
    recorded = before_after(runs / "loses-track", recorded_answers(answers))
    live = before_after(runs / "loses-track", {}, live=runs / "oracle")
    assert [line.removesuffix("  (recorded)") for line in recorded] == live
    assert all(line.endswith("(recorded)") for line in recorded[1:])
    checks = [line.split()[0] for line in live[1:]]
    assert list(dict.fromkeys(checks)) == list(COMPARED)
    eight = next(
        line for line in live if line.startswith("image_count.counting") and "images 8" in line
    )
    before, after, change = eight.split()[3:6]
    assert float(after) == 1.0 > float(before)
    assert change == f"{100 * (1 - float(before)):+.0f}"


def test_a_case_that_was_never_answered_is_said(runs):
    with pytest.raises(RemedyError, match="was never answered by the repaired model"):
        before_after(runs / "loses-track", {})
    with pytest.raises(RemedyError, match="cannot be read"):
        recorded_answers(runs / "nothing.json")


def test_records_hold_answers_alone(runs, tmp_path):
    record_answers(runs / "oracle", tmp_path / "a.json")
    stored = json.loads((tmp_path / "a.json").read_text())
    assert all(isinstance(value, str) for value in stored.values())
