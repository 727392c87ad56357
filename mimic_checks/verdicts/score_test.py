"""Exact tests of a difference, or a ratio, of two paired rates.

Of n draws, b are *lost* (right before, wrong after), c *gained* (the other way round), the rest
alike. Asked is whether P(lost) - ratio * P(gained) is below a margin. With ratio 1 that is the drop
of a change. With ratio r and margin 1 - r, over the draws that are right at least once, it is
whether the rate after keeps the share r of the rate before: of those draws the one before has
1 - P(gained), the one after 1 - P(lost).

The statistic is the score: the estimated excess over the margin, divided by its standard deviation
under the most likely rates at the margin (Tango 1998 for differences, Nam and Blackwelder 2002 for
ratios). Its distribution is not approximated: a p-value is the probability of all (b, c) at least
as extreme, the largest over what P(gained) may be (an unconditional exact test; as in Berger and
Boos 1994 over a confidence interval of P(gained) that misses with probability `MISSED`, which is
added). P(lost) lies on the margin then: the extreme (b, c) are a region below a curve that does not
fall in c, so that more lost or fewer gained makes it less likely.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, gammaln

from mimic_checks.verdicts.intervals import lower, upper

MISSED = 1e-6
"""Probability that P(gained) is outside the interval over which a p-value is the largest; no
p-value is below it."""
_POINTS_PER_SD = 4
"""Rates are varied in steps of such a part of their standard errors: the probability of a region
varies over a whole one."""
_POINTS_NEAR = 17
_NEGLIGIBLE = 1e-15
"""Numbers of gains less likely than this count as extreme, whatever was lost."""

Floats = NDArray[np.float64]


@lru_cache(maxsize=200_000)
def p_below(lost: int, gained: int, n: int, margin: float, ratio: float = 1.0) -> float:
    """P-value of "P(lost) - ratio * P(gained) is `margin` or more": small where it is proven below.

    `margin` in (-ratio, 1): what cannot be exceeded or undercut needs no test.
    """
    if n == 0:
        return 1.0
    edge = _edge(lost, gained, n, margin, ratio)
    at = _grid(gained, n, margin, ratio)
    found = _probability(edge, at, n, margin, ratio)
    # Between points it may be a little larger: closer ones on both sides of the largest.
    top = int(found.argmax())
    near = np.linspace(at[max(0, top - 1)], at[min(top + 1, len(at) - 1)], _POINTS_NEAR)
    largest = max(found.max(), _probability(edge, near, n, margin, ratio).max())
    return min(1.0, float(largest) + MISSED)


def p_above(lost: int, gained: int, n: int, margin: float, ratio: float = 1.0) -> float:
    """P-value of "P(lost) - ratio * P(gained) is `margin` or less": small where it is proven
    above."""
    return p_below(gained, lost, n, -margin / ratio, 1 / ratio)


def p_retains(kept: int, lost: int, gained: int, share: float) -> float:
    """P-value of "the rate after is less than `share` of the rate before": small where it is proven
    that the share is kept. `kept`: draws right before and after."""
    return p_below(lost, gained, kept + lost + gained, 1 - share, share)


def p_falls_short(kept: int, lost: int, gained: int, share: float) -> float:
    """P-value of "the rate after is `share` of the rate before or more": small where it is proven
    that it is less."""
    return p_above(lost, gained, kept + lost + gained, 1 - share, share)


def _edge(lost: int, gained: int, n: int, margin: float, ratio: float) -> NDArray[np.int64]:
    """Per number of gains, the most losses that are at least as extreme; -1 if none is."""
    gains = np.arange(n + 1)
    # A little above the observed score, which is itself among the extreme.
    limit = float(_score(np.array(lost), np.array(gained), n, margin, ratio)) + 1e-9
    low, high = np.full(n + 1, -1), n - gains
    while np.any(low < high):
        middle = (low + high + 1) // 2
        extreme = _score(middle, gains, n, margin, ratio) <= limit
        low, high = np.where(extreme, middle, low), np.where(extreme, high, middle - 1)
    return np.maximum.accumulate(low)


def _score(
    lost: NDArray[np.int64], gained: NDArray[np.int64], n: int, margin: float, ratio: float
) -> Floats:
    """The estimated excess over the margin in standard deviations."""
    q = _most_likely(lost, gained, n, margin, ratio)
    variance = margin + ratio * (1 + ratio) * q - margin**2
    excess = lost - ratio * gained - margin * n
    sd = np.sqrt(n * np.maximum(variance, 0.0))
    # No variance, no excess: the data are what the margin says, and show nothing.
    score: Floats = excess / np.maximum(sd, 1e-12)
    return score


def _most_likely(
    lost: NDArray[np.int64], gained: NDArray[np.int64], n: int, margin: float, ratio: float
) -> Floats:
    """P(gained) where the data are the most likely, with P(lost) on the margin: the larger root of
    the likelihood's derivative, which is quadratic."""
    same = n - lost - gained
    a = n * ratio * (1 + ratio)
    b = same * (1 + ratio) * margin - lost * ratio * (1 - margin)
    b = b - gained * (ratio * (1 - margin) - margin * (1 + ratio))
    c = -gained * margin * (1 - margin)
    root = (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0))) / (2 * a)
    most_likely: Floats = np.clip(root, *_possible(margin, ratio))
    return most_likely


def _possible(margin: float, ratio: float) -> tuple[float, float]:
    """What P(gained) may be at the margin."""
    return max(0.0, -margin / ratio), (1 - margin) / (1 + ratio)


def _gained_between(gained: int, n: int, margin: float, ratio: float) -> tuple[float, float]:
    """The possible P(gained) that the number of gains does not rule out."""
    low, high = _possible(margin, ratio)
    seen = lower(gained, n, MISSED / 2), upper(gained, n, MISSED / 2)
    # An interval that misses all of them is as good as its nearest point: `MISSED` covers it.
    return min(max(low, seen[0]), high), max(min(high, seen[1]), low)


def _grid(gained: int, n: int, margin: float, ratio: float) -> Floats:
    """The possible P(gained), so close that neither it nor P(lost) or P(as before), which move with
    it, skip more than a part of their own standard error. (P(lost) moves `ratio` times as fast, and
    near 0 has a small error of its own.)"""
    low, high = _gained_between(gained, n, margin, ratio)
    grids = [np.array([low, high])]
    for at_0, slope in ((0.0, 1.0), (margin, ratio), (1 - margin, -1 - ratio)):
        # In angles, standard errors are alike everywhere: 1 / (2 sqrt(n)).
        ends = np.clip([at_0 + slope * low, at_0 + slope * high], 0.0, 1.0)
        first, last = np.arcsin(np.sqrt(ends))
        points = 2 + math.ceil(2 * math.sqrt(n) * _POINTS_PER_SD * abs(last - first))
        grids.append((np.sin(np.linspace(first, last, points)) ** 2 - at_0) / slope)
    return np.unique(np.clip(np.concatenate(grids), low, high))


def _probability(
    edge: NDArray[np.int64], at: Floats, n: int, margin: float, ratio: float
) -> Floats:
    """The probability of the region below the edge for every P(gained) in `at`, which rises."""
    first, last = n * at[0] - _reach(n, at[0]), n * at[-1] + _reach(n, at[-1])
    gains = np.arange(max(0, math.floor(first)), min(n, math.ceil(last)) + 1)
    q = at[:, None]
    most, trials = edge[gains], n - gains
    ways = gammaln(n + 1) - gammaln(gains + 1) - gammaln(trials + 1)
    # Logs of 0 are of no use: 0 times one is 0 here, and anything else times one no chance at all.
    tiny = 1e-300
    likely = np.exp(
        ways + gains * np.log(np.maximum(q, tiny)) + trials * np.log(np.maximum(1 - q, tiny))
    )
    # Rounding, at an end of the possible, gives shares just below 0 or above 1.
    lost_given_no_gain = np.clip((margin + ratio * q) / np.maximum(1 - q, tiny), 0.0, 1.0)
    within = np.where(most < 0, 0.0, np.ones_like(likely))
    # bdtr is not defined below 0 nor at or above the number of trials.
    asked = (likely > _NEGLIGIBLE) & (most >= 0) & (most < trials)
    point, which = np.nonzero(asked)
    within[asked] = bdtr(most[which], trials[which], lost_given_no_gain[point, 0])
    total: Floats = (likely * within).sum(axis=1)
    return total


def _reach(n: int, q: float) -> float:
    """How far from its mean a number of gains is with probability `_NEGLIGIBLE` at most, on either
    side (Bernstein's inequality)."""
    spread = -math.log(_NEGLIGIBLE)
    return spread / 3 + math.sqrt((spread / 3) ** 2 + 2 * spread * n * q * (1 - q))
