"""How foreign text gets into the page: only through here.

Data in: anything that a model, a catalog or a user wrote. Data out: text that is never markup.
"""

from __future__ import annotations

import html


def text(value: object) -> str:
    """The value as text for HTML, in elements and in quoted attributes."""
    return html.escape(str(value), quote=True)
