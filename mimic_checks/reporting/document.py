"""The frame of every page: one file, no network, every picture embedded once and filled in where it
is opened.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mimic_checks.reporting.escape import text

_HERE = Path(__file__).parent


def document(
    title: str, header: Sequence[str], main: Sequence[str], pictures: Mapping[str, bytes]
) -> str:
    """A whole page; `header` and `main` are HTML, `pictures` PNG bytes by image id."""
    embedded = {
        key: "data:image/png;base64," + base64.b64encode(data).decode()
        for key, data in pictures.items()
    }
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # The page may load nothing, whatever foreign text should ever get into it unescaped.
            (
                '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src'
                " data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action"
                " 'none'\">"
            ),
            # An empty icon, or browsers ask for /favicon.ico.
            '<link rel="icon" href="data:,">',
            f"<title>{text(title)}</title>",
            f"<style>{(_HERE / 'report.css').read_text()}</style></head><body>",
            "<header>",
            *header,
            "</header>",
            "<main>",
            *main,
            "</main>",
            f'<script type="application/json" id="pictures">{_json(embedded)}</script>',
            f"<script>{(_HERE / 'report.js').read_text()}</script></body></html>",
        ]
    )


def pictures_of(images: Sequence[str], first: int = 1, count: int | None = None) -> str:
    """Pictures of a case, in order and numbered: all, or `count` from the number `first` on. Each
    appears when the surrounding `details.case` is opened."""
    end = len(images) + 1 if count is None else first + count
    figures = "".join(
        f'<figure><img data-picture="{text(images[number - 1])}" alt="image {number} of'
        f' {len(images)}"><figcaption>{number}</figcaption></figure>'
        for number in range(first, end)
    )
    return f'<div class="pictures">{figures}</div>'


def _json(value: object) -> str:
    # A "</script>" inside a text would end the element.
    return json.dumps(value).replace("<", "\\u003c")
