"""`--vlm-baseline`, `--vlm-policy` and `mimic-checks compare`: recording, gating, refusing."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from mimic_checks.cli import main

CASES = ("--vlm-cases", "80")
SPREAD = (
    "--pyargs",
    "mimic_checks.checks",
    "-p",
    "no:cacheprovider",
    *CASES,
    "-k",
    "test_unbalanced or test_image_blocks",
)
GATED = (*SPREAD, "--vlm-baseline", "baseline")
WORKERS = pytest.mark.parametrize(
    "workers", [("-p", "no:xdist"), ("-n", "0"), ("-n", "2")], ids=["without", "n0", "n2"]
)


def run(pytester, *arguments):
    return pytester.runpytest_subprocess(*arguments)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """syrupy prints nothing in an xdist worker; these runs are none, even where this suite runs
    under xdist."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The baseline of the oracle, recorded once."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("release")
    command = [sys.executable, "-m", "pytest", *GATED, "--vlm", "stub:oracle", "--snapshot-update"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / "baseline" / "spread.unbalanced.jsonl").read_text()


@pytest.fixture
def release(pytester, recorded):
    """A project folder that holds the baseline."""
    (pytester.path / "baseline").mkdir()
    path = pytester.path / "baseline" / "spread.unbalanced.jsonl"
    path.write_text(recorded)
    return path


def policy(pytester, text):
    (pytester.path / "policy.toml").write_text(text)
    return "--vlm-policy", "policy.toml"


@WORKERS
def test_recording_writes_one_readable_file_per_gated_check(pytester, workers):
    result = run(pytester, *GATED, "--vlm", "stub:first-image-only", "--snapshot-update", *workers)
    assert result.ret == 0  # the thresholds would fail it; a recording accepts
    result.stdout.fnmatch_lines(["1 snapshot generated."])
    (path,) = (pytester.path / "baseline").iterdir()
    head, *cases = path.read_text().splitlines()
    assert json.loads(head)["drawn"]["cases"] == 80
    assert len(cases) == 4 * 80
    assert re.fullmatch(
        r'\{"level": "spread1", "item": "[0-9a-f]{24}", "kind": "right", "answer": "\d"\}', cases[0]
    )


def test_the_same_model_passes(pytester, release):
    result = run(pytester, *GATED, "--vlm", "stub:oracle")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "spread.unbalanced  pass                  blocking  spread=1: 0/0  spread=2: 0/0 "
            " spread=3: 0/0  spread=4: 0/0"
        ]
    )
    result.stdout.fnmatch_lines(["1 snapshot passed."])


@WORKERS
def test_a_regression_fails_and_shows_a_lost_case(pytester, release, workers):
    result = run(
        pytester, *GATED, "--vlm", "stub:first-image-only", "--junitxml", "junit.xml", *workers
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            (
                "spread.unbalanced: fail against the baseline: spread=2: regressed by more than 7.6"
                " points (at*"
            ),
            "spread=2 *80/80 * fail",
            "e.g. case * at spread=2, 2 images: 'How many *",
            "*true answer '*', before '*', now '*' (wrong)",
        ]
    )
    properties = {
        p.get("name"): p.get("value")
        for p in ElementTree.parse(pytester.path / "junit.xml").iter("property")
    }
    assert properties["vlm_gate"] == "fail"
    gate = json.loads(
        (pytester.path / "mimic-report" / "gates" / "spread.unbalanced.json").read_text()
    )
    assert {level["level"]: level["verdict"] for level in gate["levels"]}["spread1"] == "pass"
    page = (pytester.path / "mimic-report" / "report.html").read_text()
    assert page.count('data-outcome="lost"') == len(gate["flips"]) > 100
    assert "regressed by more than" in (pytester.path / "mimic-report" / "summary.md").read_text()


def test_a_failing_model_that_does_not_get_worse_passes(pytester):
    """The gate compares releases: a weakness that was there before fails nothing, and is still
    shown."""
    assert run(pytester, *GATED, "--vlm", "stub:first-image-only", "--snapshot-update").ret == 0
    result = run(pytester, *GATED, "--vlm", "stub:first-image-only")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["spread.unbalanced * fail *", "spread.unbalanced  pass *blocking*"]
    )


def test_updating_replaces_a_baseline(pytester, release, recorded):
    result = run(pytester, *GATED, "--vlm", "stub:first-image-only", "--snapshot-update")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 snapshot updated."])
    assert release.read_text() != recorded


def test_a_warning_fails_nothing_and_a_blocking_check_beside_it_does(pytester):
    arguments = [part if part != SPREAD[-1] else "test_unbalanced or test_common" for part in GATED]
    assert run(pytester, *arguments, "--vlm", "stub:oracle", "--snapshot-update").ret == 0
    text = (
        '[checks."spread.unbalanced"]\ntier = "warning"\n[checks."image_count.common"]\n'
        "margin = {0}\nlevel_margin = {0}\n"
    )
    result = run(
        pytester, *arguments, "--vlm", "stub:first-image-only", *policy(pytester, text.format(0.8))
    )
    result.stdout.fnmatch_lines(
        ["spread.unbalanced  *fail *warning *", "fail: spread.unbalanced: *"]
    )
    assert result.ret == 0
    result = run(
        pytester, *arguments, "--vlm", "stub:first-image-only", *policy(pytester, text.format(0.01))
    )
    assert result.ret == 4  # 80 cases can never pass a margin of one point


@pytest.mark.parametrize(
    ("blocks", "ceiling", "why", "code"),
    [
        ("true", 0.5, "the drop is between", 6),
        ("false", 0.5, "the drop is between", 0),
        ("true", 0.02, "* of 80 cases raised an error", 6),
        ("false", 0.02, "* of 80 cases raised an error", 6),
    ],
)
def test_inconclusive_blocks_if_the_policy_says_so_and_too_many_errors_always(
    pytester, release, blocks, ceiling, why, code
):
    """A release that loses a share of its answers to errors gets through under no policy."""
    text = f"[defaults]\nerror_ceiling = {ceiling}\ninconclusive_blocks = {blocks}\n"
    result = run(pytester, *GATED, "--vlm", "stub:fragile", *policy(pytester, text))
    assert result.ret == code
    result.stdout.fnmatch_lines(
        [f"inconclusive: spread.unbalanced: spread=2: {why}*", "*1 inconclusive*"]
    )


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (
            None,
            ("--vlm-seed", "1"),
            "seed was 0, is 1; record a baseline with these settings (--snapshot-update)",
        ),
        (None, ("--vlm-max-new-tokens", "9"), "max_new_tokens was 64, is 9"),
        (('"rules": 2', '"rules": 1'), (), "was made under case rules 1, this run under 2"),
        (
            ('"kind": "right"', '"kind": "rihgt"'),
            (),
            "line 2: ('kind',): Input should be 'right', 'wrong', 'unparseable' or 'error'",
        ),
        (
            ("spread4", "spread5"),
            (),
            "80 only there, 80 only here, 240 in both; first: spread4 case ",
        ),
    ],
)
def test_other_baselines_are_refused_before_any_model(
    pytester, release, change, arguments, message
):
    if change:
        release.write_text(release.read_text().replace(*change))
    result = run(pytester, *GATED, "--vlm", "stub:oracle", *arguments)
    assert result.ret == 4
    assert message in result.stderr.str()
    assert not (pytester.path / "mimic-report").exists()


def test_a_refused_baseline_is_no_internal_error_under_xdist(pytester, release):
    result = run(pytester, *GATED, "--vlm", "stub:oracle", "--vlm-seed", "1", "-n", "2")
    assert result.ret == 4
    assert "seed was 0, is 1" in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--vlm-baseline", "nowhere"), "baseline='nowhere' holds no baselines"),
        (("--vlm-policy", "policy.toml"), "add --vlm-baseline <folder>"),
        (
            ("--vlm-baseline", "baseline", "--vlm-policy", "policy.toml"),
            "unknown key 'margn'; did you mean 'margin'?",
        ),
        (
            ("--vlm-baseline", "baseline", "--vlm-cases", "60"),
            "use at least --vlm-cases 80, for the baseline too",
        ),
    ],
)
def test_usage_errors(pytester, release, arguments, message):
    policy(pytester, "[defaults]\nmargn = 0.1\n")
    result = run(pytester, *SPREAD, "--vlm", "stub:oracle", *arguments)
    assert result.ret == 4
    assert message in result.stderr.str()


def test_a_check_without_a_baseline_is_inconclusive_and_a_baseline_without_a_check_is_named(
    pytester, release
):
    arguments = [
        part if part != SPREAD[-1] else "test_unbalanced or test_balanced" for part in GATED
    ]
    (release.parent / "gone.jsonl").write_text(
        release.read_text().replace("spread.unbalanced", "gone")
    )
    (release.parent / "distractors.jsonl").write_text(
        release.read_text().replace("spread.unbalanced", "distractors")
    )
    result = run(pytester, *arguments, "--vlm", "stub:oracle")
    assert result.ret == 6
    assert "distractors.jsonl" not in result.stdout.str(), "of a check that was not selected"
    result.stdout.fnmatch_lines(
        ["*gone.jsonl: there is no check 'gone' (any more); delete the file"]
    )
    result.stdout.fnmatch_lines(
        ["not compared: spread.balanced: no baseline is recorded; record it with --snapshot-update"]
    )
    result.stdout.fnmatch_lines(["*9 passed*1 inconclusive*"])


SKIPPING = """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if "test_unbalanced" in item.name:
            item.add_marker(pytest.mark.skip("another day"))
"""


@pytest.mark.parametrize(
    ("tier", "workers", "code"), [("blocking", "0", 6), ("blocking", "2", 6), ("warning", "0", 0)]
)
def test_a_skipped_check_that_has_a_baseline_lets_nothing_pass(
    pytester, release, tier, workers, code
):
    both = [part if part != SPREAD[-1] else "test_unbalanced or test_common" for part in GATED]
    common = [part if part != SPREAD[-1] else "test_common" for part in GATED]
    assert run(pytester, *common, "--vlm", "stub:oracle", "--snapshot-update").ret == 0
    pytester.makeconftest(SKIPPING)
    tiers = policy(pytester, f'[checks."spread.unbalanced"]\ntier = "{tier}"\n')
    result = run(pytester, *both, "--vlm", "stub:oracle", *tiers, "-n", workers)
    assert result.ret == code
    result.stdout.fnmatch_lines(["not compared: spread.unbalanced: it has a baseline, but its *"])


def test_a_skip_of_everything_is_no_pass_either(pytester, release):
    pytester.makeconftest(SKIPPING)
    alone = [part if part != SPREAD[-1] else "test_unbalanced" for part in GATED]
    result = run(pytester, *alone, "--vlm", "stub:oracle")
    assert result.ret == 6
    result.stdout.fnmatch_lines(["not compared: spread.unbalanced: it has a baseline, but its *"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Run folders of two releases."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("oracle", "first-image-only"):
        main(
            [
                "run",
                *CASES,
                "-k",
                "test_unbalanced or test_common",
                "--vlm",
                f"stub:{name}",
                "--vlm-output",
                str(folder / name),
            ]
        )
    return folder


def test_compare_two_runs(runs, tmp_path, capsys):
    before, after = str(runs / "oracle"), str(runs / "first-image-only")
    assert main(["compare", before, before]) == 0
    assert main(["compare", before, after, "--out", str(tmp_path / "out")]) == 1
    assert (
        "fail: spread.unbalanced: spread=2: regressed by more than 7.6 points"
        in capsys.readouterr().out
    )
    found = json.loads((tmp_path / "out" / "gate.json").read_text())
    assert {check["check"]: check["verdict"] for check in found["checks"]} == {
        "spread.unbalanced": "fail",
        "image_count.common": found["checks"][1]["verdict"],
    }
    suite = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert suite.get("failures") == str(
        sum(check["verdict"] == "fail" for check in found["checks"])
    )
    assert (
        "| `spread.unbalanced` | ❌ fail | blocking |" in (tmp_path / "out" / "gate.md").read_text()
    )


def test_errors_above_their_ceiling_end_no_comparison_in_exit_0(runs, tmp_path, capsys):
    """Whatever the policy says of inconclusive checks."""
    before, after = str(runs / "oracle"), str(tmp_path / "fragile")
    asked = ["run", *CASES, "-k", "test_unbalanced or test_common", "--vlm-output", after]
    main([*asked, "--vlm", "stub:fragile"])
    path = tmp_path / "policy.toml"
    for ceiling, code in ((0.02, 6), (0.5, 0)):
        path.write_text(f"[defaults]\nerror_ceiling = {ceiling}\ninconclusive_blocks = false\n")
        capsys.readouterr()
        compared = ["compare", before, after, "--vlm-policy", str(path)]
        assert main([*compared, "--out", str(tmp_path / "out")]) == code
        assert ("raised an error" in capsys.readouterr().out) == bool(code)
        found = json.loads((tmp_path / "out" / "gate.json").read_text())["checks"]
        assert [check["errors_above"] for check in found] == [bool(code)] * 2


def test_compare_refuses_what_differs(runs, tmp_path, capsys):
    before, after = runs / "oracle", tmp_path / "less"
    main(
        ["run", *CASES, "-k", "test_unbalanced", "--vlm", "stub:oracle", "--vlm-output", str(after)]
    )
    assert main(["compare", str(before), str(after)]) == 4
    assert "check 'image_count.common' has outcomes in" in capsys.readouterr().err
    (tmp_path / "policy.toml").write_text('[checks."image_count.common"]\ntier = "off"\n')
    assert (
        main(["compare", str(before), str(after), "--vlm-policy", str(tmp_path / "policy.toml")])
        == 0
    )
    assert main(["compare", str(before), str(tmp_path)]) == 4
    assert "holds no run" in capsys.readouterr().err
