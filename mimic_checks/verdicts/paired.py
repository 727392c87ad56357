"""The same draws asked twice: what a change of conditions gained or lost, with exact bounds.

Data in: outcomes of the same draws, in the same order, under two conditions. Data out: a `Paired` difference.

With b cases lost and c gained of n, the loss is (b - c) / n; its upper bound is CP_upper(b / n) - CP_lower(c / n), each at
half the error rate (Clopper-Pearson, no normal approximation), its lower bound the mirror image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Paired:
    """`lost` cases were right before and are not after, `gained` the other way round, of `n`."""

    lost: int
    gained: int
    n: int

    @property
    def loss(self) -> float:
        """Share of right answers that the change costs; below zero: it helps."""
        return (self.lost - self.gained) / self.n

    def loss_at_most(self, alpha: float) -> float:
        """Upper bound of the loss, wrong with probability `alpha` at most."""
        return upper(self.lost, self.n, alpha / 2) - lower(self.gained, self.n, alpha / 2)

    def loss_at_least(self, alpha: float) -> float:
        """Lower bound of the loss, wrong with probability `alpha` at most."""
        return lower(self.lost, self.n, alpha / 2) - upper(self.gained, self.n, alpha / 2)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided interval of the loss."""
        return self.loss_at_least(alpha / 2), self.loss_at_most(alpha / 2)


def paired(before: Sequence[Outcome], after: Sequence[Outcome]) -> Paired:
    """The paired difference of two conditions, over the same draws (a draw is one cluster); unparseable and error count as not
    right.

    Raises:
        ValueError: not the same draws in the same order, one case each.
    """
    clusters = [outcome.case.cluster for outcome in before]
    if clusters != [outcome.case.cluster for outcome in after] or len(set(clusters)) != len(clusters):
        raise ValueError("paired outcomes must be of the same draws in the same order, one case each")
    lost = sum(a.kind == "right" and b.kind != "right" for a, b in zip(before, after, strict=True))
    gained = sum(a.kind != "right" and b.kind == "right" for a, b in zip(before, after, strict=True))
    return Paired(lost, gained, len(before))
