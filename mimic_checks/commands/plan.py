"""`mimic-checks plan`: what to expect of a run, before anything is asked."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from typing import Any

from mimic_checks.commands.checks import add_checks
from mimic_checks.commands.run import call_pytest, checks_arguments

OWN = (
    ("flips", "share of answers that flip each way without any change (default 0.01)"),
    ("joint", "'independent' (default), or 'nested': all levels of a draw flip together"),
    ("power", "how often an unchanged release must pass the whole run (default 0.9)"),
    ("rate", "what the model is right in at the reference, for the thresholds (default 0.8)"),
    ("seconds-per-call", "GPU seconds that an answer takes (default: not said)"),
)


def add_plan(commands: Any) -> None:
    command = commands.add_parser(
        "plan",
        help="what to expect of a run: how often it passes and finds, and what it costs",
        description=(
            "Takes every option of `mimic-checks run`, and simulates what that run would say, per"
            " check and in all, asked at once and in rounds (--vlm-sequential). Loads no model and"
            " opens no catalog: checks that the catalog cannot carry are planned, too."
        ),
        epilog="example: mimic-checks plan -k test_spread --vlm-cases 200 --flips 0.02",
    )
    for name, words in OWN:
        command.add_argument(f"--{name}", help=words)
    add_checks(command)
    command.set_defaults(work=_plan)


def _plan(options: argparse.Namespace, rest: Sequence[str]) -> int:
    own = [
        argument
        for name, _ in OWN
        if (value := getattr(options, name.replace("-", "_"))) is not None
        for argument in (f"--{name}", value)
    ]
    # Whatever the run's number of workers, there is one plan.
    alone = ["-n0"] if importlib.util.find_spec("xdist") else []
    arguments = [*checks_arguments(options), *rest, *alone]
    return call_pytest(["-p", "mimic_checks.plugin.planned", *arguments, *own])
