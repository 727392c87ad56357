"""`mimic-checks describe`: what a check asks, what its verdict means and what to do."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimic_checks.commands.checks import add_checks

if TYPE_CHECKING:
    from mimic_checks.checks.discovery import FoundCheck


def add_describe(commands: Any) -> None:
    command = commands.add_parser(
        "describe",
        help="what a check asks, what its verdict means and what to do",
        description="Prints a check's page; without a name, the names of all checks.",
        epilog="example: mimic-checks describe spread.balanced",
    )
    command.add_argument("check", nargs="?", help="check id, as in the report")
    add_checks(command)
    command.set_defaults(work=_describe)


def _describe(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.characters import visible
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.errors import InvalidArgument

    known = find_checks(options.checks or ())
    if options.check is None:
        width = max(map(len, known), default=0)
        print("\n".join(f"{name:{width}}  {found.behaviour}" for name, found in known.items()))
        return 0
    if options.check not in known:
        close = difflib.get_close_matches(options.check, known, n=5, cutoff=0.3)
        allowed = f"one of the {len(known)} that `mimic-checks describe` lists"
        hint = f"did you mean {close[0]!r}?" if close else ""
        if close[1:]:
            hint += f" also close: {', '.join(map(repr, close[1:]))}"
        raise InvalidArgument("check", options.check, allowed=allowed, hint=hint)
    print(visible(_described(known[options.check])))
    return 0


def _described(found: FoundCheck) -> str:
    check = found.check
    facts = [
        f"{check.check_id}: {check.title}",
        found.behaviour,
        f"factor: {check.factor}; moves with it: {check.moves}",
        f"module: {found.module}",
    ]
    page = _page(found)
    return "\n".join(facts) + (f"\n\n{page}" if page else "")


def _page(found: FoundCheck) -> str:
    """The page in the folder `pages` beside the check's module, or else where it says it is."""
    import importlib

    docs = found.check.docs
    beside = Path(str(importlib.import_module(found.module).__file__)).parent / "pages"
    path = beside / docs.rpartition("/")[2]
    if docs and "://" not in docs and path.is_file():
        return path.read_text(encoding="utf-8").rstrip()
    return f"more: {docs}" if docs else ""
