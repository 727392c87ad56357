"""From p-values to bounds: the smallest value that a test refutes, and the largest."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq

TOLERANCE = 1e-4
"""A bound is at most so far outside of what the test refutes, never inside."""


def smallest_refuted(
    p: Callable[[float], float], between: tuple[float, float], alpha: float
) -> float:
    """The smallest value whose p-value is at most alpha, where p falls; the end if none is."""
    low, high = between[0] + TOLERANCE, between[1] - TOLERANCE
    if p(high) > alpha:
        return between[1]
    if p(low) <= alpha:
        return between[0]
    root = float(
        brentq(lambda x: math.log(max(p(x), 1e-300) / alpha), low, high, xtol=TOLERANCE / 4)
    )
    # The root may lie just before the refuted ones, or p jump there.
    while p(root) > alpha:
        root += TOLERANCE / 4
    return root


def largest_refuted(
    p: Callable[[float], float], between: tuple[float, float], alpha: float
) -> float:
    """The largest value whose p-value is at most alpha, where p rises; the end if none is."""
    low, high = between
    return (low + high) - smallest_refuted(lambda x: p(low + high - x), between, alpha)
