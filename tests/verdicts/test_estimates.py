"""The estimates beside the verdicts: drops on the same draws, and up to where retention is
proven."""

from __future__ import annotations

import pytest

from mimic_checks.cases import Level
from mimic_checks.verdicts.estimates import capacity, drop_from, drop_words
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.pairs import paired
from mimic_checks.verdicts.text import estimates, summary
from tests.reporting.test_report import level_result, result
from tests.scored import outcome


def kinds(right, n=50):
    return [outcome(k, "right" if right(k) else "wrong") for k in range(n)]


def test_a_drop_is_that_of_the_same_draws():
    before, after = kinds(lambda k: k < 40), kinds(lambda k: 5 <= k < 42)
    bounds = FIXED_NUMBER.drop_bounds(paired(before, after), 0.025)
    assert (paired(before, after).lost, paired(before, after).gained) == (5, 2)
    assert drop_from(before, after, 0.05, FIXED_NUMBER) == (0.06, *bounds)


def test_other_draws_have_no_drop():
    before = kinds(lambda k: True)
    assert drop_from(before, before[::-1], 0.05, FIXED_NUMBER) is None
    assert drop_from(before, before[1:], 0.05, FIXED_NUMBER) is None
    assert drop_from([], [], 0.05, FIXED_NUMBER) is None


def test_an_unread_answer_counts_as_wrong():
    before = kinds(lambda k: True)
    drop = drop_from(before, [*before[:-1], outcome(49, "unparseable", "?")], 0.05, FIXED_NUMBER)
    assert drop[0] == pytest.approx(0.02)


def sweep(*verdicts, values=(1, 2, 4, 8), factor="images", drop=0.123):
    """A check with these verdicts at its levels."""
    bounds = {"drop": drop, "drop_low": drop - 0.1, "drop_high": drop + 0.1}
    levels = [
        level_result(Level("images", value), 90, verdict, reference=k == 0).model_copy(
            update=bounds if k else {}
        )
        for k, (value, verdict) in enumerate(zip(values, verdicts, strict=False))
    ]
    return result(factor=factor).model_copy(update={"levels": tuple(levels)})


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("pass", "pass", "pass", "pass"), "up to images=8"),
        (("pass", "pass", "inconclusive", "pass"), "up to images=2"),
        (("pass", "fail", "pass", "pass"), "at no level"),
        (("inconclusive", "pass", "pass", "pass"), ""),
        (("pass",), ""),
    ],
)
def test_capacity_is_the_last_level_before_the_first_that_is_not_proven(verdicts, said):
    assert capacity(sweep(*verdicts)) == said


def test_only_ordered_levels_of_the_check_s_own_factor_have_a_capacity():
    passed = ("pass", "pass", "pass")
    assert capacity(sweep(*passed, values=("first", "middle", "last"))) == ""
    assert capacity(sweep(*passed, values=(1, 4, 2))) == ""
    assert capacity(sweep(*passed, factor="distractors")) == ""
    assert capacity(sweep(*passed).model_copy(update={"judged": False})) == ""
    assert capacity(result().model_copy(update={"levels": ()})) == ""


@pytest.mark.parametrize(
    ("drop", "said"), [(0.123, "12 [2, 22]"), (-0.001, "0 [-10, 10]"), (1.0, "100 [90, 110]")]
)
def test_drops_are_said_in_points(drop, said):
    assert drop_words(sweep("pass", "pass", drop=drop).levels[1]) == said
    assert drop_words(sweep("pass", "pass").levels[0]) == ""


def test_estimates_stand_under_the_verdicts():
    swept = sweep("pass", "pass", "fail")
    assert estimates([swept, result()], "; ") == [
        ("spread.balanced", "up to images=2", "2: 12 [2, 22]; 4: 12 [2, 22]")
    ]
    said = summary([swept, result("distractors")]).split("\n\n")
    assert said[1].splitlines()[0].split() == (
        "estimates retention proven drop in points [95 % interval]".split()
    )
    assert "estimates" not in summary([result()])
