"""The demonstration: exits 0 although checks fail, finds what the README shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
ROW = re.compile(r"^([\w.]+) +(pass|fail|inconclusive) +", re.MULTILINE)


@pytest.mark.slow
def test_the_demo_finds_what_the_readme_shows(tmp_path):
    command = [sys.executable, "-m", "mimic_checks.cli", "demo", "--output", "mimic-report"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found, shown = dict(ROW.findall(done.stdout)), dict(ROW.findall(README))
    assert found == shown
    assert "fail" in found.values()
    assert "report: mimic-report/report.html" in done.stdout
    page = (tmp_path / "mimic-report" / "report.html").read_text()
    assert "Where builtin breaks on several images" in page
    assert str(Path.home()) not in page
