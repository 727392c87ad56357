"""Paired differences that may be looked at after every batch: bounds that hold at all times
together.

A bet against "the drop is m or more" pays 1 + s (m - d) on every case, with d = 1 (lost), -1
(gained) or 0 (as before), and a stake s that cannot ruin it. If the drop is m, such wealth grows on
no average, so it exceeds 1 / alpha at any time with probability alpha at most (Ville 1939); wealth
averaged over stakes does as well. Where it does exceed, m is refuted (Waudby-Smith and Ramdas 2024,
betting confidence sequences, with fixed stakes in place of estimated ones: so wealth depends on the
counts only, and a resumed run decides alike).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, xlog1py

from mimic_checks.verdicts.paired import Paired

STAKES = np.concatenate([np.geomspace(0.01, 0.2, 6), np.linspace(0.25, 0.95, 15)])
"""Shares of the largest stake that cannot ruin the bet."""
_HALVINGS = 40


def log_wealth_below(
    lost: ArrayLike, gained: ArrayLike, n: ArrayLike, margin: float
) -> NDArray[np.float64]:
    """Log of the wealth of betting that the drop is below `margin` (from -1 to 1, both excluded),
    started with 1. Arrays broadcast."""
    b, c, same = (
        np.asarray(x, float)[..., None]
        for x in (lost, gained, np.asarray(n) - np.asarray(lost) - np.asarray(gained))
    )
    stakes = STAKES / (1 - margin)
    grown = (
        xlog1py(b, stakes * (margin - 1))
        + xlog1py(same, stakes * margin)
        + xlog1py(c, stakes * (margin + 1))
    )
    wealth: NDArray[np.float64] = logsumexp(grown, axis=-1) - np.log(len(STAKES))
    return wealth


def log_wealth_above(
    lost: ArrayLike, gained: ArrayLike, n: ArrayLike, margin: float
) -> NDArray[np.float64]:
    """The mirror image: the wealth of betting that the drop is above `margin`."""
    return log_wealth_below(gained, lost, n, -margin)


@dataclass(frozen=True, slots=True)
class AnytimePaired(Paired):
    """A `Paired` whose bounds may be looked at as often as one likes."""

    anytime: ClassVar[bool] = True

    def drop_at_most(self, alpha: float) -> float:
        """Upper bound of the drop, at any time wrong with probability `alpha` at most over all
        times."""
        return _refuted_from(self.lost, self.gained, self.n, alpha)

    def drop_at_least(self, alpha: float) -> float:
        """Lower bound of the drop, at any time wrong with probability `alpha` at most over all
        times."""
        return -_refuted_from(self.gained, self.lost, self.n, alpha)


def _refuted_from(lost: int, gained: int, n: int, alpha: float) -> float:
    """The smallest margin that the bet refutes (wealth grows with the margin); 1 if none."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if float(log_wealth_below(lost, gained, n, middle)) >= -np.log(alpha):
            high = middle
        else:
            low = middle
    return high
