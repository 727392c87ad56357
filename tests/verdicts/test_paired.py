"""Paired differences: exact bounds by simulation, doubt, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from mimic_checks.verdicts.intervals import median_interval
from mimic_checks.verdicts.paired import Paired, paired
from tests.scored import group, outcome


def outcomes(kinds):
    return [outcome(k, kind) for k, kind in enumerate(kinds)]


def test_flips_and_doubt():
    before = outcomes(["right", "right", "wrong", "wrong", "error", "right"])
    after = outcomes(["right", "wrong", "right", "wrong", "right", "unparseable"])
    assert paired(before, after) == Paired(lost=2, gained=2, n=6)
    assert paired(before, after, doubt="drop") == Paired(lost=2, gained=1, n=6)
    assert paired(before, after, doubt="gain") == Paired(lost=1, gained=2, n=6)
    with pytest.raises(ValueError, match="same draws in the same order"):
        paired(before, after[::-1])


def test_a_group_is_one_draw():
    before = [group(k, ["right", "right"]) for k in range(3)]
    after = [group(0, ["right", "wrong"]), group(1, ["right", "right"]), group(2, ["error"] * 2)]
    assert paired(before, after) == Paired(lost=2, gained=0, n=3)
    assert paired(before, after, doubt="gain") == Paired(lost=1, gained=0, n=3)


@pytest.mark.parametrize(("lost", "gained"), [(0.1, 0.0), (0.15, 0.05), (0.3, 0.2), (0.02, 0.12)])
def test_bounds_are_wrong_no_more_often_than_stated(lost, gained):
    """20,000 runs of 100 cases; the one-sided 99 % lower bound of each error rate is at most 5
    %."""
    generator, n, alpha, runs = np.random.default_rng(1), 100, 0.05, 20_000
    truth = lost - gained
    draws = generator.multinomial(n, [lost, gained, 1 - lost - gained], runs)
    kinds, counts = np.unique(draws[:, :2], axis=0, return_counts=True)
    for bound in ("most", "least"):
        wrong = 0
        for (b, c), times in zip(kinds, counts, strict=True):
            change = Paired(int(b), int(c), n)
            missed = (
                change.drop_at_most(alpha) < truth
                if bound == "most"
                else change.drop_at_least(alpha) > truth
            )
            wrong += int(times) * missed
        assert binom.sf(wrong - 1, runs, alpha) > 0.01 or wrong / runs <= alpha, (
            bound,
            wrong / runs,
        )


def test_the_issue_s_examples_of_margins():
    """2 % flips each way: the bound of the drop is 4.5 points with n = 200 and 3.0 with 400."""
    assert Paired(4, 4, 200).drop_at_most(0.05) == pytest.approx(0.045, abs=0.001)
    assert Paired(8, 8, 400).drop_at_most(0.05) == pytest.approx(0.030, abs=0.001)


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
