"""The exact tests, against enumeration of every outcome and other implementations."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from mimic_checks.verdicts.score_test import (
    MISSED,
    _edge,
    _most_likely,
    _score,
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


@pytest.mark.parametrize(
    ("lost", "gained", "n", "margin", "ratio"),
    [
        # A share of 0.05 not kept: P(lost) moves 20 times as fast as P(gained).
        (5, 30, 100, -3.62599, 20.0),
        (2, 10, 100, -0.5, 20.0),
        (19, 0, 50, 0.641691, 0.5),
        (1, 0, 10, 0.3, 0.3),
        # The largest is near a P(lost) or a P(gained) of 0.
        (3, 6, 30, 0.076, 1.0),
        (0, 9, 10, 0.554746, 0.2),
    ],
)
def test_no_rate_moves_between_the_points_of_the_grid(lost, gained, n, margin, ratio):
    """Over many more points, as dense in P(lost) as in P(gained), by another implementation."""
    edge, gains = _edge(lost, gained, n, margin, ratio), np.arange(n + 1)
    low, high = max(0.0, -margin / ratio), (1 - margin) / (1 + ratio)
    seen = stats.beta.isf(MISSED / 2, gained + 1, n - gained)
    least = stats.beta.ppf(MISSED / 2, gained, n - gained + 1) if gained else 0.0
    low, high = max(low, least), min(high, seen)
    ends = [(0.0, 1.0), (margin, ratio), (1 - margin, -1 - ratio)]
    angles = [
        np.arcsin(np.sqrt(np.clip([at + slope * low, at + slope * high], 0, 1)))
        for at, slope in ends
    ]
    at = np.concatenate(
        [
            (np.sin(np.linspace(*angle, 700)) ** 2 - at) / slope
            for angle, (at, slope) in zip(angles, ends, strict=True)
        ]
    ).clip(low, high)[:, None]
    within = stats.binom.cdf(edge, n - gains, np.clip((margin + ratio * at) / (1 - at), 0, 1))
    largest = float((stats.binom.pmf(gains, n, at) * within).sum(1).max())
    p = p_below(lost, gained, n, margin, ratio)
    assert largest * 0.9995 <= p <= largest * 1.0001 + MISSED


MARGINS = [0.0, 1e-9, -1e-9, 0.05, -0.05, 0.075, -0.076, 0.085, 0.2, -0.25, 0.9999, -0.9999]


@pytest.mark.parametrize("ratio", [0.001, 0.1, 0.8, 1.0, 1.25, 10.0, 1000.0])
def test_the_score_rises_in_losses_and_falls_in_gains(ratio):
    """What the edge of a region is found by; at every outcome of up to 60 draws."""
    for n in (1, 2, 3, 7, 20, 60):
        lost, gained = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
        for margin in [*(m for m in MARGINS if m > -ratio), 1 - ratio]:
            score = _score(lost, gained, n, margin, ratio)
            score[lost + gained > n] = np.nan
            assert not np.nanmin(score[1:] - score[:-1]) < -1e-9
            assert not np.nanmin(score[:, :-1] - score[:, 1:]) < -1e-9


@pytest.mark.parametrize(
    ("margin", "ratio"), [(0.05, 1.0), (-0.05, 1.0), (0.2, 0.8), (-0.25, 1.25)]
)
def test_the_most_likely_rates_are_so(margin, ratio):
    low, high = max(0.0, -margin / ratio), (1 - margin) / (1 + ratio)
    for lost, gained, n in ((1, 1, 5), (10, 3, 50), (0, 4, 20), (4, 0, 20), (20, 20, 40)):

        def surprise(q, lost=lost, gained=gained, n=n):
            rates = margin + ratio * q, q, 1 - margin - (1 + ratio) * q
            counts = lost, gained, n - lost - gained
            return -sum(k * math.log(max(p, 1e-300)) for k, p in zip(counts, rates, strict=True))

        best = optimize.minimize_scalar(
            surprise, bounds=(low, high), method="bounded", options={"xatol": 1e-9}
        )
        found = float(_most_likely(np.array(lost), np.array(gained), n, margin, ratio))
        assert found == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize(
    ("margin", "ratio"), [(0.075, 1.0), (0.076, 1.0), (-0.085, 1.0), (0.2, 0.8), (-0.25, 1.25)]
)
def test_size_over_a_fine_grid(margin, ratio):
    """All outcomes of 26 draws, P(gained) in steps of 0.1 to 0.2 points."""
    n = 26
    x = np.array(outcomes(n))
    p = np.array([p_below(int(b), int(c), n, margin, ratio) for b, c in x])
    q = np.linspace(max(0.0, -margin / ratio), (1 - margin) / (1 + ratio), 401)[:, None]
    lost, same = margin + ratio * q, np.maximum(1 - margin - (1 + ratio) * q, 0.0)
    for alpha in (0.001, 0.0125, 0.05, 0.1):
        b, c = x[p <= alpha].T
        chance = stats.binom.pmf(c, n, q) * stats.binom.pmf(
            b, n - c, np.clip(lost / np.maximum(lost + same, 1e-300), 0, 1)
        )
        size = chance.sum(1).max()
        assert size <= alpha
        if alpha >= 0.05 and ratio == 1.0:
            assert size >= alpha / 2  # not wasted


@pytest.mark.parametrize("n", [1, 2, 2000])
@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.25])
def test_extreme_data(n, ratio):
    """Nothing undefined, negative or out of order at the ends."""
    for margin in [m for m in MARGINS if m > -ratio]:
        with np.errstate(divide="raise", invalid="raise"):
            all_gained, even, all_lost = (
                p_below(*data, n, margin, ratio) for data in ((0, n), (0, 0), (n, 0))
            )
        assert 0 < all_gained <= even + 2 * MISSED
        assert even <= all_lost + 2 * MISSED
        assert all_lost == pytest.approx(1.0, abs=1e-3) or margin > 0.99
