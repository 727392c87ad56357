"""How foreign text (whatever a model, a catalog or a user wrote) gets into a report: only through
here."""

from __future__ import annotations

import html
import re

from mimic_checks.characters import visible

_BREAK = "&#8203;"
"""A space of no width: what GitHub and others make of plain text (mentions, references, links) they
find in the rendered words, where no backslash is left to keep them from it."""
_LIVE = re.compile(
    r"(?P<mention>@)(?=\S)"
    r"|(?P<number>\#|\b[Gg][Hh]-)(?=[0-9])"
    r"|(?P<scheme>:)(?=//)"
    r"|(?P<host>\b[Ww][Ww][Ww])(?=\.)"
    r"|(?P<mail>\b(?:mailto|xmpp):)"
    r"|(?P<emoji>:)(?=[+\w-]+:)"
)
_MARKS = frozenset("|`*_[]<>\\~$#")


def text(value: object) -> str:
    """The value as text for HTML, in elements and in quoted attributes."""
    return html.escape(visible(str(value)), quote=True)


def cell(value: str) -> str:
    """The value as it may stand in a Markdown table, or in a heading or an item of a list: as plain
    words that are no markup, link nobody and notify nobody."""
    # A line break would end the table's row.
    flat = " ".join(visible(value).split())
    live = {match.end() for match in _LIVE.finditer(flat)}
    return "".join((_BREAK if at in live else "") + _mark(mark) for at, mark in enumerate(flat))


def _mark(mark: str) -> str:
    if mark == "&":
        return "&amp;"
    return f"\\{mark}" if mark in _MARKS else mark
