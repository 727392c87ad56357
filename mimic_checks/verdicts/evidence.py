"""What outcomes prove: p-values and bounds, for a number of draws that is fixed beforehand, or at
any time.

A p-value called `..._below` is that of "it is at the margin or above": small where it is proven
below; `..._above` is its mirror image. Bounds are wrong with probability alpha at most, each.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from mimic_checks.verdicts import score_test
from mimic_checks.verdicts.betting import Floats, log_evidence_below
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.inversion import largest_refuted, smallest_refuted
from mimic_checks.verdicts.pairs import Pairs

ROUND = 20
"""Draws between two looks of a run that may stop early."""

Bounds = tuple[float, float]
"""A lower and an upper bound."""


class Evidence(ABC):
    """How outcomes of draws are weighed; draws are in the order in which they were asked."""

    anytime: bool
    """Whether it holds however often one looks."""

    @abstractmethod
    def rate_below(self, right: Sequence[bool], rate: float) -> float:
        """That the share of right draws is below `rate`."""

    @abstractmethod
    def rate_above(self, right: Sequence[bool], rate: float) -> float:
        """That the share of right draws is above `rate`."""

    @abstractmethod
    def drop_below(self, pairs: Pairs, margin: float) -> float:
        """That the drop is below `margin`."""

    @abstractmethod
    def drop_above(self, pairs: Pairs, margin: float) -> float:
        """That the drop is above `margin`."""

    @abstractmethod
    def retains(self, pairs: Pairs, share: float) -> float:
        """That the rate after is at least `share` of the rate before."""

    @abstractmethod
    def falls_short(self, pairs: Pairs, share: float) -> float:
        """That the rate after is less than `share` of the rate before."""

    def mean_drop_below(self, drops: Sequence[float], margin: float) -> float:
        """That the mean of such drops, each in [-1, 1], is below `margin`. By bets, in the order of
        the draws: nothing exact is known of a mean of many values."""
        return _p_below(drops, margin)

    def mean_drop_above(self, drops: Sequence[float], margin: float) -> float:
        """That the mean of such drops is above `margin`."""
        return self.mean_drop_below([-drop for drop in drops], -margin)

    @abstractmethod
    def rate_bounds(self, right: Sequence[bool], alpha: float) -> Bounds:
        """Bounds of the share of right draws."""

    def drop_at_least(self, pairs: Pairs, alpha: float) -> float:
        """Lower bound of the drop."""
        return largest_refuted(lambda m: self.drop_above(pairs, m), (-1.0, 1.0), alpha)

    def drop_at_most(self, pairs: Pairs, alpha: float) -> float:
        """Upper bound of the drop."""
        return smallest_refuted(lambda m: self.drop_below(pairs, m), (-1.0, 1.0), alpha)

    def drop_bounds(self, pairs: Pairs, alpha: float) -> Bounds:
        """Bounds of the drop."""
        return self.drop_at_least(pairs, alpha), self.drop_at_most(pairs, alpha)

    def mean_drop_bounds(self, drops: Sequence[float], alpha: float) -> Bounds:
        """Bounds of the mean drop."""
        return (
            largest_refuted(lambda m: self.mean_drop_above(drops, m), (-1.0, 1.0), alpha),
            smallest_refuted(lambda m: self.mean_drop_below(drops, m), (-1.0, 1.0), alpha),
        )

    def retained_at_least(self, pairs: Pairs, alpha: float) -> float:
        """Lower bound of the rate after as a share of the rate before."""
        low = largest_refuted(lambda share: self.retains(pairs, share), (0.0, 1.0), alpha)
        if low < 1.0:
            return low
        # A share above 1 is asked for with before and after exchanged.
        back = Pairs(pairs.after, pairs.before)
        return 1 / smallest_refuted(lambda s: self.falls_short(back, s), (0.0, 1.0), alpha)

    def retained_at_most(self, pairs: Pairs, alpha: float) -> float:
        """Upper bound of the rate after as a share of the rate before; infinite where nothing
        bounds it."""
        high = smallest_refuted(lambda share: self.falls_short(pairs, share), (0.0, 1.0), alpha)
        if high < 1.0:
            return high
        back = Pairs(pairs.after, pairs.before)
        other = largest_refuted(lambda s: self.retains(back, s), (0.0, 1.0), alpha)
        return 1 / other if other > 0 else math.inf

    def retained_bounds(self, pairs: Pairs, alpha: float) -> Bounds:
        """Bounds of the rate after as a share of the rate before."""
        return self.retained_at_least(pairs, alpha), self.retained_at_most(pairs, alpha)


class FixedNumber(Evidence):
    """Exact, for a number of draws that no answer had a say in."""

    anytime = False

    def rate_below(self, right: Sequence[bool], rate: float) -> float:
        return float(binom.cdf(sum(right), len(right), rate))

    def rate_above(self, right: Sequence[bool], rate: float) -> float:
        return float(binom.sf(sum(right) - 1, len(right), rate))

    def drop_below(self, pairs: Pairs, margin: float) -> float:
        return score_test.p_below(pairs.lost, pairs.gained, pairs.n, margin)

    def drop_above(self, pairs: Pairs, margin: float) -> float:
        return score_test.p_above(pairs.lost, pairs.gained, pairs.n, margin)

    def retains(self, pairs: Pairs, share: float) -> float:
        return score_test.p_retains(pairs.kept, pairs.lost, pairs.gained, share)

    def falls_short(self, pairs: Pairs, share: float) -> float:
        return score_test.p_falls_short(pairs.kept, pairs.lost, pairs.gained, share)

    def mean_drop_below(self, drops: Sequence[float], margin: float) -> float:
        """By bets, in a random order that is fixed beforehand: draws may come sorted."""
        return super().mean_drop_below([drops[k] for k in _order(len(drops))], margin)

    def rate_bounds(self, right: Sequence[bool], alpha: float) -> Bounds:
        return lower(sum(right), len(right), alpha), upper(sum(right), len(right), alpha)


class AtAnyTime(Evidence):
    """By bets, which hold after every draw together: one may look as often as one likes, and stop
    whenever it is enough."""

    anytime = True

    def rate_below(self, right: Sequence[bool], rate: float) -> float:
        return _p_below(right, rate)

    def rate_above(self, right: Sequence[bool], rate: float) -> float:
        return _p_below([not one for one in right], 1 - rate)

    def drop_below(self, pairs: Pairs, margin: float) -> float:
        return self.mean_drop_below(pairs.drops, margin)

    def drop_above(self, pairs: Pairs, margin: float) -> float:
        return self.mean_drop_above(pairs.drops, margin)

    def retains(self, pairs: Pairs, share: float) -> float:
        return _p_below(_short(pairs, share), 0.0, most=share)

    def falls_short(self, pairs: Pairs, share: float) -> float:
        return _p_below(-_short(pairs, share), 0.0, most=1.0)

    def rate_bounds(self, right: Sequence[bool], alpha: float) -> Bounds:
        return (
            largest_refuted(lambda rate: self.rate_above(right, rate), (0.0, 1.0), alpha),
            smallest_refuted(lambda rate: self.rate_below(right, rate), (0.0, 1.0), alpha),
        )


FIXED_NUMBER, AT_ANY_TIME = FixedNumber(), AtAnyTime()


@lru_cache
def _order(n: int) -> tuple[int, ...]:
    order = list(range(n))
    random.Random(n).shuffle(order)
    return tuple(order)


def _short(pairs: Pairs, share: float) -> Floats:
    """Per draw, how much is missing to the share of the rate before."""
    missing: Floats = share * np.array(pairs.before, float) - np.array(pairs.after, float)
    return missing


def _p_below(scores: ArrayLike, mean: float, most: float = 1.0) -> float:
    """That the mean of scores is below `mean`, by bets. What was proven on the way counts only
    where all draws together still look like it: nothing is called proven that the whole run speaks
    against."""
    x = np.asarray(scores, float)
    if not x.size or x.mean() >= mean:
        return 1.0
    return float(math.exp(-max(0.0, log_evidence_below(x, mean, most)[-1])))
