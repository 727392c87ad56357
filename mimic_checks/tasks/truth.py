"""True answers, and what an answer was read as: one small type per form of answer.

A reader returns the same types that a case carries as its truth, so that a prediction and a truth
are compared as values. `text` is the answer as a model should write it; `value` is what is claimed,
whatever the order or the letters, for comparing answers with each other.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeVar

from mimic_checks.errors import InvalidArgument

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Counts:
    """Instances of every asked class, in the order asked."""

    counts: tuple[tuple[str, int], ...]
    kind: Literal["counts"] = "counts"

    @property
    def text(self) -> str:
        """`"3"` for one class, `"apple: 2, boat: 1"` for several."""
        if len(self.counts) == 1:
            return str(self.counts[0][1])
        return ", ".join(f"{name}: {count}" for name, count in self.counts)

    @property
    def value(self) -> Hashable:
        return frozenset(self.counts)


@dataclass(frozen=True, slots=True)
class Names:
    """Class names (or, read from an answer, phrases that are none), in any order."""

    names: tuple[str, ...]
    kind: Literal["names"] = "names"

    @property
    def text(self) -> str:
        """The names, or `"none"`."""
        return ", ".join(self.names) or "none"

    @property
    def value(self) -> Hashable:
        return frozenset(self.names)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several lettered options. `options`: their texts, "" where an option is an image."""

    index: int
    options: tuple[str, ...]
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        places = min(len(self.options), len(LETTERS))
        if not 0 <= self.index < places:
            raise InvalidArgument(
                "index", self.index, allowed=f"the place of one of {places} options, from 0"
            )

    @property
    def text(self) -> str:
        """The letter."""
        return LETTERS[self.index]

    @property
    def value(self) -> Hashable:
        return self.options[self.index] or self.index


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes or no."""

    yes: bool
    kind: Literal["yes_no"] = "yes_no"

    @property
    def text(self) -> str:
        return "yes" if self.yes else "no"

    @property
    def value(self) -> Hashable:
        return self.yes


@dataclass(frozen=True, slots=True)
class Number:
    """A number; an answer may be off by `tolerance`."""

    number: float
    tolerance: float = 0.0
    kind: Literal["number"] = "number"

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", float(self.number))
        object.__setattr__(self, "tolerance", float(self.tolerance))
        if not (math.isfinite(self.number) and 0 <= self.tolerance < math.inf):
            raise InvalidArgument(
                "number",
                (self.number, self.tolerance),
                allowed="a finite number with a finite tolerance, at least 0",
            )

    @property
    def text(self) -> str:
        """All digits, without a trailing `.0` or an exponent."""
        return format(Decimal(repr(self.number)).normalize() + 0, "f")

    @property
    def value(self) -> Hashable:
        return self.number


@dataclass(frozen=True, slots=True)
class ShortText:
    """A few words; `accepted`: every wording that is right, the preferred one first."""

    accepted: tuple[str, ...]
    kind: Literal["short_text"] = "short_text"

    def __post_init__(self) -> None:
        if not all(text.strip() for text in self.accepted) or not self.accepted:
            raise InvalidArgument(
                "accepted", self.accepted, allowed="one or more texts, none blank"
            )

    @property
    def text(self) -> str:
        return self.accepted[0]

    @property
    def value(self) -> Hashable:
        return self.accepted[0].casefold()


Truth = Counts | Names | Choice | YesNo | Number | ShortText
_T = TypeVar("_T", Counts, Names, Choice, YesNo, Number, ShortText)


def of_type(truth: Truth, truth_type: type[_T]) -> _T:
    """The same truth, known to be of the type that its task needs.

    Raises:
        InvalidArgument: it is of another type.
    """
    if not isinstance(truth, truth_type):
        raise InvalidArgument("truth", truth, allowed=f"a {truth_type.__name__} for this task")
    return truth
