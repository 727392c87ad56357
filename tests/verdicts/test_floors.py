"""Floors: the paired tests against blind answers, and what a model that looks at nothing gets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mimic_checks.cases.blind import blind_right
from mimic_checks.verdicts.evidence import AT_ANY_TIME
from mimic_checks.verdicts.floors import Floor, best_floor, floors_of, perfect_floors, unbeaten
from mimic_checks.verdicts.intervals import lower
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.score_test import p_above
from tests.scored import NAMES, case

ALPHA = 0.05


def floors(rows, right):
    """Floors of answers by name: which items each gets right."""
    return tuple(Floor(name, Pairs(tuple(right), tuple(blind))) for name, blind in rows.items())


def one(name, ahead, n=100):
    """A blind answer against a perfect model of n items."""
    return Floor(name, Pairs((True,) * n, tuple(k >= ahead for k in range(n))))


def test_floors_are_counted_item_by_item():
    items = [case(k, count=3 if k < 6 else 5) for k in range(10)]
    right = [k % 2 == 0 for k in range(10)]
    found = {floor.name: floor for floor in floors_of(blind_right(items, NAMES), right)}
    counts = {
        name: (found[name].rate, found[name].ahead, found[name].behind)
        for name in ("three of each", "constant: 5")
    }
    assert counts == {"three of each": (0.6, 2, 3), "constant: 5": (0.4, 3, 2)}
    assert best_floor(tuple(found.values())).rate == 0.6
    assert {floor.behind for floor in perfect_floors(blind_right(items, NAMES))} == {0}
    assert best_floor(()) is None
    assert floors_of({}, []) == floors_of({"x": []}, []) == ()


@given(
    st.integers(1, 60).flatmap(
        lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=2, max_size=6)
    )
)
def test_all_are_beaten_or_the_least_beaten_is_named(rows):
    """The few that are tested decide as all would."""
    right, *blind = rows
    made = floors({str(k): row for k, row in enumerate(blind)}, right)
    p = {floor.name: p_above(floor.ahead, floor.behind, len(right), 0.0) for floor in made}
    found = unbeaten(made, ALPHA)
    assert (found is None) == (max(p.values()) <= ALPHA)
    assert found is None or p[found.name] == max(p.values())


def test_one_that_is_nearly_perfect_is_not_beaten_by_a_perfect_model():
    assert unbeaten([one("x", 2)], ALPHA)
    assert unbeaten([one("x", 10)], ALPHA) is None
    # The conditional test, of another hand, for the same pairs.
    assert binomtest(10, 10, alternative="greater").pvalue < ALPHA
    assert unbeaten([one("easy", 90), one("hard", 2)], ALPHA).name == "hard"
    assert unbeaten([one("easy", 90), one("hard", 2)], ALPHA, AT_ANY_TIME).name == "hard"
    assert unbeaten([one("easy", 90)], ALPHA, AT_ANY_TIME) is None


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param((0.30, 0.28, 0.22, 0.20), id="two that are nearly alike"),
        pytest.param((0.5, 0.3, 0.2, 0.0), id="one in front"),
    ],
)
def test_a_model_as_good_as_the_best_constant_passes_seldom(rates):
    """A model right in all items of the second answer, and in as many others as make it no better
    than the first. Of the constants all are tested: against the most frequent of the sample alone,
    such a model passes in a fifth of runs, for the sample may take the second for the first."""
    rng = np.random.default_rng(5)
    n, runs, first, second = 200, 120, rates[0], rates[1]
    passed = alone = 0
    for _ in range(runs):
        truth = rng.choice(4, size=n, p=rates)
        right = truth == 1
        right |= (truth >= 2) & (rng.random(n) < (first - second) / max(rates[2] + rates[3], 1e-9))
        made = floors({str(k): (truth == k).tolist() for k in range(4)}, right.tolist())
        passed += unbeaten(made, ALPHA) is None
        alone += unbeaten([best_floor(made)], ALPHA) is None
    assert lower(passed, runs, 0.01) <= ALPHA
    if rates[0] - rates[1] < 0.05:
        assert alone > 2 * ALPHA * runs, "the trap is there"
