"""The contact sheet of drawn cases: one HTML file, no network.

Every case has a mark for a person who finds its true answer arguable.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from mimic_checks.cases import Case, Item, Level, cases_of
from mimic_checks.catalog import Catalog
from mimic_checks.reporting.escape import text
from mimic_checks.tasks import Counts, Names

FILE = "sheet.html"
_HERE = Path(__file__).parent
_LARGEST_PX = 360
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
    " form-action 'none'"
)


def sheet(items: Sequence[tuple[str, Level, Item]], catalog: Catalog) -> str:
    """The page for (check id, level, case or group); a case that several levels share stands
    there once."""
    shown: dict[str, tuple[str, Case]] = {}
    for check, level, item in items:
        for case in cases_of([item]):
            shown.setdefault(case.id, (f"{check}, {level}", case))
    images = dict.fromkeys(image for _, case in shown.values() for image in case.images)
    pictures = {image: _picture(catalog.manifest.open(image)) for image in images}
    cards = [_card(where, case, catalog) for where, case in shown.values()]
    # A "</script>" inside a text would end the element.
    embedded = json.dumps(pictures).replace("<", "\\u003c")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<link rel="icon" href="data:,">',
            f"<title>{text(len(cards))} cases of {text(catalog.name)}</title>",
            f"<style>{(_HERE / 'sheet.css').read_text()}</style></head><body>",
            _header(len(cards), catalog),
            "<main>",
            *cards,
            '<p><label for="listed">What is saved</label></p>',
            '<textarea id="listed" rows="6" readonly></textarea>',
            "</main>",
            f'<script type="application/json" id="pictures">{embedded}</script>',
            f"<script>{(_HERE / 'sheet.js').read_text()}</script></body></html>",
        ]
    )


def _header(number: int, catalog: Catalog) -> str:
    return (
        f"<header><h1>{number} cases of {text(catalog.name)}: is the true answer beyond doubt?</h1>"
        "<p>Mark what is arguable, save the marks, and leave these cases out with"
        " <code>--vlm-leave-out leave_out.txt</code>. Keys: n and p go to the next and the"
        ' previous case, space marks it.</p><div class="tools">'
        '<output id="count" aria-live="polite"></output>'
        '<a id="save" download="leave_out.txt" href="#">save marks</a>'
        '<label>load marks <input id="load" type="file" accept="text/plain"></label></div></header>'
    )


def _card(where: str, case: Case, catalog: Catalog) -> str:
    asked = _asked(case)
    figures = "".join(
        _figure(number, len(case.images), image, asked, catalog)
        for number, image in enumerate(case.images, start=1)
    )
    about = text(f"{where}: {case.question} {case.truth.text}".replace("\n", " "))
    return (
        f'<article><p class="soft">{text(where)}, case {text(case.id)}</p>'
        f"<p>{text(case.question)}</p><p>True answer: <strong>{text(case.truth.text)}</strong></p>"
        f'<div class="pictures">{figures}</div>'
        f'<label><input class="mark" type="checkbox" value="{text(case.id)}"'
        f' data-about="{about}"> arguable</label></article>'
    )


def _figure(number: int, of: int, image: str, asked: Iterable[str], catalog: Catalog) -> str:
    row = catalog.manifest.row(image)
    width, height = catalog.manifest.open(image).size
    found = [
        (name, box)
        for name in asked
        if catalog.boxes and name in catalog.class_names and row < len(catalog)
        for box in catalog.boxes(row, catalog.class_index(name)) or ()
    ]
    rectangles = "".join(
        f'<rect x="{left:g}" y="{top:g}" width="{w:g}" height="{h:g}">'
        f"<title>{text(name)}</title></rect>"
        for name, (left, top, w, h) in found
    )
    named = ", ".join(name for name, _ in found)
    return (
        f'<figure><div class="picture"><img data-picture="{text(image)}" alt="image {number} of'
        f' {of}"><svg viewBox="0 0 {width} {height}" preserveAspectRatio="none"'
        f' aria-hidden="true">{rectangles}</svg></div>'
        f"<figcaption>{number}: {text(catalog.source.describe(row))}"
        f"{'; boxes: ' + text(named) if named else ''}</figcaption></figure>"
    )


def _asked(case: Case) -> list[str]:
    """The classes that a question is about, as far as the case says."""
    truth = case.truth
    names = [name for name, _ in truth.counts] if isinstance(truth, Counts) else []
    names += truth.names if isinstance(truth, Names) else ()
    return list(dict.fromkeys([*names, *case.offered]))


def _picture(picture: Image.Image) -> str:
    small = picture.copy()
    small.thumbnail((_LARGEST_PX, _LARGEST_PX))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
