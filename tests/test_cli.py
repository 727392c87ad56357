"""The command: case sets and replay, exit codes, the same verdicts as pytest."""

from __future__ import annotations

import json

import pytest

from mimic_checks.cli import main

SMALL = "rendered?scenes=600&families=6"


def stored(folder):
    """The head of a case set, and its lines."""
    head, *lines = (json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines())
    return head, lines


def images_of(case):
    return [part["image"] for part in case["content"] if part["type"] == "image"]


@pytest.fixture
def case_set(tmp_path):
    folder = tmp_path / "set"
    assert (
        main(
            [
                "cases",
                "--out",
                str(folder),
                "--vlm-catalog",
                SMALL,
                "--vlm-cases",
                "25",
                "--check",
                "spread.unbalanced",
            ]
        )
        == 0
    )
    return folder


def test_cases_are_written_as_json_lines_and_images(case_set, capsys):
    head, lines = stored(case_set)
    assert head["schema"] == 2
    assert len(lines) == 100
    assert {(line["level"]["factor"], line["level"]["value"]) for line in lines} == {
        ("spread", k) for k in (1, 2, 3, 4)
    }
    assert len(list((case_set / "images").iterdir())) == len(
        {image for line in lines for image in images_of(line["case"])}
    )
    assert main(["cases", "--out", str(case_set)]) == 4
    assert "already holds cases.jsonl; give a new folder" in capsys.readouterr().err


def test_a_case_set_is_replayed_whole(case_set, tmp_path, pytester):
    common = (
        "--pyargs",
        "mimic_checks.checks",
        "-k",
        "test_unbalanced",
        "--vlm-cases",
        "25",
        "-p",
        "no:cacheprovider",
    )
    stored = pytester.runpytest_subprocess(
        *common, "--vlm", "stub:loses-track", "--vlm-case-set", str(case_set), "--vlm-output", "a"
    )
    drawn = pytester.runpytest_subprocess(
        *common, "--vlm", "stub:loses-track", "--vlm-catalog", SMALL, "--vlm-output", "b"
    )
    assert stored.ret == drawn.ret == 1
    lines = [
        (pytester.path / run / "outcomes" / "spread.unbalanced.jsonl").read_text().splitlines()
        for run in "ab"
    ]
    answers = [
        [
            (it["case"]["id"], it["answer"], it["kind"])
            for it in (json.loads(line)["outcome"] for line in of_run)
        ]
        for of_run in lines
    ]
    assert answers[0] == answers[1]
    other = pytester.runpytest_subprocess(
        "--pyargs",
        "mimic_checks.checks",
        "-k",
        "test_listing",
        "--vlm",
        "stub:oracle",
        "--vlm-case-set",
        str(case_set),
    )
    assert other.ret == 4
    assert "has for check 'image_count.listing' the levels: none" in other.stderr.str()


def test_one_case_is_replayed_by_id(case_set, capsys):
    line = stored(case_set)[1][3]
    assert line["level"]["label"] == "spread=4"
    assert main(["replay", str(case_set), line["case"]["id"], "--vlm", "stub:oracle"]) == 0
    said = capsys.readouterr().out
    assert said.count("image ") == 4
    assert "outcome: right" in said
    assert line["case"]["content"][-1]["text"] in said
    assert main(["replay", str(case_set), line["case"]["id"], "--vlm", "stub:constant"]) == 1
    assert main(["replay", str(case_set), "nonsense", "--vlm", "stub:oracle"]) == 4
    assert "case='nonsense' is not among the 100 cases" in capsys.readouterr().err


def test_a_changed_picture_is_not_the_case_any_more(case_set, capsys):
    line = stored(case_set)[1][0]
    from PIL import Image

    catalog = json.loads((case_set / "catalog.json").read_text())
    Image.new("RGB", (64, 64)).save(case_set / "images" / catalog["files"][line["rows"][0]])
    assert main(["replay", str(case_set), line["case"]["id"], "--vlm", "stub:oracle"]) == 4
    assert "shows image" in capsys.readouterr().err


def test_a_case_of_a_run_is_replayed_from_its_folder(pytester, capsys, monkeypatch):
    pytester.runpytest_subprocess(
        "--pyargs",
        "mimic_checks.checks",
        "-k",
        "test_unbalanced",
        "--vlm",
        "stub:first-image-only",
        "--vlm-cases",
        "25",
        "--vlm-catalog",
        SMALL,
    )
    path = pytester.path / "mimic-report" / "outcomes" / "spread.unbalanced.jsonl"
    line = json.loads(path.read_text().splitlines()[-1])["outcome"]
    assert (
        main(["replay", "mimic-report", line["case"]["id"], "--vlm", "stub:first-image-only"]) == 1
    )
    assert f"model's answer: {line['answer']}" in capsys.readouterr().out
    assert main(["report", "mimic-report"]) == 0
    assert main(["report", "elsewhere"]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["cases", "--out", "x", "--check", "spred.balanced"],
            "check='spred.balanced' is not allowed",
        ),
        (["cases", "--out", "x", "--vlm-catalog", "coco:nowhere"], "is not a directory"),
        (["cases", "--out", "x", "--vlm-profile", "big"], "vlm-profile='big'"),
        (["replay", "nowhere", "id", "--vlm", "stub:oracle"], "holds no run"),
    ],
)
def test_usage_errors_exit_4(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 4
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: command"),
        (("replays",), "invalid choice: 'replays'"),
        (("report", "run", "--out", "there"), "unrecognized arguments: --out there"),
        (("replay", "run", "case"), "the following arguments are required: --vlm"),
        (("cases", "--out", "there", "--vlm-cases", "many"), "invalid int value: 'many'"),
        (("remedy",), "the following arguments are required"),
    ],
)
def test_a_wrong_command_line_exits_4_as_every_usage_error(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 4
    assert says in capsys.readouterr().err


def test_a_burn_in_of_nothing_is_refused(capsys, tmp_path):
    arguments = ["burn-in", "--vlm", "stub:oracle", "--histories", "0"]
    assert main([*arguments, "--vlm-output", str(tmp_path / "out")]) == 4
    assert "histories=0 is not allowed; allowed: 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_check_is_described_with_its_page(capsys):
    assert main(["describe", "spread.balanced"]) == 0
    said = capsys.readouterr().out
    assert "factor: spread; moves with it: " in said
    assert "# spread: the same things over more images" in said
    assert main(["describe"]) == 0
    assert "knockout " in capsys.readouterr().out
    assert main(["describe", "spred.balanced"]) == 4
    assert "did you mean 'spread.balanced'?" in capsys.readouterr().err
    assert main(["describe", "spred"]) == 4
    assert "; did you mean 'spread." in capsys.readouterr().err


def test_every_shipped_check_has_its_page(capsys):
    from mimic_checks.checks.discovery import find_checks

    for check in find_checks():
        assert main(["describe", check]) == 0
        assert "\n\n# " in capsys.readouterr().out, check


def test_the_version(capsys):
    import mimic_checks

    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"mimic-checks {mimic_checks.__version__}\n"


def subcommands(parser, name="mimic-checks"):
    """Every parser of a command, by its name."""
    import argparse

    yield name, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, inner in action.choices.items():
                yield from subcommands(inner, f"{name} {word}")


def test_help_says_what_every_command_and_option_does():
    """A description and an example for each command, words for each option and argument."""
    from mimic_checks.cli import _parser

    lacking = []
    for name, parser in subcommands(_parser()):
        nested = any(action.nargs == "A..." for action in parser._actions)
        lacking += [] if parser.description else [f"{name}: description"]
        lacking += [] if nested or "example" in (parser.epilog or "") else [f"{name}: example"]
        lacking += [f"{name}: {a.dest}" for a in parser._actions if not a.help and not a.choices]
    assert not lacking
