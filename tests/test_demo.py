"""The demonstration: exits 0 although checks fail, finds what the README shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text()
AFTER = re.compile(
    r"^(image_count\.\w+) +(images \d) +([\d.]+) +([\d.]+) +(\S+ \[.*?\])(?:  \((recorded)\))?",
    re.MULTILINE,
)
ROW = re.compile(r"^([\w.]+) +(pass|fail|inconclusive) +", re.MULTILINE)


@pytest.mark.slow
def test_the_demo_finds_what_the_readme_shows(tmp_path):
    command = [sys.executable, "-m", "mimic_checks.cli", "demo", "--output", "mimic-report"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found, shown = dict(ROW.findall(done.stdout)), dict(ROW.findall(README))
    assert found == shown
    assert "fail" in found.values()
    after, said = AFTER.findall(done.stdout), AFTER.findall(README)
    assert [line[:2] for line in after] == [line[:2] for line in said]
    assert [line for line in after if line[-1]] == [line for line in said if line[-1]], (
        "what is recorded is the same everywhere"
    )
    repaired = {line[:2]: (float(line[2]), float(line[3])) for line in after}
    for check, level in (("counting", "8"), ("listing", "8"), ("odd_one", "6")):
        before, now = repaired[f"image_count.{check}", f"images {level}"]
        assert now > before + 0.1
    assert "report: mimic-report/report.html" in done.stdout
    page = (tmp_path / "mimic-report" / "report.html").read_text()
    assert "Where builtin breaks on several images" in page
    assert str(Path.home()) not in page
