"""Which checks a command is about."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimic_checks.checks.discovery import FoundCheck


def selected_checks(
    options: argparse.Namespace, allowed: Callable[[FoundCheck], bool] = lambda found: True
) -> dict[str, FoundCheck]:
    """The checks that `--check` names, or all that are allowed.

    Raises:
        InvalidArgument: an unknown check, or one that is not allowed.
    """
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.errors import InvalidArgument

    known = {
        check: found for check, found in find_checks(options.checks or ()).items() if allowed(found)
    }
    for name in options.check or ():
        if name not in known:
            raise InvalidArgument("check", name, allowed=list(known))
    return {name: known[name] for name in options.check or known}


def add_checks(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--checks",
        action="append",
        metavar="MODULE_OR_FOLDER",
        help="checks of your own, beside the installed ones (may be given more than once)",
    )
