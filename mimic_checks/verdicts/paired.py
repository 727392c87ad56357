"""The same draws asked twice: what a change of conditions gained or lost, with exact bounds.

With b cases lost and c gained of n, the drop is (b - c) / n; its upper bound is CP_upper(b / n) -
CP_lower(c / n), each at half the error rate (Clopper-Pearson, no normal approximation), its lower
bound the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from mimic_checks.cases import Scored
from mimic_checks.verdicts.intervals import lower, upper

Doubt = Literal["wrong", "drop", "gain"]


@dataclass(frozen=True, slots=True)
class Paired:
    """`lost` cases were right before and are not after, `gained` the other way round, of `n`."""

    anytime: ClassVar[bool] = False
    lost: int
    gained: int
    n: int

    @property
    def drop(self) -> float:
        """Share of right answers that the change costs; below zero: it helps."""
        return (self.lost - self.gained) / self.n

    def drop_at_most(self, alpha: float) -> float:
        """Upper bound of the drop, wrong with probability `alpha` at most."""
        return upper(self.lost, self.n, alpha / 2) - lower(self.gained, self.n, alpha / 2)

    def drop_at_least(self, alpha: float) -> float:
        """Lower bound of the drop, wrong with probability `alpha` at most."""
        return lower(self.lost, self.n, alpha / 2) - upper(self.gained, self.n, alpha / 2)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided interval of the drop."""
        return self.drop_at_least(alpha / 2), self.drop_at_most(alpha / 2)


def paired(before: Sequence[Scored], after: Sequence[Scored], *, doubt: Doubt = "wrong") -> Paired:
    """The paired difference of two conditions, over the same draws (a draw is one cluster). Answers
    without a prediction (unparseable, error) count as wrong, or all as a "drop" or all as a "gain":
    what a verdict must survive.

    Raises:
        ValueError: not the same draws in the same order, one case or group each.
    """
    clusters = [item.cluster for item in before]
    if clusters != [item.cluster for item in after] or len(set(clusters)) != len(clusters):
        raise ValueError(
            "paired outcomes must be of the same draws in the same order, one case or group each"
        )
    pairs = [
        (_right(a, doubt == "drop"), _right(b, doubt == "gain"))
        for a, b in zip(before, after, strict=True)
    ]
    return Paired(
        sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs), len(pairs)
    )


def _right(item: Scored, doubtful: bool) -> bool:
    return item.kind == "right" or (doubtful and item.kind in ("unparseable", "error"))
