"""`mimic-checks cases`: drawn cases on disk."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.checks import add_checks, selected_checks


def add_cases(commands: Any) -> None:
    command = commands.add_parser(
        "cases",
        help="write drawn cases to disk: JSON Lines and images",
        epilog="example: mimic-checks cases --out cases --check spread.balanced",
    )
    command.add_argument("--out", type=Path, required=True, help="a new folder")
    command.add_argument(
        "--check", action="append", help="only this check (may be given more than once)"
    )
    add_checks(command)
    command.add_argument("--vlm-catalog", default="rendered")
    command.add_argument("--vlm-cases", type=int, default=100)
    command.add_argument("--vlm-seed", type=int, default=0)
    command.add_argument("--vlm-profile", default="standard")
    command.add_argument("--vlm-template", default="plain")
    command.set_defaults(work=_cases)


def _cases(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.settings import Settings
    from mimic_checks.verdicts.case_set import write_case_set

    found = selected_checks(options)
    settings = Settings(
        vlm="",
        catalog=options.vlm_catalog,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        profile=options.vlm_profile,
        template=options.vlm_template,
    )
    plan = RunPlan(settings, list(found.values()))
    lines = [
        (check.check_id, level, items[k])
        for check in plan.checks
        for items in plan.draws(check)
        for k, level in enumerate(plan.levels(check))
    ]
    write_case_set(options.out, lines, plan.catalog)
    print(f"{len(lines)} cases of {len(plan.checks)} checks in {options.out}")
    return 0
