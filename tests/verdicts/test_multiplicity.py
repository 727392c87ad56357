"""One error rate for a run, against closed testing of every combination."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.verdicts.multiplicity import SHARES, TestFamily, bonferroni, holm


def closed(p, weights):
    """The definition: a hypothesis is as large as the largest p-value of all combinations that hold
    it, each tested by weighted Bonferroni among its own."""
    k, corrected = len(p), [0.0] * len(p)
    for size in range(1, k + 1):
        for group in itertools.combinations(range(k), size):
            total = sum(weights[i] for i in group)
            of_group = min(1.0, min(p[i] / (weights[i] / total) for i in group))
            for i in group:
                corrected[i] = max(corrected[i], of_group)
    return corrected


@st.composite
def families(draw):
    k = draw(st.integers(1, 5))
    p = draw(
        st.lists(st.sampled_from([0.0, 1e-6, 0.01, 0.01, 0.02, 0.3, 1.0]), min_size=k, max_size=k)
    )
    raw = draw(st.lists(st.floats(0.05, 1), min_size=k, max_size=k))
    return p, [value / sum(raw) for value in raw]


@given(families())
def test_holm_is_the_closed_test(family):
    assert holm(*family) == pytest.approx(closed(*family), abs=1e-12)


@given(families())
def test_bonferroni_rejects_no_more_than_holm(family):
    for strict, mild in zip(bonferroni(*family), holm(*family), strict=True):
        assert 0 <= mild <= strict + 1e-12
        assert strict <= 1


def test_equal_weights_are_the_plain_rule():
    assert holm([0.01, 0.04, 0.03], [1 / 3] * 3) == pytest.approx([0.03, 0.06, 0.06])
    assert bonferroni([0.01, 0.5], [0.5, 0.5]) == [0.02, 1.0]
    assert holm([], []) == bonferroni([], []) == []


def test_one_weight_for_each_p_value():
    with pytest.raises(ValueError):
        bonferroni([0.1, 0.2], [1.0])


@pytest.mark.parametrize("levels", [1, 4, 30, 80])
@pytest.mark.parametrize("checks", [0, 1, 20])
def test_all_tests_of_a_run_share_one_alpha(levels, checks):
    family = TestFamily(levels, checks)
    numbers = {"level": levels, "check": checks, "unreadable": levels}
    total = sum(number * family.weight(kind) for kind, number in numbers.items() if number)
    assert total == pytest.approx(1)
    assert all(0 < family.weight(kind) <= 1 for kind in SHARES)
