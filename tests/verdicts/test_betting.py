"""Bets that hold at any time, against every sequence of draws there can be."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.verdicts.betting import log_evidence_below

DISTRIBUTIONS = {
    # scores: probabilities. The mean is what the bet is against.
    "no change, some flips": {-1: 0.02, 0: 0.96, 1: 0.02},
    "lost five points": {-1: 0.02, 0: 0.91, 1: 0.07},
    "even coin of the extremes": {-1: 0.5, 1: 0.5},
    "rarely lost": {0: 0.95, 1: 0.05},
    "rarely gained": {-1: 0.05, 0: 0.95},
    "nearly always lost": {-1: 0.1, 1: 0.9},
    "nearly always gained": {-1: 0.9, 1: 0.1},
    "one surprise": {-1: 0.01, 0.1: 0.99},
    "five points": {-1: 0.1, -0.5: 0.2, 0: 0.4, 0.5: 0.2, 1: 0.1},
    "five uneven points": {-1: 0.05, -0.25: 0.3, 0: 0.3, 0.75: 0.25, 1: 0.1},
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_wealth_is_rarely_ever_large(name):
    """By enumeration: where the mean is what is bet against, wealth ever is 1 / alpha with
    probability alpha at most."""
    scores, chances = map(np.array, zip(*DISTRIBUTIONS[name].items(), strict=True))
    mean, length = float(scores @ chances), {2: 16, 3: 10, 5: 7}[len(scores)]
    kinds = np.array(list(itertools.product(range(len(scores)), repeat=length)))
    x, chance = scores[kinds], chances[kinds].prod(1)
    assert chance.sum() == pytest.approx(1)
    largest = np.exp(log_evidence_below(x, mean))
    for alpha in (0.5, 0.2, 0.05, 0.01):
        assert chance[largest[:, -1] >= 1 / alpha].sum() <= alpha + 1e-12
    assert (np.diff(largest, axis=1) >= -1e-12).all()


@given(st.lists(st.floats(-1, 1), max_size=20), st.floats(-0.99, 0.99))
def test_a_stake_is_chosen_before_its_draw_and_cannot_ruin(before, mean):
    """Draws far below the mean make wealth its largest, so that it can be seen: it is a straight
    line over them, whose slope is the stake."""
    one, two, three = (
        math.exp(log_evidence_below([*before, mean - gain], mean)[-1]) for gain in (1e9, 2e9, 3e9)
    )
    assert three - two == pytest.approx(two - one)
    # A second pair, whose line can be followed back to a gain of nothing.
    small, large = (
        math.exp(log_evidence_below([*before, mean - gain], mean)[-1]) for gain in (1e4, 2e4)
    )
    wealth = 2 * small - large
    if wealth > 1e-2:
        stake = (large - small) / 1e4 / wealth
        assert 0 < stake <= 0.8 / (1 - mean) * (1 + 1e-3)


def test_largest_wealth_by_hand():
    """Two draws: 20 assumed ones have a gap of 0.05 each and a mean square of 0.0125."""
    first = 0.05 / 0.0125
    # No stake is above 0.8 / (1 - 0.05) of what a single draw could ruin.
    stake = min(first, 0.8 / 0.95)
    gap, square = (20 * 0.05 + 0.05) / 21, (20 * 0.0125 + 0.05**2) / 21
    second = min(gap / square, 0.8 / 0.95)
    wealth = np.log1p([stake * 0.05, second * (0.05 - 1)])
    assert log_evidence_below([0, 1], 0.05) == pytest.approx([wealth[0], wealth[0]])
    assert log_evidence_below([0, 0], 0.05)[1] == pytest.approx(wealth[0] + math.log1p(second / 20))


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=30),
    st.floats(-0.99, 0.99),
    st.integers(0, 29),
    st.floats(-1, 1),
)
def test_a_later_draw_changes_nothing_before(scores, mean, at, other):
    at %= len(scores)
    changed = [*scores[:at], other, *scores[at + 1 :]]
    here, there = log_evidence_below(scores, mean), log_evidence_below(changed, mean)
    assert here[:at] == pytest.approx(there[:at], abs=0)
    assert np.isfinite(here).all()


@given(
    st.sampled_from([0.5, 0.8, 1.0, 2.0]),
    st.lists(st.floats(-1, 1), min_size=1, max_size=40),
    st.floats(-0.9, 0.9),
)
def test_no_draw_ruins(most, scores, shift):
    """Even where every draw is the most that there can be."""
    scores = [min(score, most) for score in scores]
    mean = most - 1 + shift
    wealth = log_evidence_below([*scores, *[most] * 20, -1.0], mean, most)
    assert np.isfinite(wealth).all()


def test_means_and_histories_broadcast():
    x = np.random.default_rng(0).choice([-1, 0, 1], (5, 40), p=[0.1, 0.8, 0.1])
    together = log_evidence_below(x, 0.1)
    assert together == pytest.approx(np.array([log_evidence_below(row, 0.1) for row in x]))
    means = np.array([-0.3, 0.0, 0.4])
    of_one = log_evidence_below(np.broadcast_to(x[0], (3, 40)), means)
    assert of_one == pytest.approx(np.array([log_evidence_below(x[0], m) for m in means]))
    assert log_evidence_below([], 0.1).shape == (0,)
