"""The proof of the remedies on the built-in model: data, adapters, and what they change.

    python -m training.ablation --work /tmp/ablation --report reports/remedies

Two long adapters, and twelve (four masks, three seeds) at one budget. Trainings run two at a time
on one thread each: on two cores that is faster than one on two threads, and does not collapse
beside other work. Everything goes on where it was when it is started again. The proof's page,
numbers and summary are copied to `--report`; adapters and answers stay in `--work`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DATA = (
    "--catalog",
    "rendered?seed=7001&scenes=20000&families=0",
    "--mixture",
    "builtin",
    "--keep-out",
    "rendered",
)
MASKS = ("none", "deep", "shallow", "all")
SEEDS = (0, 1, 2)
LONG_MASKS, LONG_STEPS = ("none", "deep"), 6000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument(
        "--steps", type=int, default=1500, help="steps of every adapter of the ablation"
    )
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    remedy(options.work, "data", *DATA, "--out", "remedy-data")
    budget = ("--set", f"max_steps={options.steps}")
    jobs: list[tuple[str, tuple[str, ...]]] = [
        (long_adapter(mask), ("--set", f"max_steps={LONG_STEPS}", "--set", f"mask={mask}"))
        for mask in LONG_MASKS
    ]
    jobs += [
        (
            f"proof/adapters/{mask}-seed{seed}",
            (*budget, "--set", f"mask={mask}", "--set", f"seed={seed}"),
        )
        for seed in SEEDS
        for mask in MASKS
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: train(options.work, *job), jobs))
    long_adapters = [
        part
        for mask in LONG_MASKS
        for part in ("--adapter", f"long, mask {mask}={long_adapter(mask)}")
    ]
    remedy(
        options.work,
        "prove",
        "--vlm",
        "builtin",
        "--data",
        "remedy-data",
        "--preset",
        "builtin",
        *budget,
        *long_adapters,
        "--out",
        "proof",
    )
    options.report.mkdir(parents=True, exist_ok=True)
    for name in ("proof.json", "proof.html", "summary.md"):
        shutil.copyfile(options.work / "proof" / name, options.report / name)


def long_adapter(mask: str) -> str:
    return f"long/{mask}-seed0"


def train(work: Path, out: str, settings: tuple[str, ...]) -> None:
    base = ("--vlm", "builtin", "--data", "remedy-data", "--preset", "builtin")
    remedy(work, "train", *base, *settings, "--out", out, OMP_NUM_THREADS="1")


def remedy(work: Path, *arguments: str, **environment: str) -> None:
    command = [sys.executable, "-m", "mimic_checks.cli", "remedy", *arguments]
    print("$ mimic-checks remedy", *arguments, flush=True)
    with (work / "log.txt").open("a") as log:
        subprocess.run(
            command, cwd=work, env={**os.environ, **environment}, stdout=log, stderr=log, check=True
        )


if __name__ == "__main__":
    main()
