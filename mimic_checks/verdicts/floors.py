"""What looking is worth: the answers of a level against every blind heuristic, item by item.

A level passes only where its model is proven better than *every* answer that needs no look at the
images, each by a one-sided exact paired test at alpha. No correction is due: all of them must be
beaten (intersection-union). So the heuristics may be many, and a bad one costs nothing. Of the
constant answers many are tried, not only the one that is right most often: the sample may take
the second best for the best, and a model that says the second best and looks a little passes then
though it is no better than the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mimic_checks.cases import GroupOutcome, Scored
from mimic_checks.cases.blind import blind_right
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.evidence import FIXED_NUMBER, Evidence
from mimic_checks.verdicts.pairs import Pairs

Blind = Mapping[str, Sequence[bool]]
"""Whether each blind heuristic is right in each item of a level, by its name."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A blind heuristic at a level; `pairs`: whether the model (before) and the heuristic (after)
    are right, draw by draw: not looking is the change whose drop is asked for."""

    name: str
    pairs: Pairs

    @property
    def rate(self) -> float:
        """The share of items that it gets right."""
        return sum(self.pairs.after) / self.pairs.n

    @property
    def ahead(self) -> int:
        """Items that the model has right and the heuristic wrong."""
        return self.pairs.lost

    @property
    def behind(self) -> int:
        """Items that the heuristic has right and the model wrong."""
        return self.pairs.gained

    @property
    def text(self) -> str:
        """In words."""
        return f"the blind answer {self.name!r}, which is right in {self.rate:.2f}"


def blind_of(outcomes: Sequence[Scored], vocabulary: Vocabulary) -> Blind:
    """What is right in the items behind some outcomes without a look at their images."""
    asked = [item.group if isinstance(item, GroupOutcome) else item.case for item in outcomes]
    return blind_right(asked, vocabulary)


def floors_of(blind: Blind, right: Sequence[bool]) -> tuple[Floor, ...]:
    """Every heuristic against a model, item by item. `right`: whether the model is, doubt counted
    against it."""
    return tuple(
        Floor(name, Pairs(tuple(right), tuple(guesses))) for name, guesses in blind.items() if right
    )


def perfect_floors(blind: Blind) -> tuple[Floor, ...]:
    """Every heuristic against a model that is always right."""
    return floors_of(blind, [True] * max(map(len, blind.values()), default=0))


def best_floor(floors: Sequence[Floor]) -> Floor | None:
    """The heuristic with the highest rate; None of none."""
    return max(floors, key=lambda floor: floor.rate, default=None)


def unbeaten(
    floors: Sequence[Floor], alpha: float, evidence: Evidence = FIXED_NUMBER
) -> Floor | None:
    """The heuristic that a level's answers are the least proven to beat; None if they beat every
    one, each with an error of at most alpha."""
    tried = floors if evidence.anytime else _hardest(floors)
    p = [evidence.drop_above(floor.pairs, 0.0) for floor in tried]
    if not p or max(p) <= alpha:
        return None
    return tried[p.index(max(p))]


def _hardest(floors: Sequence[Floor]) -> list[Floor]:
    """Those that no other outdoes: with a fixed number of draws, fewer ahead or more behind make a
    p-value larger, whatever the order of the draws."""
    found: list[Floor] = []
    for floor in sorted(floors, key=lambda floor: (floor.ahead, -floor.behind)):
        if not found or floor.behind > found[-1].behind:
            found.append(floor)
    return found
