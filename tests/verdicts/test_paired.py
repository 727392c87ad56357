"""The same draws under two conditions: flips and doubt; intervals of a median."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binom

from mimic_checks.verdicts.intervals import median_interval
from mimic_checks.verdicts.pairs import Pairs, paired
from tests.scored import group, outcome


def outcomes(kinds):
    return [outcome(k, kind) for k, kind in enumerate(kinds)]


def flips(pairs: Pairs) -> tuple[int, int, int]:
    return pairs.lost, pairs.gained, pairs.n


def test_flips_and_doubt():
    before = outcomes(["right", "right", "wrong", "wrong", "error", "right"])
    after = outcomes(["right", "wrong", "right", "wrong", "right", "unparseable"])
    assert flips(paired(before, after)) == (2, 2, 6)
    assert flips(paired(before, after, doubt="drop")) == (2, 1, 6)
    assert flips(paired(before, after, doubt="gain")) == (1, 2, 6)
    with pytest.raises(ValueError, match="same draws in the same order"):
        paired(before, after[::-1])


def test_a_group_is_one_draw():
    before = [group(k, ["right", "right"]) for k in range(3)]
    after = [group(0, ["right", "wrong"]), group(1, ["right", "right"]), group(2, ["error"] * 2)]
    assert flips(paired(before, after)) == (2, 0, 3)
    assert flips(paired(before, after, doubt="gain")) == (1, 0, 3)


@pytest.mark.parametrize("n", [3, 6, 7, 24, 101])
def test_median_intervals_cover_exactly(n):
    """By the binomial law, for any continuous distribution; too few values give no bound at all."""
    values = list(range(n))
    low, high = median_interval(values, 0.05)
    if n < 6:
        assert (low, high) == (-math.inf, math.inf)
        return
    below = int(low)
    assert high == n - 1 - below
    assert 1 - 2 * binom.cdf(below, n, 0.5) >= 0.95, "covered at least as often as stated"
    assert 1 - 2 * binom.cdf(below + 1, n, 0.5) < 0.95, "and as short as that allows"
