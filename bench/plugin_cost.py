"""What the installed, unused plugin costs `pytest` on an unrelated one-test project.

    python -m bench.plugin_cost

Whole processes, with the plugin and with `-p no:mimic_checks`, in turn (ABBA, so that a machine
that slows down hits both alike), 24 of each; the ratio of medians.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 12


def main() -> list[str]:
    times: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_one.py").write_text("def test_one(): pass\n")
        for number in range(ROUNDS + 1):  # the first round fills the caches and is not counted
            for plugged in (True, False, False, True):
                extra = [] if plugged else ["-p", "no:mimic_checks"]
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *extra],
                    cwd=folder,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
                if number:
                    times[plugged].append(time.perf_counter() - began)
    with_plugin, without = (statistics.median(times[key]) for key in (True, False))
    return [
        f"plugin installed but unused: {with_plugin * 1e3:.0f} ms against {without * 1e3:.0f} ms"
        f" without: **{(with_plugin / without - 1) * 100:+.1f} %**"
        f" (target under 5 %; median of {2 * ROUNDS} processes each)"
    ]


if __name__ == "__main__":
    print("\n".join(main()))
