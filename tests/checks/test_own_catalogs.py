"""Checks that bring a catalog of their own: through names of classes, folders, commands."""

from __future__ import annotations

import json

import pytest

from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.cli import main

OWN = {"visual_patterns": "twins", "misleading_inputs": "misleading"}


@pytest.mark.parametrize("given", ["names", "kinds", "nothing"])
def test_pictures_are_opened_whatever_classes_are_called(tmp_path, given):
    names = tmp_path / "names.toml"
    names.write_text('[cat]\ndisplay = "kitty"\n')
    settings = Settings(
        vlm="x",
        cases=14,
        names=names if given == "names" else None,
        kinds="vehicle" if given == "kinds" else "",
    )
    found = find_checks()
    plan = RunPlan(settings, [found[check] for check in (*OWN, "spread.balanced")])
    plan.settle()
    for check in plan.checks:
        case = plan.cases(check)[0]
        assert plan.catalog.manifest.open(case.images[0]).size == (64, 64)
    facts = plan.describe()["checks"]
    assert {check: facts[check].get("catalog") for check in facts} == {
        **OWN,
        "spread.balanced": None,
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of two runs, of which the second follows every lure."""
    folder = tmp_path_factory.mktemp("runs")
    for name, vlm in (("before", "stub:oracle"), ("after", "stub:follows-lure")):
        arguments = ["-k", "misleading_inputs", "--vlm-cases", "80", "-q", "-p", "no:cacheprovider"]
        main(["run", "--vlm", vlm, "--vlm-output", str(folder / name), *arguments])
    return folder


def test_a_case_is_asked_again_with_its_picture(runs, capsys):
    line = (runs / "before/outcomes/misleading_inputs.jsonl").read_text().splitlines()[0]
    case = json.loads(line)["outcome"]["case"]["id"]
    capsys.readouterr()
    main(["replay", str(runs / "before"), case, "--vlm", "builtin"])
    assert "image 1: scene " in capsys.readouterr().out


def test_two_runs_are_compared_with_the_pictures_of_what_flipped(runs, capsys):
    folders = [str(runs / name) for name in ("before", "after")]
    assert main(["compare", *folders, "--out", str(runs / "gate")]) == 1
    assert "80 lost, 0 gained of 80" in capsys.readouterr().out
    assert list((runs / "gate/images").glob("*.png"))


def test_cases_are_written_with_their_pictures_and_asked_from_there(runs, tmp_path):
    out = tmp_path / "cases"
    arguments = ["--check", "misleading_inputs", "--check", "spread.balanced"]
    assert main(["cases", "--out", str(out), *arguments, "--vlm-cases", "80", "--sheet"]) == 0
    run = ["run", "--vlm", "stub:constant", "--vlm-case-set", str(out), "-k", "misleading_inputs"]
    output = tmp_path / "run"
    assert main([*run, "--vlm-output", str(output), "-q", "-p", "no:cacheprovider"]) in (1, 6)
    found = json.loads((output / "results/misleading_inputs.json").read_text())
    assert [level["n"] for level in found["levels"]] == [80, 80, 80]
