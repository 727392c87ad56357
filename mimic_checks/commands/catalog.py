"""`mimic-checks catalog describe`: what a catalog holds, and what can be asked of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from mimic_checks.commands.checks import add_checks, selected_checks

_STEPS = 10


def add_catalog(commands: Any) -> None:
    parser = commands.add_parser(
        "catalog",
        help="look at a catalog before it is used",
        description="Looks at a catalog before it is used.",
    )
    actions = parser.add_subparsers(dest="action", required=True)
    command = actions.add_parser(
        "describe",
        help="its images, classes and doubts, what was left out and why, and the cases per check",
        description="Tells a catalog's images, classes and doubts, what was left out and why, and"
        " how many cases each check can have.",
        epilog="example: mimic-checks catalog describe coco:/data/coco --check spread.balanced",
    )
    command.add_argument("spec", help="as for --vlm-catalog: coco:<folder>?min_share=0.02")
    command.add_argument("--json", action="store_true", help="one JSON object, not a table")
    command.add_argument(
        "--check", action="append", help="only this check (may be given more than once)"
    )
    add_checks(command)
    command.add_argument("--vlm-cases", type=int, default=150, help="cases per level (default 150)")
    command.add_argument(
        "--vlm-seed", type=int, default=0, help="seed of the drawn cases (default 0)"
    )
    command.add_argument(
        "--vlm-profile", default="standard", help="levels: standard (default) or mimic"
    )
    command.set_defaults(work=_describe)


def _describe(options: argparse.Namespace, rest: Sequence[str]) -> int:
    import json

    from mimic_checks.catalog import load_catalog
    from mimic_checks.characters import whole
    from mimic_checks.checks.catalog_description import describe_catalog, description_lines
    from mimic_checks.checks.settings import Settings

    settings = Settings(
        vlm="",
        catalog=options.spec,
        cases=options.vlm_cases,
        seed=options.vlm_seed,
        profile=options.vlm_profile,
    )
    found = selected_checks(options)
    described = describe_catalog(
        load_catalog(settings.catalog),
        [item.check for item in found.values()],
        cases=settings.cases,
        seed=settings.seed,
        profile=settings.profile,
        progress=_progress,
    )
    if options.json:
        print(json.dumps(described.as_json()))
    else:
        print(whole("\n".join(description_lines(described, settings.cases))))
    return 0


def _progress(done: int, total: int) -> None:
    if total and done % max(1, total // _STEPS) == 0:
        print(f"pictures opened: {done} of {total}", file=sys.stderr)
