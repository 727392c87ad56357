"""Exact and finite-sample intervals. No normal approximation anywhere: with no flips at all these
intervals still have width."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.stats import beta, binom


def lower(successes: int, n: int, alpha: float) -> float:
    """One-sided Clopper-Pearson lower bound: a rate below it gives so many successes with
    probability under `alpha`."""
    return 0.0 if successes == 0 else float(beta.ppf(alpha, successes, n - successes + 1))


def upper(successes: int, n: int, alpha: float) -> float:
    """One-sided Clopper-Pearson upper bound."""
    return 1.0 if successes == n else float(beta.isf(alpha, successes + 1, n - successes))


def median_interval(values: Sequence[float], alpha: float) -> tuple[float, float]:
    """Two-sided interval for the median of independent draws: order statistics, exact for every
    distribution."""
    ordered, n = sorted(values), len(values)
    # P(fewer than `below` draws under the median) <= alpha / 2
    below = int(binom.ppf(alpha / 2, n, 0.5))
    if below == 0:
        return -math.inf, math.inf
    return ordered[below - 1], ordered[n - below]


def empirical_bernstein(scores: Sequence[float], alpha: float) -> tuple[float, float]:
    """Two-sided interval for the mean of scores in [0, 1] (Maurer and Pontil 2009, theorem 4,
    alpha/2 a side)."""
    n = len(scores)
    if n < 2:
        return 0.0, 1.0
    mean = math.fsum(scores) / n
    variance = math.fsum((score - mean) ** 2 for score in scores) / (n - 1)
    spread = math.log(4 / alpha)
    half = math.sqrt(2 * variance * spread / n) + 7 * spread / (3 * (n - 1))
    return max(0.0, mean - half), min(1.0, mean + half)
