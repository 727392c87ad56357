"""The names that an answer may use: class names with every accepted spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from mimic_checks.catalog.labels import DEFAULT_LABELS, Labels, is_known_thing
from mimic_checks.tasks.class_marks import ClassMarks
from mimic_checks.tasks.numerals import WORD

_ONLY_A_NUMBER = re.compile(rf"\d+|{WORD}|an?|none|no|nothing|zero", re.IGNORECASE)

_SHORTEST_MISSPELLED = 6


class Vocabulary:
    """The class names of a catalog or suite, as answers spell them.

    `spellings`: every accepted spelling, lower case -> class name. `groups`: super-category -> its
    class names.
    """

    def __init__(
        self,
        class_names: tuple[str, ...],
        groups: Mapping[str, tuple[str, ...]] | None = None,
        labels: Labels = DEFAULT_LABELS,
    ) -> None:
        self.class_names = tuple(class_names)
        self.groups = dict(groups or {})
        self.labels = labels
        self._counted: dict[tuple[str, ...], ClassMarks] = {}
        self.spellings = labels.spellings(self.class_names)

    @cached_property
    def marks(self) -> ClassMarks:
        """Finds these names in an answer."""
        return ClassMarks(self.spellings)

    def misspelled(self, phrase: str) -> str | None:
        """The one class whose name or other spelling a phrase misses by a letter, or by a space
        ("surf board"); None for short words, where that is another word."""
        glued = phrase.replace(" ", "").replace("-", "")
        if len(glued) < _SHORTEST_MISSPELLED or is_known_thing(phrase):
            return None
        near = {
            name
            for spelling, name in self.spellings.items()
            if abs(len(spelling) - len(phrase)) <= 2
            and (glued == spelling.replace(" ", "") or _one_off(phrase, spelling))
        }
        return near.pop() if len(near) == 1 else None

    def counted(self, asked: Sequence[str]) -> ClassMarks:
        """The same for an answer about counts of `asked`: names that are numbers ("7") are none
        there."""
        extra = tuple(name for name in asked if name not in self.class_names)
        if extra not in self._counted:
            spellings = self.labels.spellings((*self.class_names, *extra))
            self._counted[extra] = ClassMarks(
                {
                    spelling: name
                    for spelling, name in spellings.items()
                    if not _ONLY_A_NUMBER.fullmatch(spelling)
                }
            )
        return self._counted[extra]


def _one_off(word: str, other: str) -> bool:
    """Whether two words differ by one letter: more, less, another, or two changed round."""
    if word == other or min(len(word), len(other)) < _SHORTEST_MISSPELLED:
        return False
    start = next((k for k, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    if start is None:
        return abs(len(word) - len(other)) == 1
    rest, other_rest = word[start:], other[start:]
    return (
        rest[1:] == other_rest
        or rest == other_rest[1:]
        or rest[1:] == other_rest[1:]
        or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    )
