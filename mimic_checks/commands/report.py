"""`mimic-checks report`: a run's report written again."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_report(commands: Any) -> None:
    command = commands.add_parser(
        "report",
        help="write a run's report again from its folder",
        epilog="example: mimic-checks report mimic-report",
    )
    command.add_argument("folder", type=Path, help="a run's output folder")
    command.set_defaults(work=_report)


def _report(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.plugin import EXIT_INCONCLUSIVE
    from mimic_checks.reporting import write_report
    from mimic_checks.verdicts.run_folder import RunFolder

    print(write_report(options.folder))
    run = RunFolder(options.folder)
    missing = run.missing()
    if missing:
        print(
            f"unfinished: {len(missing)} of {len(run.checks())} checks have no result"
            f" ({', '.join(missing)}); give the run's command again to go on"
        )
    return EXIT_INCONCLUSIVE if missing else 0
