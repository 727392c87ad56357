"""What looking is worth: the answers of a level against every blind heuristic, item by item.

A level passes only where its model is proven better than *every* answer that needs no look at the
images, each by a one-sided exact paired test at alpha. No correction is due: all of them must be
beaten (intersection-union). So the heuristics may be many, and a bad one costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_checks.cases import Item
from mimic_checks.cases.blind import blind_right
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.score_test import p_above


@dataclass(frozen=True, slots=True)
class Floor:
    """A blind heuristic at a level: the share of items that it gets right; `ahead` items that the
    model has right and the heuristic wrong, `behind` the other way round."""

    name: str
    rate: float
    ahead: int
    behind: int

    @property
    def text(self) -> str:
        """In words."""
        return f"the blind answer {self.name!r}, which is right in {self.rate:.2f}"


def floors_of(
    items: Sequence[Item], right: Sequence[bool], vocabulary: Vocabulary
) -> tuple[Floor, ...]:
    """Every heuristic against a model, item by item. `right`: whether the model is, doubt counted
    against it."""
    return tuple(
        Floor(
            name,
            sum(blind) / len(items),
            sum(model and not guess for model, guess in zip(right, blind, strict=True)),
            sum(guess and not model for model, guess in zip(right, blind, strict=True)),
        )
        for name, blind in blind_right(items, vocabulary).items()
        if items
    )


def perfect_floors(items: Sequence[Item], vocabulary: Vocabulary) -> tuple[Floor, ...]:
    """Every heuristic against a model that is always right."""
    return floors_of(items, [True] * len(items), vocabulary)


def best_floor(floors: Sequence[Floor]) -> Floor | None:
    """The heuristic with the highest rate; None of none."""
    return max(floors, key=lambda floor: floor.rate, default=None)


def unbeaten(floors: Sequence[Floor], n: int, alpha: float) -> Floor | None:
    """The heuristic that the answers of n items are the least proven to beat; None if they beat
    every one, each with an error of at most alpha."""
    p, floor = max(
        ((p_above(floor.ahead, floor.behind, n, 0.0), floor) for floor in _hardest(floors)),
        key=lambda pair: pair[0],
        default=(0.0, None),
    )
    return floor if p > alpha else None


def _hardest(floors: Sequence[Floor]) -> list[Floor]:
    """Those that no other outdoes: fewer ahead or more behind makes a p-value larger."""
    found: list[Floor] = []
    for floor in sorted(floors, key=lambda floor: (floor.ahead, -floor.behind)):
        if not found or floor.behind > found[-1].behind:
            found.append(floor)
    return found
