"""How foreign text (whatever a model, a catalog or a user wrote) gets into a report: only through
here."""

from __future__ import annotations

import html


def text(value: object) -> str:
    """The value as text for HTML, in elements and in quoted attributes."""
    return html.escape(str(value), quote=True)


def cell(value: str) -> str:
    """The value as it may stand in a Markdown table."""
    # A line break would end the table's row.
    flat = " ".join(value.split())
    return "".join(f"\\{mark}" if mark in "|`*_[]<>\\" else mark for mark in flat)
