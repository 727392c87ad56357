"""Runs every benchmark, one process each, and writes the table.

python -m bench [--out reports/benchmarks.md]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

NAMES = (
    "demo",
    "end_to_end",
    "sharing",
    "plugin_cost",
    "collecting",
    "drawing",
    "report_size",
    "segmented",
    "profile_memory",
    "suite_reading",
    "gate",
    "bounds",
    "new_photos",
    "training_data",
    "training_step",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    import torch

    lines = [
        "# Benchmarks",
        "",
        f"`python -m bench` on {os.cpu_count()} CPU cores, {platform.machine()},"
        f" Python {platform.python_version()}, torch {torch.__version__}.",
        "",
    ]
    for name in NAMES:
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{name}"], capture_output=True, text=True, check=True
        )
        result = done.stdout.strip()
        print(result, flush=True)
        lines += [f"## {name}", "", result, ""]
    if options.out:
        options.out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
