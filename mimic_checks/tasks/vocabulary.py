"""The names that an answer may use: class names with every accepted spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

from mimic_checks.catalog.labels import DEFAULT_LABELS, Labels
from mimic_checks.tasks.class_marks import ClassMarks
from mimic_checks.tasks.numerals import WORD

_ONLY_A_NUMBER = re.compile(rf"\d+|{WORD}|an?|none|no|nothing|zero", re.IGNORECASE)


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
