"""`mimic-checks report`: a run's report written again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_report(commands: Any) -> None:
    command = commands.add_parser("report", help="write a run's report again from its folder")
    command.add_argument("folder", type=Path)
    command.set_defaults(work=_report)


def _report(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.reporting import write_report

    print(write_report(options.folder))
    return 0
