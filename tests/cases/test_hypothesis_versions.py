"""Under which versions of hypothesis cases are drawn: the same ones under all of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from mimic_checks.cases import draw
from mimic_checks.cases.drawing import PROVEN, refuse_unproven
from mimic_checks.errors import InvalidArgument

ROOT = Path(__file__).parents[2]
OLDEST = ".".join(map(str, PROVEN[0]))


@pytest.mark.parametrize("outside", ["6.131.33", "6.140.3", "6.171.0", "7.0.0", "5.49"])
def test_a_version_outside_is_refused_before_anything_is_drawn(outside, monkeypatch, scenes):
    monkeypatch.setattr("hypothesis.__version__", outside)
    with pytest.raises(
        InvalidArgument,
        match=f"hypothesis='{outside}' is not allowed; allowed: versions from 6.140.4 to before"
        " 6.171.*; pip install",
    ):
        draw(None, 1, 0)


def test_the_range_is_the_one_that_is_installed_from():
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    assert f"hypothesis>={OLDEST},<{'.'.join(map(str, PROVEN[1]))}" in wanted
    for inside in (OLDEST, "6.155.7", "6.170.17", version("hypothesis")):
        refuse_unproven(inside)


@pytest.mark.slow
def test_the_oldest_version_draws_the_same_cases():
    """The golden draws, which this process's version passes too."""
    folder = os.environ.get("MIMIC_CHECKS_TEST_HYPOTHESIS", "")
    if not (Path(folder) / f"hypothesis-{OLDEST}.dist-info").is_dir():
        pytest.skip(f"MIMIC_CHECKS_TEST_HYPOTHESIS names no folder with hypothesis {OLDEST}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(str(ROOT / "tests" / "cases" / "test_same_draws.py"), "-k", "rendered"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(folder).resolve()), str(ROOT)])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
