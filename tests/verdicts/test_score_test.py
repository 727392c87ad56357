"""The exact tests, against enumeration of every outcome and other implementations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mimic_checks.verdicts.score_test import (
    MISSED,
    _edge,
    p_above,
    p_below,
    p_falls_short,
    p_retains,
)


def probability(lost, gained, n, p_lost, p_gained):
    """Of one outcome, by the multinomial formula."""
    same = n - lost - gained
    ways = math.factorial(n) // (math.factorial(lost) * math.factorial(gained))
    return (
        ways
        // math.factorial(same)
        * p_lost**lost
        * p_gained**gained
        * max(0.0, 1 - p_lost - p_gained) ** same
    )


def outcomes(n):
    return [(b, c) for b in range(n + 1) for c in range(n + 1 - b)]


@pytest.mark.parametrize("n", [1, 2, 5, 12, 20])
@pytest.mark.parametrize(
    ("margin", "ratio"), [(0.05, 1), (0.2, 0.8), (0.0, 1), (-0.1, 1), (0.3, 1)]
)
def test_no_true_null_is_refuted_more_often_than_said(n, margin, ratio):
    """By enumeration of all outcomes, at every rate on the margin of a grid of its own."""
    p = {x: p_below(*x, n, margin, ratio) for x in outcomes(n)}
    most = (1 - margin) / (1 + ratio)
    for gained in np.linspace(max(0.0, -margin / ratio), most, 41):
        lost = margin + ratio * gained
        for alpha in (0.001, 0.01, 0.05, 0.2):
            refuted = sum(probability(*x, n, lost, gained) for x in p if p[x] <= alpha)
            assert refuted <= alpha + 1e-9, (gained, alpha)


@pytest.mark.parametrize("n", [30, 100])
def test_nor_beyond_the_margin(n):
    """The null is composite: a larger drop is refuted less often still."""
    p = {x: p_below(*x, n, 0.05) for x in outcomes(n) if x[0] + x[1] <= 25}
    for lost, gained in ((0.1, 0.0), (0.1, 0.05), (0.2, 0.1)):
        refuted = sum(
            stats.multinomial.pmf([*x, n - sum(x)], n, [lost, gained, 1 - lost - gained])
            for x in p
            if p[x] <= 0.05
        )
        assert refuted <= 0.05


@given(st.data())
def test_p_values_are_shares_and_mirror_images(data):
    n = data.draw(st.integers(1, 60))
    lost = data.draw(st.integers(0, n))
    gained = data.draw(st.integers(0, n - lost))
    margin = data.draw(st.sampled_from([-0.5, -0.05, 0.0, 0.05, 0.076, 0.085, 0.3, 0.9]))
    ratio = data.draw(st.sampled_from([0.8, 1.0, 1.25]))
    if not -ratio < margin < 1:
        return
    below, above = (f(lost, gained, n, margin, ratio) for f in (p_below, p_above))
    assert 0 < below <= 1
    assert 0 < above <= 1
    assert above == pytest.approx(p_below(gained, lost, n, -margin / ratio, 1 / ratio))
    # Nobody is proven both below and above.
    assert max(below, above) > 0.3


@given(st.integers(2, 40), st.data())
def test_more_lost_and_fewer_gained_never_look_better(n, data):
    lost = data.draw(st.integers(0, n - 1))
    gained = data.draw(st.integers(1, n - lost))
    here = p_below(lost, gained, n, 0.1)
    assert p_below(lost, gained - 1, n, 0.1) >= here - 1e-3
    if lost + gained < n:
        assert p_below(lost + 1, gained, n, 0.1) >= here - 1e-3


@pytest.mark.parametrize(("lost", "n", "margin"), [(0, 100, 0.05), (3, 100, 0.08), (4, 200, 0.05)])
def test_without_gains_it_is_hardly_above_the_binomial_test(lost, n, margin):
    """Nothing gained: the most likely P(gained) is 0, where the test is a binomial one; over other
    P(gained) the largest is above it, for their normal tails are heavier."""
    binomial = stats.binom.cdf(lost, n, margin)
    assert binomial <= p_below(lost, 0, n, margin) <= 2 * binomial + 2 * MISSED


def test_at_margin_0_it_is_about_the_exact_sign_test():
    """Conditional on the flips, "as likely lost as gained" is a sign test; unconditional, it is
    never more than a little larger, and smaller where few draws flip."""
    for lost, gained in ((10, 2), (20, 8), (6, 0), (30, 12)):
        sign = stats.binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue
        assert 0.3 * sign < p_above(lost, gained, 200, 0.0) < 1.2 * sign


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 2), (3, 1), (10, 12)])
def test_the_largest_over_the_grid_is_the_largest_of_all(lost, gained):
    """The probability of the region falls in P(lost) and rises in P(gained), so over a cell of
    P(gained) it is at most that of the cell's best corner: no cell's is above the p-value, when
    cells are halved until the corners agree."""
    n, margin = 60, 0.075
    edge, p = _edge(lost, gained, n, margin, 1.0), p_below(lost, gained, n, margin)
    gains = np.arange(n + 1)

    def corner(low, high):
        within = stats.binom.cdf(edge, n - gains, (margin + low) / (1 - high))
        return float((stats.binom.pmf(gains, n, high) * np.where(edge < 0, 0.0, within)).sum())

    # As far as gains leave P(gained) open (beyond is what `MISSED` is added for).
    end = stats.beta.isf(MISSED / 2, gained + 1, n - gained)
    cells = list(itertools.pairwise(np.linspace(0, min(end, (1 - margin) / 2), 200)))
    for _ in range(9):
        cells = [
            half
            for low, high in cells
            if corner(low, high) > p + 2 * MISSED
            for half in ((low, (low + high) / 2), ((low + high) / 2, high))
        ]
    assert max((corner(*cell) for cell in cells), default=0.0) <= 1.01 * p


@pytest.mark.parametrize(
    ("kept", "lost", "gained", "share"), [(60, 2, 2, 0.8), (30, 12, 3, 0.8), (10, 0, 0, 0.7)]
)
def test_retention_by_enumeration(kept, lost, gained, share):
    """The rate after is `share` of the rate before: over all outcomes of a smaller number of
    draws, with the draws that are wrong twice among them."""
    assert 0 < p_retains(kept, lost, gained, share) <= 1
    n = 9
    table = {}
    for k, b, c in itertools.product(range(n + 1), repeat=3):
        if k + b + c <= n:
            table[k, b, c] = p_retains(k, b, c, share), p_falls_short(k, b, c, share)
    for before, overlap in itertools.product((0.3, 0.6, 1.0), (0.0, 0.5, 1.0)):
        after = share * before
        both = max(0.0, before + after - 1) * (1 - overlap) + after * overlap
        cells = [both, before - both, after - both, 1 - before - after + both]
        for which in (0, 1):
            refuted = sum(
                stats.multinomial.pmf([*x, n - sum(x)], n, cells)
                for x in table
                if table[x][which] <= 0.1
            )
            assert refuted <= 0.1 + 1e-9


def test_no_draws_prove_nothing():
    assert p_below(0, 0, 0, 0.05) == p_retains(0, 0, 0, 0.8) == 1.0
