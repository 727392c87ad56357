"""The names that an answer may use: class names with every accepted spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mimic_checks.catalog.labels import spellings


class Vocabulary:
    """The class names of a catalog or suite, as answers spell them.

    `spellings`: every accepted spelling, lower case -> class name; `pattern` finds them in
    lower-case text, the longest first. `groups`: super-category -> its class names.
    """

    def __init__(
        self, class_names: tuple[str, ...], groups: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.class_names = class_names
        self.groups = dict(groups or {})
        self.spellings = spellings(class_names)
        longest = sorted(self.spellings, key=len, reverse=True)
        any_of = "|".join(map(re.escape, longest)) or r"(?!)"  # no names: finds nothing
        self.pattern = re.compile(rf"(?<!\w)(?:{any_of})(?!\w)")
