"""`mimic-checks burn-in`: what a gate does on the user's own model."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.checks import add_checks, selected_checks


def add_burn_in(commands: Any) -> None:
    command = commands.add_parser(
        "burn-in",
        help=(
            "how often this gate raises a false alarm and sees a planted defect, on your own model"
        ),
        epilog="example: mimic-checks burn-in --vlm builtin --check spread.balanced",
    )
    command.add_argument("--vlm", required=True)
    command.add_argument("--vlm-catalog", default="rendered")
    command.add_argument("--vlm-cases", type=int, default=150)
    command.add_argument("--vlm-seed", type=int, default=0)
    command.add_argument("--vlm-adapter")
    command.add_argument("--vlm-base-url")
    command.add_argument("--vlm-policy", type=Path)
    command.add_argument(
        "--vlm-output",
        type=Path,
        default=Path("mimic-burn-in"),
        help="journals: a stopped burn-in goes on where it was",
    )
    command.add_argument(
        "--vlm-discard-unfinished",
        action="store_true",
        help="throw away an unfinished burn-in in --vlm-output that was made with other options",
    )
    command.add_argument(
        "--check", action="append", help="only this check (may be given more than once)"
    )
    command.add_argument("--histories", type=int, default=200, help="re-runs per row (default 200)")
    add_checks(command)
    command.set_defaults(work=_burn_in)


def _burn_in(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.burn_in import burn_in, lines
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.checks.gating import asked
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.checks.settings import Settings
    from mimic_checks.errors import InvalidArgument
    from mimic_checks.models import ModelOptions
    from mimic_checks.verdicts.policy import check_policy_can_decide, load_policy

    if options.histories < 1:
        raise InvalidArgument("histories", options.histories, allowed="1 or more")
    found = selected_checks(options, lambda found: found.check.gated)
    policy = load_policy(options.vlm_policy, find_checks(options.checks or ()))
    settings = Settings(
        vlm=options.vlm,
        catalog=options.vlm_catalog,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        output=options.vlm_output,
        model=ModelOptions(adapter=options.vlm_adapter, base_url=options.vlm_base_url),
    )
    plan = RunPlan(settings, list(found.values()))
    check_policy_can_decide(policy, {c.check_id: asked(plan, c) for c in plan.checks})
    session = CheckSession(plan)
    session.validate()
    for item in session.plan.not_carried:
        print(f"{item.status}: {item.name}: {item.text}", file=sys.stderr)
    session.folder.prepare(
        {**session.plan.describe(), "burn_in": True},
        discard=options.vlm_discard_unfinished,
        again=True,
    )
    found_rates = burn_in(session, policy, options.histories)
    session.folder.finish()
    print("\n".join(lines(found_rates, policy.alpha)))
    return 0
