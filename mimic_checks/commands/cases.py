"""`mimic-checks cases`: drawn cases on disk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.checks import add_checks, selected_checks
from mimic_checks.plugin import EXIT_INCONCLUSIVE


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
    command.add_argument("--vlm-cases", type=int, default=150)
    command.add_argument("--vlm-seed", type=int, default=0)
    command.add_argument("--vlm-profile", default="standard")
    command.add_argument("--vlm-template", default="plain")
    command.add_argument("--vlm-names", type=Path, help="TOML file of what classes are called")
    command.add_argument("--vlm-kinds", default="", help="more super-categories to ask kinds of")
    command.add_argument(
        "--vlm-leave-out", type=Path, help="file of case ids to leave out, one a line"
    )
    command.add_argument(
        "--sheet",
        action="store_true",
        help="write sheet.html beside them: the cases with boxes, to look at and to mark",
    )
    command.set_defaults(work=_cases)


def _cases(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.settings import Settings
    from mimic_checks.verdicts.case_set import write_case_set
    from mimic_checks.verdicts.files import write_whole

    found = selected_checks(options)
    settings = Settings(
        vlm="",
        catalog=options.vlm_catalog,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        profile=options.vlm_profile,
        template=options.vlm_template,
        names=options.vlm_names,
        kinds=options.vlm_kinds,
        leave_out=options.vlm_leave_out,
    )
    plan = RunPlan(settings, list(found.values()), named=options.check or ())
    plan.settle()
    lines = [
        (check.check_id, level, item)
        for check in plan.checks
        for items in plan.draws(check)
        for k, level in enumerate(plan.levels(check))
        if (item := items[k]) is not None
    ]
    write_case_set(options.out, lines, plan.catalog)
    print(f"{len(lines)} cases of {len(plan.checks)} checks in {options.out}")
    if options.sheet:
        from mimic_checks.reporting.sheet import FILE, sheet

        # The harness judges itself on its cases, not the model.
        judged = {check.check_id for check in plan.checks if not check.harness}
        page = sheet([line for line in lines if line[0] in judged or options.check], plan.catalog)
        write_whole(options.out / FILE, page.encode())
        print(f"to look at and to mark: {options.out / FILE}")
    for absent in plan.not_carried:
        print(f"{absent.status}: {absent.name}: {absent.text}", file=sys.stderr)
    if unmet := plan.leave_out.unmet:
        print(f"in no draw, so not left out: {', '.join(unmet)}", file=sys.stderr)
    return EXIT_INCONCLUSIVE if any(absent.because for absent in plan.not_carried) else 0
