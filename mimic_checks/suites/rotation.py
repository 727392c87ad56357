"""The options of a question under every letter: right by luck once is not right in all of them."""

from __future__ import annotations

from dataclasses import replace

from mimic_checks.suites.item import SuiteItem, choice_of
from mimic_checks.tasks.truth import Choice


def rotations(item: SuiteItem) -> list[SuiteItem]:
    """The item with its options in every rotation, the file's own order first; an item without
    options alone."""
    if not isinstance(item.truth, Choice) or not item.options:
        return [item]
    number = len(item.options)
    return [
        replace(
            item,
            options=(turned := (*item.options[first:], *item.options[:first])),
            truth=choice_of((item.truth.index - first) % number, turned),
        )
        for first in range(number)
    ]
