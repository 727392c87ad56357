"""The report of a run with 20,000 cases: seconds and megabytes.

    python -m bench.report_size

A run of the defective stub `loses-track` over eight sweeps with 680 draws each; only writing the
report is timed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mimic_checks.reporting import write_report
from mimic_checks.verdicts.run_folder import RunFolder

RUN = "--vlm stub:loses-track --vlm-cases 680 --vlm-batch 64 --vlm-catalog rendered?families=120"


def main() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [sys.executable, "-m", "mimic_checks.cli", "run", *RUN.split()]
        subprocess.run([*command, "--vlm-output", str(out)], stdout=subprocess.DEVNULL, check=False)
        cases = len(RunFolder(out).records())
        began = time.perf_counter()
        path = write_report(out)
        seconds = time.perf_counter() - began
        megabytes = path.stat().st_size / 1e6
    return [
        f"report for {cases:,} cases: **{seconds:.2f} s, {megabytes:.1f} MB**"
        " (target under 10 s, under 30 MB)"
    ]


if __name__ == "__main__":
    print("\n".join(main()))
