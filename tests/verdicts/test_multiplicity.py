"""One error rate for a run: shares of alpha, and p-values corrected by them."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.verdicts.multiplicity import SHARES, TestFamily, bonferroni, holm

EVEN = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_with_even_weights_it_is_holm_s_own():
    third = [1 / 3] * 3
    assert holm([0.01, 0.04, 0.03], third) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([], []) == []
    assert holm([0.9, 0.8], [0.5, 0.5]) == [1.0, 1.0]


@given(EVEN, st.data())
def test_what_is_rejected_is_what_the_closure_of_bonferroni_rejects(p, data):
    """A test is rejected if every group of tests that holds it has one below its share of alpha,
    with the weights of the group made to add up to 1: an implementation over all groups."""
    raw = data.draw(st.lists(st.floats(0.05, 1), min_size=len(p), max_size=len(p)))
    weights, alpha = [value / sum(raw) for value in raw], 0.05
    corrected, everywhere = holm(p, weights), bonferroni(p, weights)
    for k, value in enumerate(corrected):
        if abs(value - alpha) < 1e-9:
            continue
        rejected = True
        for group in product((False, True), repeat=len(p)):
            members = [i for i, chosen in enumerate(group) if chosen]
            if k in members:
                total = sum(weights[i] for i in members)
                rejected &= any(p[i] <= alpha * weights[i] / total for i in members)
        assert (value <= alpha) == rejected
        assert value <= everywhere[k] + 1e-12


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        (TestFamily(30, 9), ("level", "check", "unreadable")),
        (TestFamily(1, 1), ("level", "check", "unreadable")),
        (TestFamily(7), ("level", "unreadable")),
    ],
)
def test_all_tests_of_a_run_share_one_alpha(family, kinds):
    numbers = {"level": family.levels, "check": family.checks, "unreadable": family.levels}
    assert sum(numbers[kind] * family.weight(kind) for kind in kinds) == pytest.approx(1)
    assert family.weight("level") > family.weight("unreadable")
    assert sum(SHARES.values()) == pytest.approx(1)
