"""What outcomes prove: every method of both kinds of evidence."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER
from mimic_checks.verdicts.inversion import TOLERANCE
from mimic_checks.verdicts.pairs import Pairs

BOTH = [FIXED_NUMBER, AT_ANY_TIME]
both = pytest.mark.parametrize("evidence", BOTH, ids=["fixed number", "any time"])

draws = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)
rates = st.sampled_from([0.001, 0.05, 0.26, 0.5, 0.8, 0.999])
margins = st.sampled_from([-0.9, -0.05, 0.0, 0.05, 0.075, 0.085, 0.3, 0.99])
alphas = st.sampled_from([0.001, 0.025, 0.05, 0.2])


def pairs_of(kept, lost, gained, neither=0):
    """In an order in which nothing is bunched."""
    kinds = [(1, 1)] * kept + [(1, 0)] * lost + [(0, 1)] * gained + [(0, 0)] * neither
    order = np.random.default_rng(0).permutation(len(kinds))
    return Pairs(tuple(bool(kinds[k][0]) for k in order), tuple(bool(kinds[k][1]) for k in order))


def back(pairs):
    return Pairs(pairs.after, pairs.before)


@given(st.lists(st.booleans(), min_size=1, max_size=60), rates)
def test_rates_are_the_binomial_test(right, rate):
    for said, alternative in (("rate_below", "less"), ("rate_above", "greater")):
        oracle = stats.binomtest(sum(right), len(right), rate, alternative=alternative).pvalue
        assert getattr(FIXED_NUMBER, said)(right, rate) == pytest.approx(oracle)


@given(st.lists(st.booleans(), min_size=1, max_size=60), alphas)
def test_rate_bounds_are_clopper_pearson(right, alpha):
    result = stats.binomtest(sum(right), len(right))
    interval = result.proportion_ci(1 - 2 * alpha, "exact")
    assert FIXED_NUMBER.rate_bounds(right, alpha) == pytest.approx((interval.low, interval.high))


@both
@given(draws=draws, rate=rates, margin=margins, share=rates)
def test_p_values_are_shares_and_never_both_small(evidence, draws, rate, margin, share):
    pairs = Pairs(tuple(b for b, _ in draws), tuple(a for _, a in draws))
    opposite = [
        (evidence.rate_below(pairs.after, rate), evidence.rate_above(pairs.after, rate)),
        (evidence.drop_below(pairs, margin), evidence.drop_above(pairs, margin)),
        (
            evidence.mean_drop_below(pairs.drops, margin),
            evidence.mean_drop_above(pairs.drops, margin),
        ),
        (evidence.retains(pairs, share), evidence.falls_short(pairs, share)),
    ]
    for one, other in opposite:
        assert 0 <= one <= 1
        assert 0 <= other <= 1
        # Bets are against each other too, but their largest wealth may be of different times.
        assert max(one, other) > (0.3 if evidence is FIXED_NUMBER else 0.05) or len(draws) > 20
    # A drop above the margin is a gain below its negative.
    assert evidence.drop_above(pairs, margin) == pytest.approx(
        evidence.drop_below(back(pairs), -margin)
    )


@both
def test_no_draws_prove_nothing(evidence):
    none = Pairs((), ())
    for said in ("rate_below", "rate_above"):
        assert getattr(evidence, said)([], 0.5) == 1
    for said in ("drop_below", "drop_above", "retains", "falls_short"):
        assert getattr(evidence, said)(none, 0.5) == 1
    assert evidence.mean_drop_below([], 0.05) == evidence.mean_drop_above([], 0.05) == 1
    assert evidence.rate_bounds([], 0.05) == (0, 1)
    assert evidence.drop_bounds(none, 0.05) == evidence.mean_drop_bounds([], 0.05) == (-1, 1)
    assert evidence.retained_bounds(none, 0.05) == (0, math.inf)


BOUNDS = {
    "rate": lambda e, pairs, alpha: e.rate_bounds(pairs.after, alpha),
    "drop": lambda e, pairs, alpha: e.drop_bounds(pairs, alpha),
    "mean drop": lambda e, pairs, alpha: e.mean_drop_bounds(pairs.drops, alpha),
    "retained": lambda e, pairs, alpha: e.retained_bounds(pairs, alpha),
}
ESTIMATES = {
    "rate": lambda pairs: sum(pairs.after) / pairs.n,
    "drop": lambda pairs: pairs.drop,
    "mean drop": lambda pairs: pairs.drop,
    "retained": lambda pairs: sum(pairs.after) / max(1, sum(pairs.before)),
}
PROOFS = {
    "rate": lambda e, pairs: (
        lambda x: e.rate_above(pairs.after, x),
        lambda x: e.rate_below(pairs.after, x),
    ),
    "drop": lambda e, pairs: (lambda x: e.drop_above(pairs, x), lambda x: e.drop_below(pairs, x)),
    "mean drop": lambda e, pairs: (
        lambda x: e.mean_drop_above(pairs.drops, x),
        lambda x: e.mean_drop_below(pairs.drops, x),
    ),
    # A share above 1 is one below 1 with before and after exchanged.
    "retained": lambda e, pairs: (
        lambda x: e.retains(pairs, x) if x <= 1 else e.falls_short(back(pairs), 1 / x),
        lambda x: e.falls_short(pairs, x) if x <= 1 else e.retains(back(pairs), 1 / x),
    ),
}
DATA = {
    "all right": (40, 0, 0, 0),
    "all wrong": (0, 0, 0, 40),
    "all lost": (0, 40, 0, 0),
    "all gained": (0, 0, 40, 0),
    "some of each": (20, 5, 3, 12),
    "far more after": (8, 1, 25, 6),
    "far fewer after": (8, 25, 1, 6),
    "one": (1, 0, 0, 0),
    "a little, of many": (180, 4, 2, 14),
}


@both
@pytest.mark.parametrize("of", BOUNDS)
@pytest.mark.parametrize("name", DATA)
def test_bounds_invert_p_values_and_nest(evidence, of, name):
    pairs = pairs_of(*DATA[name])
    wide, narrow = (BOUNDS[of](evidence, pairs, alpha) for alpha in (0.01, 0.1))
    assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]
    if not (of == "retained" and name == "all wrong"):
        assert narrow[0] - 1e-9 <= ESTIMATES[of](pairs) <= narrow[1] + 1e-9
    ends = {"rate": (0, 1), "retained": (0, math.inf)}.get(of, (-1, 1))
    above, below = PROOFS[of](evidence, pairs)
    for alpha, (low, high) in ((0.01, wide), (0.1, narrow)):
        for bound, end, p, outward in ((low, ends[0], above, -1), (high, ends[1], below, 1)):
            if bound == end:
                continue
            # A share above 1 is the inverse of a value that is as close.
            near = TOLERANCE * max(1, bound**2)
            assert p(bound + outward * 1e-9) <= alpha * (1 + 1e-6)
            assert p(bound - outward * 1.5 * near) > alpha


@both
def test_a_share_above_1_is_proven(evidence):
    low, high = evidence.retained_bounds(pairs_of(60, 2, 100, 38), 0.01)
    assert 1.5 < low < 160 / 62 < high < 5


@pytest.mark.parametrize(("lost", "gained"), [(0.0, 0.0), (0.1, 0.02), (0.02, 0.3), (0.3, 0.3)])
def test_fixed_bounds_are_wrong_with_probability_alpha_at_most(lost, gained):
    """Of the drop, by enumeration of all outcomes."""
    n, alpha = 9, 0.1
    too_low = too_high = 0.0
    for b, c in itertools.product(range(n + 1), repeat=2):
        if b + c > n:
            continue
        chance = stats.multinomial.pmf([b, c, n - b - c], n, [lost, gained, 1 - lost - gained])
        if chance < 1e-7:
            continue
        low, high = FIXED_NUMBER.drop_bounds(pairs_of(n - b - c, b, c), alpha)
        too_low += chance * (high < lost - gained)
        too_high += chance * (low > lost - gained)
    assert too_low <= alpha + 1e-5
    assert too_high <= alpha + 1e-5


@pytest.mark.parametrize("share", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("before", [0.4, 0.9])
def test_retention_is_refuted_no_more_often_than_said_at_any_time(share, before):
    """By enumeration of all sequences of draws, looked at after each."""
    both_right = share * before * 0.7
    p = [both_right, before - both_right, share * before - both_right]
    p.append(1 - sum(p))
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    for said in ("retains", "falls_short"):
        refuted = 0.0
        for draws in itertools.product(range(4), repeat=6):
            pairs = Pairs(tuple(kinds[k][0] for k in draws), tuple(kinds[k][1] for k in draws))
            if getattr(AT_ANY_TIME, said)(pairs, share) <= 0.3:
                refuted += math.prod(p[k] for k in draws)
        assert refuted <= 0.3 + 1e-9


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), margins)
def test_means_are_by_bets_in_an_order_of_their_own(drops, margin):
    """The same whether draws hold one case or many: which values happened to come up must not
    choose the test. And the order is one of chance, however the draws came."""
    fixed = FIXED_NUMBER.mean_drop_below(drops, margin)
    shuffled = list(drops)
    random.Random(len(drops)).shuffle(shuffled)
    assert fixed == AT_ANY_TIME.mean_drop_below(shuffled, margin)


@settings(max_examples=30)
@given(
    draws=st.lists(st.booleans(), min_size=1, max_size=60),
    more=st.lists(st.booleans(), max_size=30),
)
def test_what_is_proven_at_any_time_stays_proven(draws, more):
    """Unless all draws together lie on the other side: then nothing is."""
    every = [*draws, *more]
    for rate in (0.3, 0.7):
        below, above = AT_ANY_TIME.rate_below, AT_ANY_TIME.rate_above
        for said, speaks_against in (
            (below, sum(every) > rate * len(every) + 1e-9),
            (above, sum(every) < rate * len(every) - 1e-9),
        ):
            if sum(every) == pytest.approx(rate * len(every)):
                continue
            if speaks_against:
                assert said(every, rate) == 1.0
            else:
                assert said(every, rate) <= said(draws, rate)


def test_they_say_whether_one_may_look():
    assert AT_ANY_TIME.anytime
    assert not FIXED_NUMBER.anytime
