"""`mimic-checks demo`: the checks on the built-in model, before and after its remedy."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.run import call_pytest, pytest_command
from mimic_checks.plugin import EXIT_INCONCLUSIVE
from mimic_checks.processes import call

DEMO = (
    "--vlm",
    "builtin",
    "--vlm-catalog",
    "rendered",
    "--vlm-cases",
    "100",
    "--vlm-seed",
    "0",
    "-k",
    "not sequence_length and not knockout and not visual_patterns and not misleading_inputs",
)
"""The demonstration's fixed profile: everything but the two checks that ask every case under ten
conditions, and the two whose lettered options the built-in model has never learnt."""
DEMO_AFTER = "test_image_count and counting"
"""What the demonstration asks the repaired model itself; the answers to the rest are recorded."""
_WORKED = (0, 1, EXIT_INCONCLUSIVE)


def add_demo(commands: Any) -> None:
    command = commands.add_parser(
        "demo",
        help="run the checks on the built-in model: no GPU, no download",
        description="Runs the checks on the built-in model, then shows what its remedy repairs.",
        epilog="example: mimic-checks demo --output mimic-report",
    )
    command.add_argument(
        "--output", type=Path, default=Path("mimic-report"), help="the run's folder"
    )
    command.set_defaults(work=_demo)


def _demo(options: argparse.Namespace, rest: Sequence[str]) -> int:
    """Exits 0 when the run worked, although checks fail: that the built-in model breaks is the
    point."""
    quiet = ("-c", os.devnull, "-rN", "--tb=no")
    code = call_pytest([*DEMO, "--vlm-output", str(options.output), *quiet, *rest])
    if code not in _WORKED or rest:
        return code if code not in _WORKED else 0
    return _demo_after(options.output, quiet)


def _demo_after(before: Path, quiet: Sequence[str]) -> int:
    """The repaired model on the same cases: one check asked now, the others from answers recorded
    with the adapter."""
    from mimic_checks.models.backends import REPAIRED, REPAIRED_ADAPTER
    from remedies.before_after import before_after, recorded_answers

    after = before.with_name(f"{before.name}-{REPAIRED}")
    asked = [
        "--vlm",
        REPAIRED,
        *DEMO[2:-1],
        DEMO_AFTER,
        "--vlm-output",
        str(after),
        *quiet,
        "--no-header",
        "-q",
    ]
    code = call([*pytest_command(), *asked], stdout=subprocess.DEVNULL)
    if code not in _WORKED:
        return code
    answers = recorded_answers(REPAIRED_ADAPTER / "demo_answers.json")
    print(f"\nthe same cases after the remedy (--vlm {REPAIRED}; docs/remedies.md):")
    print("\n".join(before_after(before, answers, live=after)))
    return 0
