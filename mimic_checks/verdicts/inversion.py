"""From p-values to bounds: the smallest value that a test refutes, and the largest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from scipy.optimize import brentq
from scipy.special import ndtri

TOLERANCE = 1e-4
"""A bound is at most so far outside of what the test refutes, never inside."""
_STEP = TOLERANCE / 2
_CLEAR = 0.5
"""A p-value under this share of alpha is clear: no test here takes back so much further on (the
largest rise found, of exact tests of 5 to 100 draws, is by 1.5)."""
_WIDER = 1.5


def smallest_refuted(
    p: Callable[[float], float], between: tuple[float, float], alpha: float
) -> float:
    """The smallest value from which on p-values are at most alpha, where p falls but for small
    waves; the end if there is none."""
    low, high = between[0] + TOLERANCE, between[1] - TOLERANCE
    if p(high) > alpha:
        return between[1]
    if p(low) <= alpha:
        return between[0]

    def excess(x: float) -> float:
        """Nearly linear in x, which a root is found of in a few steps."""
        return float(ndtri(min(max(p(x), 1e-300), 1 - 1e-16)) - ndtri(alpha))

    not_refuted: float | None = low
    while not_refuted is not None:
        root = float(brentq(excess, not_refuted, high, xtol=_STEP))
        # The root may lie just before the refuted ones, or p jump there.
        while p(root) > alpha:
            root += _STEP
        not_refuted = next((x for x in _ahead(p, root, high, alpha) if p(x) > alpha), None)
    return root


def largest_refuted(
    p: Callable[[float], float], between: tuple[float, float], alpha: float
) -> float:
    """The largest value up to which p-values are at most alpha, where p rises but for small waves;
    the end if there is none."""
    low, high = between
    return (low + high) - smallest_refuted(lambda x: p(low + high - x), between, alpha)


def _ahead(p: Callable[[float], float], start: float, end: float, alpha: float) -> Iterator[float]:
    """Values beyond a refuted one, as far as a wave may reach, in steps that widen."""
    step = 2 * TOLERANCE
    x = start + step
    while x < end:
        yield x
        if p(x) <= _CLEAR * alpha:
            return
        step *= _WIDER
        x += step
