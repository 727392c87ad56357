"""Anytime-valid bounds: fair bets by enumeration, error rates over all looks by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, multinomial

from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.sequential import (
    STAKES,
    AnytimePaired,
    log_wealth_above,
    log_wealth_below,
)


@pytest.mark.parametrize(("lost", "gained"), [(0.05, 0.0), (0.2, 0.15), (0.0, 0.1), (0.5, 0.5)])
def test_the_bet_is_fair_where_the_loss_is_the_margin(lost, gained):
    """Expected wealth after 12 cases, by adding up all outcomes, is what one started with."""
    n, margin = 12, lost - gained
    for wealth in (log_wealth_below, log_wealth_above):
        expected = math.fsum(
            multinomial.pmf([b, c, n - b - c], n, [lost, gained, 1 - lost - gained])
            * math.exp(wealth(b, c, n, margin))
            for b, c in itertools.product(range(n + 1), repeat=2)
            if b + c <= n
        )
        assert expected == pytest.approx(1.0, abs=1e-9)


def test_wealth_is_the_product_of_the_bets():
    """Case by case, stake by stake, without any of the module's code."""
    outcomes, margin = [1, 0, 0, -1, 0, 1, 0], 0.05
    by_hand = [
        math.prod(1 + stake / (1 - margin) * (margin - d) for d in outcomes) for stake in STAKES
    ]
    assert math.exp(log_wealth_below(2, 1, 7, margin)) == pytest.approx(sum(by_hand) / len(by_hand))


@given(n=st.integers(1, 400), data=st.data(), alpha=st.floats(0.001, 0.4))
def test_bounds_enclose_the_estimate_and_what_is_outside_is_refuted(n, data, alpha):
    lost = data.draw(st.integers(0, n))
    gained = data.draw(st.integers(0, n - lost))
    change = AnytimePaired(lost, gained, n)
    low, high = change.drop_at_least(alpha), change.drop_at_most(alpha)
    assert -1 <= low <= change.drop <= high <= 1
    assert high == 1.0 or log_wealth_below(lost, gained, n, high) >= -math.log(alpha)
    assert low == -1.0 or log_wealth_above(lost, gained, n, low) >= -math.log(alpha)


def test_the_price_of_looking():
    """Wider than the bound for one look, and not by much."""
    for lost, gained, n in ((0, 0, 200), (4, 4, 200), (40, 4, 200)):
        once, ever = Paired(lost, gained, n), AnytimePaired(lost, gained, n)
        assert once.drop_at_most(0.05) < ever.drop_at_most(0.05) < once.drop_at_most(0.05) + 0.06


@pytest.mark.parametrize(("lost", "gained"), [(0.05, 0.0), (0.08, 0.03)])
def test_looking_after_every_case_is_wrong_no_more_often_than_stated(lost, gained):
    """4,000 histories of 400 cases at the margin: how often does any look refute the truth?"""
    runs, cap, alpha = 4_000, 400, 0.05
    generator = np.random.default_rng(3)
    kinds = generator.choice(3, (runs, cap), p=[lost, gained, 1 - lost - gained])
    b, c, n = (kinds == 0).cumsum(1), (kinds == 1).cumsum(1), np.arange(1, cap + 1)
    for wealth in (log_wealth_below, log_wealth_above):
        wrong = int((wealth(b, c, n, lost - gained) >= -math.log(alpha)).any(axis=1).sum())
        low = 0.0 if not wrong else beta.ppf(0.01, wrong, runs - wrong + 1)
        assert low <= alpha, wrong / runs
