"""What a run has left open is said wherever it is read, and lets nothing pass: skips of the user's,
baselines that were not compared or not recorded, partial and killed runs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from mimic_checks.cli import main
from mimic_checks.verdicts.run_folder import RunFolder

CATALOG = "rendered?scenes=400&families=0"
OWN = """
import pytest
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check

def sweep(name):
    words = {"title": "t", "factor": "distractors", "moves": "m"}
    return Sweep(check_id=name, levels=(0, 1), cases=strategies.counting("distractors"), **words)

SKIPPED
@check(sweep("first"))
def test_first(vlm_check):
    \"\"\"One.\"\"\"
    vlm_check.run()

@check(sweep("second"))
def test_second(vlm_check):
    \"\"\"Two.\"\"\"
    vlm_check.run()
"""


@pytest.fixture
def run(python, tmp_path):
    """Runs two checks, the first of them perhaps with a mark, in a folder."""

    def runs(*arguments, skipped=""):
        (tmp_path / "test_own.py").write_text(OWN.replace("SKIPPED", skipped))
        extra = ("--vlm", "stub:oracle", "--vlm-catalog", CATALOG, "--vlm-cases", "80", "-q")
        return python(
            "pytest",
            [*extra, "-p", "no:cacheprovider", "-p", "no:xdist", *arguments],
            folder=tmp_path,
        )

    return runs


def test_a_check_that_the_user_skips_leaves_no_run_unfinished(run, tmp_path):
    result = run(skipped="@pytest.mark.skip(reason='not now')")
    assert result.ret == 0
    assert "no result" not in "".join(result.outlines)
    assert json.loads((tmp_path / "mimic-report" / "run.json").read_text())["finished"] is True


def test_what_was_not_compared_is_in_page_summary_and_junit(run, tmp_path):
    baseline = ("--vlm-baseline", "kept", "--junitxml", "junit.xml")
    assert run(*baseline, "--snapshot-update").ret == 0
    lenient = "--snapshot-warn-unused"
    result = run(*baseline, lenient, skipped="@pytest.mark.skip(reason='not now')")
    assert result.ret == 6
    said = "first: it has a baseline, but its [verdict] was skipped"
    report = tmp_path / "mimic-report"
    assert said in (report / "report.html").read_text()
    assert said.split(",")[0] in (report / "summary.md").read_text()
    properties = [
        (found.get("name"), found.get("value"))
        for found in ElementTree.parse(tmp_path / "junit.xml").getroot().iter("property")
    ]
    assert any(name == "vlm_not_compared" and said in value for name, value in properties)


def test_an_update_that_would_record_nothing_is_refused_or_said(run, tmp_path):
    result = run("--snapshot-update")
    assert result.ret == 4
    assert "add --vlm-baseline <folder> to record one" in "".join(result.errlines)
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    beside = run("--snapshot-update")
    assert beside.ret == 0
    assert "add --vlm-baseline <folder> to record one" in "".join(beside.outlines)


def test_two_partial_or_unfinished_runs_do_not_pass_a_comparison(run, tmp_path, capsys):
    for name in ("a", "b"):
        assert run("--vlm-output", name, "-k", "first and distractors or second").ret == 0
    runs = [str(tmp_path / name) for name in ("a", "b")]
    assert main(["compare", *runs]) == 6
    assert "only some of its levels were asked; run it whole" in capsys.readouterr().out
    for name in ("c", "d"):
        assert run("--vlm-output", name).ret == 0
        folder = tmp_path / name
        for part in ("results", "outcomes"):
            next((folder / part).glob("first.*")).unlink()
        RunFolder(folder).note(finished=False)
    runs = [str(tmp_path / name) for name in ("c", "d")]
    assert main(["compare", *runs]) == 6
    assert "not compared: first: in " in capsys.readouterr().out


def test_a_report_of_a_killed_run_says_what_is_missing(run, tmp_path, capsys):
    assert run().ret == 0
    folder = tmp_path / "mimic-report"
    assert main(["report", str(folder)]) == 0
    RunFolder(folder).note(finished=False)
    (folder / "results" / "first.json").unlink()
    assert main(["report", str(folder)]) == 6
    assert "unfinished: 1 of 2 checks have no result (first)" in capsys.readouterr().out
    said = "This run is unfinished: 1 of 2 checks have no result"
    assert said in (folder / "report.html").read_text()
    assert said in (folder / "summary.md").read_text()
