"""The paired gate: verdicts, corrections, error rates by simulation, policies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import BaselineItem
from mimic_checks.verdicts.gate import (
    GateRule,
    count,
    holm,
    judge_pair,
    mcnemar,
    p_above,
    p_values,
    smallest_passing_pairs,
    undecided,
)
from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.policy import check_policy_can_decide, load_policy
from tests.scored import group

RULE = GateRule(margin=0.05, alpha=0.05, min_cases=20, error_ceiling=0.02, unparseable_ceiling=0.05)


def pair(before, after, before_answer="", after_answer=""):
    """A case that came out so in two releases."""
    return tuple(
        BaselineItem(level="spread2", item="c", kind=kind, answer=answer)
        for kind, answer in ((before, before_answer), (after, after_answer))
    )


def pairs(n, *, lost=0, gained=0, right=None, rest="wrong"):
    """n pairs: `lost` right before only, `gained` right after only, the others the same before and
    after."""
    same = n - lost - gained
    kept = same if right is None else right
    return (
        [pair("right", "wrong")] * lost
        + [pair("wrong", "right")] * gained
        + [pair("right", "right")] * kept
        + [pair(rest, rest)] * (same - kept)
    )


def verdict(found, rule=RULE, tests=1):
    counts = count(found)
    p = p_values(counts, rule)
    return judge_pair(counts, rule, (min(1, tests * p[0]), min(1, tests * p[1])))


def test_three_verdicts():
    assert verdict(pairs(200, lost=4, gained=4)).verdict == "pass"
    assert verdict(pairs(200, lost=40)).verdict == "fail"
    assert verdict(pairs(200, lost=8, gained=2)).verdict == "inconclusive"
    assert verdict(pairs(19)).verdict == "inconclusive"


def test_reasons_name_numbers():
    assert (
        verdict(pairs(200, lost=40)).reason
        == "regressed by more than 5.0 points (at least 12.9 points: 40 lost, 0 gained of 200)"
    )
    assert verdict(pairs(100, lost=40)).reason.startswith(
        "regressed by more than 5.0 points (at least 26.7 points"
    )
    assert (
        verdict(pairs(200)).reason
        == "lost less than 5.0 points (at most 1.8 points: 0 lost, 0 gained of 200)"
    )
    assert verdict(pairs(19)).reason == "19 cases are fewer than min_cases=20"


def test_a_proven_loss_inside_the_margin_passes_with_a_note():
    found = verdict(pairs(2000, lost=40))
    assert found.verdict == "pass"
    assert found.note == "a drop inside the margin is proven (at least 1.2 points)"
    assert verdict(pairs(2000, lost=2, gained=2)).note == ""


def test_doubt_is_borne_by_each_verdict():
    """Answers without a prediction: a pass survives them as drops, a fail survives them as right
    answers."""
    silent = [pair("right", "unparseable")] * 10
    assert verdict(pairs(190) + silent).verdict == "inconclusive"
    assert verdict(pairs(160) + [pair("right", "error")] * 3).verdict == "inconclusive"
    recovered = [pair("unparseable", "right")] * 40
    assert (
        verdict(pairs(160) + recovered).verdict == "pass"
    )  # whatever they were, nothing right was lost
    assert verdict([*pairs(160, lost=40), pair("unparseable", "wrong")]).verdict == "fail"


def test_the_same_unreadable_answer_is_no_change():
    shrug = [pair("unparseable", "unparseable", "hm", "hm")] * 30
    assert verdict(pairs(170) + shrug).verdict == "pass"
    other = [pair("unparseable", "unparseable", "hm", "well")] * 30
    assert verdict(pairs(170) + other).verdict == "inconclusive"


def test_groups_are_counted_like_cases():
    """A group is lost when one of its members is; the same unreadable answers are no change."""
    before = [group(k, ["right", "right"]) for k in range(200)]
    after = [group(k, ["right", "wrong" if k < 40 else "right"]) for k in range(200)]
    found = verdict(list(zip(before, after, strict=True)))
    assert found.verdict == "fail"
    assert "40 lost, 0 gained of 200" in found.reason
    silent = [group(k, ["right", "unparseable"]) for k in range(200)]
    assert verdict(list(zip(silent, silent, strict=True))).verdict == "pass"


def test_answers_that_become_unreadable_fail():
    found = verdict(pairs(100) + [pair("right", "unparseable")] * 40)
    assert found.verdict == "fail"
    assert (
        found.reason
        == "40 answers can no longer be read, 0 can again, of 140: a rise above 5.0 points is"
        " proven"
    )


def test_errors_make_it_inconclusive_never_pass_or_fail():
    broken = [pair("right", "error")] * 5
    found = verdict(pairs(100, lost=60) + broken)
    assert found.verdict == "inconclusive"
    assert (
        found.reason == "5 of 105 cases raised an error in one of the releases (error_ceiling=0.02)"
    )
    assert p_values(count(pairs(100, lost=60) + broken), RULE) == (1.0, 1.0)


@given(n=st.integers(1, 500), data=st.data())
@settings(max_examples=60)
def test_p_is_the_error_rate_at_which_the_bound_meets_the_margin(n, data):
    lost = data.draw(st.integers(0, n))
    gained = data.draw(st.integers(0, n - lost))
    change, margin = Paired(lost, gained, n), data.draw(st.sampled_from([0.01, 0.05, 0.2]))
    p = p_above(change, margin)
    low = 0.0 if lost == 0 else beta.ppf(p / 2, lost, n - lost + 1)
    high = 1.0 if gained == n else beta.isf(p / 2, gained + 1, n - gained)
    if p == 1.0:
        assert low - high <= margin
    elif p > 1.1e-12:
        assert low - high == pytest.approx(margin, abs=1e-6)
    else:
        assert low - high >= margin - 1e-6


def test_holm_against_its_definition():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_nothing_and_bonferroni(p):
    for plain, corrected in zip(p, holm(p), strict=True):
        assert min(1, plain) <= corrected <= min(1, len(p) * plain) or corrected >= max(
            x for x in p if x <= plain
        )


def test_mcnemar_is_the_sign_test():
    assert mcnemar(Paired(8, 2, 100)) == pytest.approx(2 * binom.cdf(2, 10, 0.5))
    assert mcnemar(Paired(0, 0, 100)) == 1.0


@pytest.mark.parametrize(("lost", "gained"), [(0.05, 0.0), (0.07, 0.02), (0.15, 0.10)])
@pytest.mark.parametrize("n", [80, 200, 400])
def test_a_loss_at_the_margin_passes_and_fails_no_more_often_than_stated(lost, gained, n):
    """10,000 histories: a 99 % lower bound of each error rate is at most alpha."""
    runs = 10_000
    draws = np.random.default_rng(n).multinomial(n, [lost, gained, 1 - lost - gained], runs)
    kinds, times = np.unique(draws[:, :2], axis=0, return_counts=True)
    wrong = {"pass": 0, "fail": 0, "inconclusive": 0}
    for (b, c), number in zip(kinds, times, strict=True):
        wrong[verdict(pairs(n, lost=int(b), gained=int(c))).verdict] += int(number)
    for kind in ("pass", "fail"):
        low = 0.0 if not wrong[kind] else beta.ppf(0.01, wrong[kind], runs - wrong[kind] + 1)
        assert low <= RULE.alpha, (kind, wrong[kind] / runs)


def test_the_fewest_cases_that_can_pass():
    needed = smallest_passing_pairs(RULE)
    assert verdict(pairs(needed)).verdict == "pass"
    assert verdict(pairs(needed - 1)).verdict == "inconclusive"
    assert undecided(count(pairs(needed)), RULE) == ""


def write(tmp_path, text):
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_policy_overrides(tmp_path):
    policy = load_policy(
        write(
            tmp_path,
            '[defaults]\nmargin = 0.1\n[checks.distractors]\nmargin = 0.02\ntier = "warning"\n',
        ),
        ["distractors", "pooling"],
    )
    assert policy.rule("distractors").margin == 0.02
    assert policy.rule("pooling").margin == 0.1
    assert (policy.tier("distractors"), policy.tier("pooling")) == ("warning", "blocking")
    assert load_policy().inconclusive_blocks


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nmargn = 0.1", "unknown key 'margn'; did you mean 'margin'?"),
        ("[default]\nmargin = 0.1", "unknown table 'default'; allowed: 'defaults', 'checks'"),
        (
            "[checks.distractor]\nmargin = 0.1",
            "unknown check 'distractor'; did you mean 'distractors'?",
        ),
        ("[defaults]\nmargin = 0.0", "margin=0.0 is not allowed; allowed: (0, 1)"),
        ("[defaults]\nalpha = 0.7", "alpha=0.7 is not allowed; allowed: (0, 0.5)"),
        ("[checks.distractors]\nalpha = 0.01", "alpha belongs to [defaults]"),
        ("[defaults]\nerror_ceiling = 1", "error_ceiling=1 is not allowed; allowed: [0, 1)"),
        (
            '[defaults]\ntier = "blocker"',
            "tier='blocker' is not allowed; allowed: 'blocking', 'warning', 'off'",
        ),
        (
            "[defaults]\nmin_cases = 0.5",
            "min_cases=0.5 is not allowed; allowed: whole numbers from 1",
        ),
        (
            "[defaults]\ninconclusive_blocks = 1",
            "inconclusive_blocks=1 is not allowed; allowed: true, false",
        ),
        ("defaults = 3", "defaults=3 is not a table"),
        ("[checks]\ndistractors = 3", "distractors=3 is not a table"),
        ("[defaults\n", "is not valid TOML"),
    ],
)
def test_policies_that_are_refused(tmp_path, text, message):
    with pytest.raises(GateError) as error:
        load_policy(write(tmp_path, text), ["distractors", "pooling"])
    assert message in str(error.value)
    assert "policy.toml" in str(error.value)


def test_gates_that_can_never_stop_or_never_pass_anything_are_refused(tmp_path):
    quiet = load_policy(write(tmp_path, '[defaults]\ntier = "warning"\n'))
    with pytest.raises(GateError, match="gates nothing: none of the 2 selected checks"):
        check_policy_can_decide(quiet, ["distractors", "pooling"], 1000)
    strict = load_policy(write(tmp_path, "[defaults]\nmargin = 0.01\n"))
    needed = smallest_passing_pairs(strict.rule("distractors"))
    with pytest.raises(
        GateError, match=f"can never pass check 'distractors'.*--vlm-cases {needed}"
    ):
        check_policy_can_decide(strict, ["distractors"], needed - 1)
    check_policy_can_decide(strict, ["distractors"], needed)


def test_limits_belong_to_what_they_allow():
    """As many errors as the ceiling allows, as few cases as are needed, a p-value of alpha."""
    at_ceiling = [*pairs(98, right=98), pair("error", "right"), pair("right", "error")]
    assert undecided(count(at_ceiling), RULE) == ""
    assert "3 of 100 cases raised" in undecided(count([*at_ceiling[1:], at_ceiling[-2]]), RULE)
    assert undecided(count(pairs(20)), RULE) == ""
    assert "19 cases are fewer" in undecided(count(pairs(19)), RULE)
    for corrected in ((RULE.alpha, 1.0), (1.0, RULE.alpha)):
        assert judge_pair(count(pairs(100)), RULE, corrected).verdict == "fail"


def test_an_error_in_either_release_counts():
    assert (
        count([pair("error", "right"), pair("right", "error"), pair("right", "right")]).errors == 2
    )


def test_the_same_error_twice_is_no_answer_that_both_gave():
    counts = count([pair("error", "error", "boom", "boom")])
    assert (counts.worst.lost, counts.best.gained) == (1, 1)
    same = count([pair("unparseable", "unparseable", "hm", "hm")])
    assert (same.worst.lost, same.best.gained) == (0, 0)
