"""Class names in an answer, found before anything else interprets its words.

Every spelling becomes one character of a private plane, so that whatever is in a name ("no entry",
"do_not_turn_r", "3d printer", "cat and dog") is read as that name and as nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from mimic_checks.tasks.plain_text import plain_characters

_FIRST = 0xF0000
_MOST = 0xFFFD
MARK = "[\U000f0000-\U000ffffd]"
"""Matches one marked name."""
_ANY_MARK = re.compile(MARK)
_LABEL = r"(?=\s*[:=])"
_JOINTS = re.compile(r"[\s_-]+")
# Scripts that put no space between words, or hang particles on them.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


class ClassMarks:
    """The spellings of a vocabulary as marks. `spellings`: lower case -> class name; `labels`:
    those that are names only where a colon or "=" follows."""

    def __init__(self, spellings: Mapping[str, str], labels: Collection[str] = frozenset()) -> None:
        self.spellings = dict(list(spellings.items())[:_MOST])
        self._mark_of: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        self._of_mark: dict[str, tuple[str, str]] = {}
        for place, (spelling, name) in enumerate(self.spellings.items()):
            mark = chr(_FIRST + place)
            self._of_mark[mark] = (spelling, name)
            plain = plain_characters(spelling).lower().strip()
            self._exact.setdefault(plain, mark)
            self._mark_of.setdefault(_joined(plain), mark)
        self._pattern = _pattern(self._exact, labels)

    def mark(self, text: str) -> str:
        """A lower-case text, its names as marks."""
        return self._pattern.sub(self._marked, text)

    def _marked(self, match: re.Match[str]) -> str:
        found = match.group()
        return self._exact.get(found) or self._mark_of.get(_joined(found)) or found

    def name(self, mark: str) -> str:
        """The class that a mark stands for."""
        return self._of_mark[mark][1]

    def spelling(self, mark: str) -> str:
        """How the text spelled it."""
        return self._of_mark[mark][0]

    def unmark(self, text: str) -> str:
        """The text with its names in letters again."""
        return _ANY_MARK.sub(lambda match: self._of_mark[match.group()][0], text)


def without_marks(text: str) -> str:
    """A raw answer without characters that would be taken for marks."""
    return _ANY_MARK.sub(" ", text)


def _joined(text: str) -> str:
    return _JOINTS.sub(" ", text).strip()


def _pattern(spellings: Iterable[str], labels: Collection[str]) -> re.Pattern[str]:
    """Finds the longest spelling at a place; a space in it may be a hyphen or an underscore."""
    longest = sorted(filter(None, spellings), key=len, reverse=True)
    spaced = [one for one in longest if not _UNSPACED.match(one[0])]
    unspaced = [one for one in longest if _UNSPACED.match(one[0])]
    parts = []
    for before, group in ((r"(?<!\w)(?<!\w['’-])", spaced), ("", unspaced)):
        if group:
            any_of = "|".join(_one(one) + (_LABEL if one in labels else "") for one in group)
            parts.append(f"{before}(?:{any_of})")
    return re.compile("|".join(parts) or r"(?!)")


def _one(spelling: str) -> str:
    words = r"(?:[ \t]+|[_-])".join(map(re.escape, spelling.split()))
    last = spelling[-1]
    return words if _UNSPACED.match(last) or not last.isalnum() else rf"{words}(?!\w)"
