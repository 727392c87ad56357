"""What looking is worth: the answers of a level against every blind heuristic, item by item.

A level passes only where its model is proven better than *every* answer that needs no look at the
images, each by a one-sided exact paired test at alpha. No correction is due: all of them must be
beaten (intersection-union). So the heuristics may be many, and a bad one costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mimic_checks.cases import GroupOutcome, Scored
from mimic_checks.cases.blind import blind_right
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.evidence import Evidence
from mimic_checks.verdicts.pairs import Pairs

Blind = Mapping[str, Sequence[bool]]
"""Whether each blind heuristic is right in each item of a level, by its name."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A blind heuristic at a level; `pairs`: whether it is right (before) and whether the model is
    (after, doubt counted against it), item by item."""

    name: str
    pairs: Pairs

    @property
    def rate(self) -> float:
        """The share of items that the heuristic gets right."""
        return sum(self.pairs.before) / self.pairs.n

    @property
    def text(self) -> str:
        """In words."""
        return f"the blind answer {self.name!r}, which is right in {self.rate:.2f}"


def floors_of(blind: Blind, right: Sequence[bool]) -> tuple[Floor, ...]:
    """Every heuristic against a model, item by item."""
    return tuple(
        Floor(name, Pairs(tuple(guesses), tuple(right))) for name, guesses in blind.items() if right
    )


def blind_of(outcomes: Sequence[Scored], vocabulary: Vocabulary) -> Blind:
    """What is right in the items behind some outcomes without a look at their images."""
    asked = [item.group if isinstance(item, GroupOutcome) else item.case for item in outcomes]
    return blind_right(asked, vocabulary)


def perfect_floors(blind: Blind) -> tuple[Floor, ...]:
    """Every heuristic against a model that is always right."""
    return floors_of(blind, [True] * max(map(len, blind.values()), default=0))


def best_floor(floors: Sequence[Floor]) -> Floor | None:
    """The heuristic with the highest rate; None of none."""
    return max(floors, key=lambda floor: floor.rate, default=None)


def unbeaten(floors: Sequence[Floor], alpha: float, evidence: Evidence) -> Floor | None:
    """The heuristic that the answers of a level are the least proven to beat; None if they beat
    every one, each with an error of at most alpha."""
    p, floor = max(
        (
            (evidence.drop_below(floor.pairs, 0.0), floor)
            for floor in (floors if evidence.anytime else _hardest(floors))
        ),
        key=lambda pair: pair[0],
        default=(0.0, None),
    )
    return floor if p > alpha else None


def _hardest(floors: Sequence[Floor]) -> list[Floor]:
    """Those that no other outdoes, as far as numbers decide: that the model wins less often against
    them, or loses more often, makes a p-value larger."""
    found: list[Floor] = []
    for floor in sorted(floors, key=lambda floor: (floor.pairs.gained, -floor.pairs.lost)):
        if not found or floor.pairs.lost > found[-1].pairs.lost:
            found.append(floor)
    return found
