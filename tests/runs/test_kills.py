"""Runs that are killed, at any moment and in any process, or run out of disk.

What comes out in the end is what an uninterrupted run gives.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = (
    sys.executable,
    "-m",
    "pytest",
    "--pyargs",
    "mimic_checks.checks",
    "-p",
    "no:cacheprovider",
    "-q",
    "-k",
    "test_unbalanced or test_balanced",
    "--vlm",
    "stub:slow",
    "--vlm-cases",
    "40",
    "--vlm-batch",
    "4",
)


def driver(folder, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "tests.runs.killed", str(folder), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_hundred_kills_at_random_moments_change_nothing(tmp_path):
    """Answers, verdicts, pictures, journals and report, byte for byte."""
    assert re.match(
        r"2\d\d kills in \d+ runs of .* s: the same \d+ files every time", driver(tmp_path, 200, 5)
    )


@pytest.mark.parametrize("size", [1000, 3000, 9000, 20000])
def test_a_full_disk_is_said_and_nothing_answered_is_lost(tmp_path, size):
    """A file cannot grow beyond so many bytes; the next run mends what was cut off."""
    said = driver(tmp_path, "full", size)
    assert re.search(
        r"cannot be written: File too large; free the disk.*answered batches are kept\nexit 4, then"
        r" the same \d+ files",
        said,
    )


def outcomes(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "outcomes").iterdir())}


def children(pid):
    """The processes that a process has started, by the kernel's table."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = place.read_text()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(place.parent.name))
    return found


@pytest.mark.slow
def test_a_killed_xdist_worker_loses_its_batch_only(tmp_path):
    """One of two workers is killed while both answer: the same command finishes the run.

    No answer differs from an uninterrupted run's.
    """
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    process = subprocess.Popen([*RUN, "-n", "2", "--vlm-output", "killed"], **quiet)
    journals = [
        tmp_path / "killed" / "journal" / f"spread.{name}.jsonl"
        for name in ("balanced", "unbalanced")
    ]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not all(
        path.is_file() and len(path.read_bytes().splitlines()) > 6 for path in journals
    ):
        time.sleep(0.02)
    os.kill(min(children(process.pid)), signal.SIGKILL)
    assert process.wait(timeout=120) == 1, "the check whose worker died is reported as failed"
    kept = [path.read_bytes() for path in journals]
    assert all(len(lines.splitlines()) > 6 for lines in kept)
    subprocess.run([*RUN, "-n", "2", "--vlm-output", "killed"], check=False, **quiet)
    assert all(
        path.read_bytes().startswith(lines) for path, lines in zip(journals, kept, strict=True)
    ), "nothing was asked twice"
    subprocess.run([*RUN, "-p", "no:xdist", "--vlm-output", "whole"], check=False, **quiet)
    assert outcomes(tmp_path / "killed") == outcomes(tmp_path / "whole")


@pytest.mark.slow
def test_commands_killed_before_any_write_end_in_the_same_result(tmp_path):
    """Three seeded kills for each of `remedy data`, `train`, `prove`, `burn-in`, `compare` and
    `--snapshot-update`; `make kills` adds thirty at random moments (reports/kills.log)."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.runs.kills", str(tmp_path / "kills")),
            *("--kills", "0", "--boundaries", "3", "--seed", "3"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(": killed before write ") >= 17, done.stdout
