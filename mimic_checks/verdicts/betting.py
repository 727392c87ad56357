"""Tests of a mean that may be looked at after every draw, whatever the distribution of the scores.

A bet against "the mean is m or more" pays 1 + s (m - x) on a draw of score x, with a stake s that
is chosen from the draws before it and is too small to ruin it. If the mean is m, such wealth grows
on no average, so it ever exceeds 1 / alpha with probability alpha at most (Ville 1939): its largest
value so far is evidence at any time, also at one that is fixed beforehand (Waudby-Smith and Ramdas
2024). The stake is the one that would grow fastest if the mean and the second moment of the draws
so far (and of `_GUESSED` draws that are as good as expected) stayed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LARGEST = 0.8
"""The largest stake, as a share of the one that a single draw could ruin."""
_GUESSED, _GAP, _VARIANCE = 20, 0.05, 0.01
"""What is assumed before the first draw: as if so many had been seen whose mean is so far below m,
with this variance."""
_LEAST_GAP = 0.025
"""A bet is made as if the mean were at least so far below m: wealth that is not at stake cannot
grow."""


def log_evidence_below(scores: ArrayLike, mean: ArrayLike, most: float = 1.0) -> Floats:
    """The log of the largest wealth, after each draw, of betting that the mean is below `mean`.

    `scores`: [..., draws] in the order of drawing, none above `most`. `mean`: below `most`;
    broadcast against the leading axes.
    """
    x, m = np.asarray(scores, float), np.asarray(mean, float)[..., None]
    gaps = m - x
    seen = np.arange(x.shape[-1])
    gap = np.maximum((_GUESSED * _GAP + _before(gaps)) / (_GUESSED + seen), _LEAST_GAP)
    square = (_GUESSED * (_VARIANCE + _GAP**2) + _before(gaps**2)) / (_GUESSED + seen)
    stake = np.minimum(gap / np.maximum(square, gap**2), _LARGEST / (most - m))
    wealth = np.log1p(stake * gaps).cumsum(-1)
    largest: Floats = np.maximum.accumulate(wealth, axis=-1)
    return largest


def _before(values: Floats) -> Floats:
    """The sum of all values before each."""
    total: Floats = np.cumsum(values, axis=-1) - values
    return total
