"""`make demo` after installation: wall time and peak memory of the process that it starts.

python -m bench.demo
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        report = str(Path(folder) / "report")
        command = [sys.executable, "-m", "mimic_checks.cli", "demo", "--output", report]
        began = time.perf_counter()
        code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        seconds = time.perf_counter() - began
    peak_gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return [
        f"demo: **{seconds:.0f} s, {peak_gib:.2f} GiB** peak, exit code {code}"
        " (target under 120 s, under 2 GiB)"
    ]


if __name__ == "__main__":
    print("\n".join(main()))
