"""`mimic-checks run`: pytest with the plugin's own options, so both ways give the same verdicts."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

from mimic_checks.commands.checks import add_checks
from mimic_checks.options import OPTIONS
from mimic_checks.processes import call

SHIPPED = "mimic_checks.checks"


def add_run(commands: Any) -> None:
    known = "\n".join(f"  --{option.name}  {option.help}" for option in OPTIONS)
    command = commands.add_parser(
        "run",
        help="run the checks on a model",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the checks; takes every option of the pytest plugin, and pytest's own.",
        epilog=f"options:\n{known}\n\nexample: mimic-checks run --vlm builtin -k test_spread",
    )
    add_checks(command)
    command.set_defaults(work=_run)


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    return call_pytest([*checks_arguments(options), *rest])


def checks_arguments(options: argparse.Namespace) -> list[str]:
    """The checks of other packages, and those that `--checks` names."""
    from mimic_checks.checks.discovery import CHECK_MODULES

    installed = [
        module for module in CHECK_MODULES.modules() if module != SHIPPED and _is_importable(module)
    ]
    return [*installed, *(options.checks or ())]


def _is_importable(module: str) -> bool:
    """Whether a module is there; a broken package of somebody's should not stop the run."""
    try:
        known = importlib.util.find_spec(module) is not None
    except ImportError:
        known = False
    if not known:
        print(f"mimic-checks: checks in {module!r} are left out: no such module", file=sys.stderr)
    return known


def call_pytest(arguments: Sequence[str]) -> int:
    """In a process of its own, as a user's pytest would run: nothing imported before the plugin, no
    ini left over."""
    return call([*pytest_command(), *arguments])


def pytest_command() -> list[str]:
    quiet = ["-p", "no:cacheprovider", "-q", "--tb=short"]
    return [sys.executable, "-m", "pytest", *quiet, "--pyargs", SHIPPED]
