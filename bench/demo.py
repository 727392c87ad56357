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
        command = [
            sys.executable,
            "-m",
            "mimic_checks.cli",
            "demo",
            "--output",
            str(Path(folder) / "report"),
        ]
        began = time.perf_counter()
        code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        spent = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return [
        f"demo: **{spent:.0f} s, {peak:.2f} GiB** peak, exit code {code} (target under 120 s, under"
        " 2 GiB)"
    ]


if __name__ == "__main__":
    print("\n".join(main()))
