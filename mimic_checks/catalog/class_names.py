"""Which class names are one name to whoever reads an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from mimic_checks.catalog.labels import plural, same_form


def tidy_name(name: object) -> str:
    """A name as it is asked about: one space between words, accents in one encoding."""
    return " ".join(unicodedata.normalize("NFC", str(name)).split())


def clashing_names(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of names (earlier, later) that differ in nothing but case, spaces, underscores,
    hyphens, number, or in what a reader cannot see (`same_form`)."""
    first: dict[str, int] = {}
    pairs = []
    for number, name in enumerate(names):
        text = same_form(name)
        forms = {text, plural(text)}
        known = min((first[form] for form in forms if form in first), default=number)
        if known != number:
            pairs.append((known, number))
        for form in forms:
            first.setdefault(form, number)
    return pairs
