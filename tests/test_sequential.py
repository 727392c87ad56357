"""`--vlm-sequential`: a run that stops when its comparison with the baseline is certain."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

ASKED = (
    "--pyargs",
    "mimic_checks.checks",
    "-p",
    "no:cacheprovider",
    "--vlm-cases",
    "200",
    "-k",
    "test_unbalanced",
    "--vlm-baseline",
    "baseline",
)
EARLY = (*ASKED, "--vlm-sequential")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    command = [sys.executable, "-m", "pytest", *EARLY, "--vlm", "stub:oracle", "--snapshot-update"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "baseline"


def test_a_baseline_is_recorded_in_full(recorded):
    assert len((recorded / "spread.unbalanced.jsonl").read_text().splitlines()) == 1 + 4 * 200


@pytest.mark.parametrize(
    ("vlm", "code", "verdict", "asked", "workers"),
    [
        ("first-image-only", 1, "fail", 20, ("-p", "no:xdist")),
        ("first-image-only", 1, "fail", 20, ("-n", "2")),
        ("oracle", 0, "pass", 80, ("-n", "0")),
    ],
)
def test_it_stops_when_the_comparison_is_certain(
    pytester, recorded, vlm, code, verdict, asked, workers
):
    shutil.copytree(recorded, pytester.path / "baseline")
    result = pytester.runpytest_subprocess(*EARLY, "--vlm", f"stub:{vlm}", *workers)
    assert result.ret == code
    gate = json.loads(
        (pytester.path / "mimic-report" / "gates" / "spread.unbalanced.json").read_text()
    )
    assert gate["verdict"] == verdict
    assert {level["n"] for level in gate["levels"]} == {asked}
    stored = (pytester.path / "mimic-report" / "results" / "spread.unbalanced.json").read_text()
    assert json.loads(stored)["reason"].endswith(f"(asked {asked} of 200 draws)")


def test_without_a_baseline_the_thresholds_alone_decide_when_it_stops(pytester):
    result = pytester.runpytest_subprocess(*ASKED[:-2], "--vlm", "stub:oracle", "--vlm-sequential")
    assert result.ret == 0
    stored = (pytester.path / "mimic-report" / "results" / "spread.unbalanced.json").read_text()
    assert json.loads(stored)["verdict"] == "pass"
    assert " of 200 draws)" in json.loads(stored)["reason"]
