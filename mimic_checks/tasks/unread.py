"""Why an answer is not read: few words, so that they can be counted over a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

CUT_OFF = "cut off"
"""The answer ends within its reasoning."""
ONLY_REASONING = "only reasoning"
"""Reasoning that ended, and nothing after it."""
REFUSED = "refused"
NO_ANSWER = "no answer"
"""Nothing in it says what was asked for."""
SEVERAL = "several values"
BOUND = "a bound, no number"
"""At least 3, 3 or 4, several, 2.5 where whole things are counted."""
HEDGED = "hedged"
"""The answer doubts itself, or takes back what it said."""
DENIED = "only a denial"
"""It says what is not so, and nothing else."""
OTHER_THINGS = "other things counted"
PER_IMAGE = "per image, without a total"
"""One in each image, without saying how many images there are."""
TOO_LONG = "too long"
"""More characters than any answer has: a model that repeats itself without end."""
UNKNOWN_NAME = "unknown name"
"""A name outside the vocabulary that may be another word for a class in it."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that does not say one thing, and why, in a few words that can be counted ("cut
    off", "several values"); never with the answer's own text."""

    reason: str


def agreed(readings: Iterable[T | Unread]) -> T | Unread:
    """The one value that all statements of an answer have; unread where one is, or two differ."""
    known: list[T] = []
    for reading in readings:
        if isinstance(reading, Unread):
            return reading
        known.append(reading)
    if not known:
        return Unread(NO_ANSWER)
    return known[0] if all(value == known[0] for value in known) else Unread(SEVERAL)
