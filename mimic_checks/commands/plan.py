"""`mimic-checks plan`: how many cases a gate needs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


def add_plan(commands: Any) -> None:
    command = commands.add_parser(
        "plan",
        help="how many cases a gate needs: a fixed number beside looking early",
        epilog="example: mimic-checks plan --margin 0.05",
    )
    command.add_argument(
        "--margin",
        type=float,
        default=0.05,
        help="share of cases that a level may lose (default 0.05)",
    )
    command.add_argument(
        "--alpha", type=float, default=0.05, help="error rate a side (default 0.05)"
    )
    command.add_argument(
        "--flips",
        type=float,
        default=0.01,
        help="share of answers that flip either way without any change (default 0.01)",
    )
    command.add_argument(
        "--power",
        type=float,
        default=0.9,
        help="how often an unchanged release must pass a level (default 0.9)",
    )
    command.set_defaults(work=_plan)


def _plan(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.verdicts.planning import plan_lines

    print(
        "\n".join(
            plan_lines(
                margin=options.margin, alpha=options.alpha, flips=options.flips, power=options.power
            )
        )
    )
    return 0
