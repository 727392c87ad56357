"""Whole numbers in an answer, in digits or words, and which of several is the total.

Nothing is guessed: two different numbers without a stated total are no answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNIT_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen"""
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS, _TENS = _UNIT_WORDS.split(), _TEN_WORDS.split()
WORDS: dict[str, int] = {word: value for value, word in enumerate(_UNITS)}
WORDS |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
WORDS |= {
    f"{ten}-{unit}": 10 * t + u
    for t, ten in enumerate(_TENS, start=2)
    for u, unit in enumerate(_UNITS[:10])
    if u
}
WORDS |= {"a dozen": 12, "one dozen": 12, "dozen": 12, "none": 0, "nothing": 0}

WORD = "|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True))
NUMBER = re.compile(
    rf"(?<![\w.–—-])(?:(?P<digits>\d+(?:\.\d+)?)|(?P<word>{WORD}))(?![\w]|-\w|[.–—]\d)"
)
TERM = re.compile(r"\s*[+*×]")
"""Follows a number that is part of a sum, and not what it comes to."""
_BOUND_BEFORE = re.compile(
    r"(?:\b(?:at least|at most|(?:more|less|fewer|greater) than|over|under|up to|nearly|almost|half"
    r"|a few|several|minus|negative)\s+|[<>≤≥±≠~≈]\s*)$"
)
_BOUND_AFTER = re.compile(
    r"\s*(?:\+(?!\s*\d)|\b(?:or (?:more|less|fewer|so)|hundreds?|thousands?|millions?|dozens?)\b)"
)
_OF_IMAGES = re.compile(
    r"\s*(?:different |separate |given )?(?:images?|pictures?|photos?|scenes?)\b"
)
_BEFORE_TOTAL = re.compile(
    r"(?:=|\btotal(?: number| count)?(?: of(?: all)?(?: the)?(?: \w+)?)?(?: is| are|:|"
    r" equals)?|\bso|\btherefore|\bthus|\baltogether|"
    r"\bsum(?: is|:)?|\banswer(?: is|:)|\boverall)[\s,:]*(?:there (?:are|is) |is |are |that is"
    r" |that makes |it is |a total of )*$"
)
_AFTER_TOTAL = re.compile(
    r"(?:\s+\w+){0,2}\s*,?\s*(?:in total|altogether|in all|overall|combined|all together)\b"
)

_MOST_BEFORE = 200


@dataclass(frozen=True, slots=True)
class Stated:
    """A number in a text: its value, where it stands, whether the text calls it the total, before
    or after it, and whether it is meant as it stands: "at least 3" and "two hundred" are not."""

    value: int
    start: int
    end: int
    before: bool
    after: bool
    exact: bool


def find(text: str) -> list[Stated] | None:
    """All numbers in a lower-case text, but for numbers of images; None if one is not whole."""
    numbers = []
    for match in NUMBER.finditer(text):
        if _OF_IMAGES.match(text, match.end()):
            continue
        digits = match["digits"]
        value = WORDS[match["word"]] if digits is None else float(digits)
        if value > 10**9 or value != int(value):  # in this order: hundreds of digits are infinite
            return None
        in_sum = TERM.match(text, match.end())
        before = not in_sum and bool(last_words(_BEFORE_TOTAL, text, match.start()))
        after = bool(_AFTER_TOTAL.match(text, match.end()))
        exact = not (
            last_words(_BOUND_BEFORE, text, match.start()) or _BOUND_AFTER.match(text, match.end())
        )
        numbers.append(Stated(int(value), match.start(), match.end(), before, after, exact))
    return numbers


def last_words(pattern: re.Pattern[str], text: str, end: int) -> re.Match[str] | None:
    """Where a pattern that ends in `$` stands right before a place. It looks back a limited way,
    so that the time for a long answer full of numbers does not grow with its square."""
    return pattern.search(text, max(0, end - _MOST_BEFORE), end)


def total(text: str) -> int | None:
    """The one number that an answer gives: the stated total, else the only value it mentions, else
    nothing.

    "12 in total" binds tighter than "in total: 5": a total named after its number goes first.
    """
    numbers = find(text)
    if not numbers:
        return None
    stated = [n for n in numbers if n.after] or [n for n in numbers if n.before] or numbers
    values = {number.value for number in stated}
    known = len(values) == 1 and all(number.exact for number in stated)
    return values.pop() if known else None
