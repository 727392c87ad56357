"""What collecting all nodes of the shipped checks costs, against bare pytest collecting as many.

    python -m bench.collecting

Whole processes, in turn (ABBA, so that a machine that slows down hits both alike), 12 of each; the
difference of medians. Neither needs a model; collecting imports no torch.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 6
COLLECT = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
CHECKS = [*COLLECT, "--pyargs", "mimic_checks.checks"]
BARE = [*COLLECT, "-p", "no:mimic_checks"]


def main() -> list[str]:
    times: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        nodes = _nodes(folder)
        (Path(folder) / "test_bare.py").write_text(
            f"import pytest\n@pytest.mark.parametrize('k', range({nodes}))\ndef test_it(k): pass\n"
        )
        for number in range(ROUNDS + 1):  # the first round fills the caches and is not counted
            for checks in (True, False, False, True):
                began = time.perf_counter()
                subprocess.run(
                    CHECKS if checks else BARE, cwd=folder, check=True, stdout=subprocess.DEVNULL
                )
                if number:
                    times[checks].append(time.perf_counter() - began)
    ours, bare = (statistics.median(times[key]) for key in (True, False))
    return [
        f"collecting the {nodes} nodes of the shipped checks: {ours:.2f} s against {bare:.2f} s for"
        f" as many tests of bare pytest: **{ours - bare:+.2f} s** (target at most 1 s; median of"
        f" {2 * ROUNDS} processes each)"
    ]


def _nodes(folder: str) -> int:
    listed = subprocess.run(CHECKS, cwd=folder, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) tests collected", listed)
    assert found
    return int(found[1])


if __name__ == "__main__":
    print("\n".join(main()))
