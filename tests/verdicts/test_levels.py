"""Verdicts: exact intervals, who bears the doubt, and error rates by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mimic_checks.cases import Level
from mimic_checks.errors import ThresholdsError
from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER
from mimic_checks.verdicts.floors import Floor, blind_of
from mimic_checks.verdicts.intervals import empirical_bernstein, lower, upper
from mimic_checks.verdicts.levels import Tally, decide, judge_levels, tally
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.reachable import refuse_unreachable, smallest_passing_n
from mimic_checks.verdicts.thresholds import Thresholds, load_thresholds
from tests.scored import NAMES, counted, group, outcome

DEFAULT = load_thresholds().defaults


def level(right, n=100, unparseable=0, error=0, floors=()):
    return counted(right, n, unparseable, error, floors)


def drawn(*rights):
    """Tallies from whether each draw is right, level by level."""
    return [Tally(tuple("right" if r else "wrong" for r in row)) for row in rights]


def judge(*tallies, thresholds=DEFAULT, judged=None, evidence=FIXED_NUMBER):
    return judge_levels(
        [(Level("spread", k), t) for k, t in enumerate(tallies, 1)],
        thresholds,
        TestFamily(judged or len(tallies)),
        evidence,
    )


@given(
    st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.05, 0.0125, 0.001]),
)
def test_bounds_are_clopper_pearson(pair, alpha):
    successes, n = pair
    interval = binomtest(successes, n).proportion_ci(1 - 2 * alpha, method="exact")
    assert lower(successes, n, alpha) == pytest.approx(interval.low, abs=1e-9)
    assert upper(successes, n, alpha) == pytest.approx(interval.high, abs=1e-9)


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5, 0.95])
def test_bounds_cover_by_summing_the_binomial(p):
    """Coverage computed exactly from the distribution, not sampled: at least 1 - alpha for every
    rate."""
    n, alpha = 60, 0.05
    chances = binom.pmf(np.arange(n + 1), n, p)
    assert sum(c for k, c in enumerate(chances) if lower(k, n, alpha) <= p) >= 1 - alpha
    assert sum(c for k, c in enumerate(chances) if upper(k, n, alpha) >= p) >= 1 - alpha


def test_empirical_bernstein_covers():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(1000):
        scores = rng.beta(0.5, 0.2, size=80)
        low, high = empirical_bernstein(scores.tolist(), 0.05)
        missed += not low <= 0.5 / 0.7 <= high
    assert missed <= 50
    assert empirical_bernstein([0.5], 0.05) == (0.0, 1.0)


def test_a_model_that_keeps_its_rate_passes():
    assert judge(level(97), level(96), level(95)).verdict == "pass"


def test_a_level_that_collapses_fails_and_is_named():
    verdict = judge(level(97), level(96), level(20))
    assert verdict.verdict == "fail"
    assert verdict.reason.startswith("spread=3: accuracy is at most")
    assert [found.verdict for found in verdict.levels] == ["pass", "pass", "fail"]


def test_reasons_are_in_whole_percent_of_the_reference_level_s_accuracy():
    """A lower bound at alpha, an upper one at the part of alpha that each of two levels may fail
    with."""
    fail_alpha = DEFAULT.alpha * TestFamily(2).weight("level")
    end = "of the reference level's (80 % required)"
    (passed, once), (failed, twice), (open_, both) = (
        (
            judge(level(reference), level(right)).levels[1].reason,
            Pairs(
                (True,) * reference + (False,) * (100 - reference),
                (True,) * right + (False,) * (100 - right),
            ),
        )
        for reference, right in ((97, 96), (97, 10), (90, 75))
    )
    assert (
        passed
        == f"accuracy is at least {100 * FIXED_NUMBER.retained_at_least(once, 0.05):.0f} % {end}"
    )
    most = FIXED_NUMBER.retained_at_most(twice, fail_alpha)
    assert failed == f"accuracy is at most {100 * most:.0f} % {end}"
    low, high = (
        FIXED_NUMBER.retained_at_least(both, 0.05),
        FIXED_NUMBER.retained_at_most(both, fail_alpha),
    )
    assert open_ == f"accuracy is between {100 * low:.0f} % and {100 * high:.0f} % {end}"


def test_a_percentage_that_would_read_like_what_is_required_gets_a_decimal():
    thresholds = Thresholds(0.0, 0.8, 0.05, 0.1, 0.05, 0.02)
    found = [
        judge(level(950, 1000), level(k, 1000), thresholds=thresholds).levels[1]
        for k in range(720, 750, 2)
    ]
    failed = [verdict for verdict in found if verdict.verdict == "fail"]
    assert any("at most 79." in verdict.reason for verdict in failed)
    assert not any(
        "at most 80 %" in v.reason and v.retention and v.retention[1] < 0.795 for v in failed
    )


def test_a_level_without_any_upper_bound_says_so():
    verdict = judge(
        level(0, 2, error=2), level(1, 2), thresholds=Thresholds(0.5, 0.8, 0.05, 0.1, 0.05, 0.02)
    )
    assert "with no upper bound, of the reference level's" in verdict.levels[1].reason


def test_levels_may_be_names():
    positions = [Level("position", name) for name in ("first", "middle", "last")]
    tallies = [level(97), level(20), level(96)]
    verdict = judge_levels(list(zip(positions, tallies, strict=True)), DEFAULT, TestFamily(3))
    assert [found.level for found in verdict.levels] == positions
    assert verdict.reason.startswith("position=middle: accuracy is at most")


def test_a_group_is_one_item_and_a_constant_must_fit_all_its_members():
    items = [
        group(1, ["right", "right"]),
        group(2, ["right", "wrong"]),
        group(3, ["right", "unparseable"]),
        group(4, ["error", "right"]),
        outcome(5, "right"),
    ]
    found = tally(items, 0.05, blind_of(items, NAMES))
    assert (found.right, found.wrong, found.unparseable, found.error) == (2, 1, 1, 1)
    constants = {floor.name: floor.rate for floor in found.floors if "constant" in floor.name}
    assert constants == {"constant: 3": 1 / 5, "constant: 4": 0.0}, (
        "members of each group have different truths"
    )


def test_partial_scores_are_averaged_over_the_items_that_have_one():
    items = [
        replace(outcome(k, "wrong"), partial=score) for k, score in enumerate([0.5, 1.0, None, 0.0])
    ]
    found = tally(items, 0.05, {})
    assert found.mean_partial == 0.5
    assert found.partial_interval == empirical_bernstein([0.5, 1.0, 0.0], 0.05)
    assert tally(items[2:3], 0.05, {}).mean_partial is None


def test_between_is_inconclusive():
    assert judge(level(90), level(75)).verdict == "inconclusive"


def test_a_failed_reference_silences_the_other_levels():
    verdict = judge(level(20), level(19), level(0))
    assert [found.verdict for found in verdict.levels] == ["fail", "inconclusive", "inconclusive"]
    assert "the reference level spread=1 failed" in verdict.levels[1].reason


def against(right, blind, both):
    """A level of 100 items, and what a blind answer that is right in `blind` of them, and in `both`
    together with the model, makes of it."""
    guesses = (True,) * both + (False,) * (right - both) + (True,) * (blind - both)
    guesses += (False,) * (100 - len(guesses))
    model = (True,) * right + (False,) * (100 - right)
    return level(right, floors=(Floor("all members", Pairs(model, guesses)),))


@pytest.mark.parametrize("evidence", [FIXED_NUMBER, AT_ANY_TIME], ids=["fixed", "any time"])
def test_every_level_must_beat_the_blind_answers(evidence):
    assert judge(against(97, 30, 29), against(96, 30, 29), evidence=evidence).verdict == "pass"
    verdict = judge(against(97, 30, 29), against(97, 95, 93), evidence=evidence)
    assert [found.verdict for found in verdict.levels] == ["pass", "inconclusive"]
    assert verdict.reason.endswith(
        "but not proven better than the blind answer 'all members', which is right in 0.95"
    )
    reference = judge(against(97, 95, 93), evidence=evidence)
    assert reference.verdict == "inconclusive", "the reference, too"
    assert judge(against(10, 10, 10), evidence=evidence).verdict == "fail", "below its own floor"


def test_doubt_never_helps():
    """Ten errors at a level: no pass although all the rest is right, no fail although they could
    all be wrong."""
    assert judge(level(100), level(100)).verdict == "pass"
    assert judge(level(100), level(80, error=20)).verdict == "inconclusive"
    assert judge(level(100), level(60, error=40)).verdict == "inconclusive"
    assert judge(level(60, error=40), level(50)).verdict == "inconclusive"
    assert judge(level(60, error=40), level(30)).verdict == "fail", "less than the surely right"
    assert judge(level(100), level(30, error=20)).verdict == "inconclusive"
    assert judge(level(100), level(30, error=2)).verdict == "fail"


def test_unparseables_have_a_ceiling_of_their_own():
    assert judge(level(100), level(96, unparseable=4)).verdict == "pass"
    assert judge(level(1000, 1000), level(942, 1000, unparseable=58)).verdict == "inconclusive", (
        "over the ceiling, not proven"
    )
    verdict = judge(level(1000, 1000), level(880, 1000, unparseable=120))
    assert verdict.verdict == "fail"
    assert "120 of 1000 answers are unparseable" in verdict.reason


def test_the_draws_of_levels_are_compared_draw_by_draw():
    """80 of 100 right at both levels. In the same draws, the level keeps all of it, which 100 cases
    prove; in draws that have nothing to do with each other, they prove less."""
    first = np.arange(100) < 80
    same, other = drawn(first, first), drawn(first, np.random.default_rng(0).permutation(first))
    lows = [judge(*levels).levels[1].retention[0] for levels in (same, other)]
    assert judge(*same).verdict == "pass"
    assert lows[0] > 0.95 > lows[1]


def test_more_judged_levels_make_failing_harder():
    assert judge(level(95), level(66), judged=1).verdict == "fail"
    assert judge(level(95), level(66), judged=4000).verdict == "inconclusive"


def simulated(joint, n, rates, generator):
    """Tallies of a check, one per level: `nested` if a draw that is lost at a level is lost at all
    with no better a rate, else levels have nothing to do with each other."""
    luck = generator.random((1 if joint == "nested" else len(rates), n))
    return drawn(*(np.broadcast_to(luck, (len(rates), n)) < np.array(rates)[:, None]))


@pytest.mark.slow
@pytest.mark.parametrize("evidence", [FIXED_NUMBER, AT_ANY_TIME], ids=["fixed", "any time"])
@pytest.mark.parametrize("joint", ["nested", "independent"])
@pytest.mark.parametrize("n", [50, 150])
def test_false_verdicts_stay_within_alpha(n, joint, evidence):
    """Every level exactly at its threshold, 3 checks of 4 levels. One-sided: the observed rates
    must not be provably above alpha (99 %)."""
    runs, checks, rates = 400 if evidence.anytime else 120, 3, [0.8, 0.64, 0.64, 0.64]
    family, generator = TestFamily(checks * len(rates)), np.random.default_rng(n)
    false_fails = false_passes = 0
    for _ in range(runs):
        found = []
        for _ in range(checks):
            reference, *others = simulated(joint, n, rates, generator)
            found += [
                decide(counts, reference, DEFAULT, family, evidence).verdict for counts in others
            ]
        false_fails += "fail" in found
        false_passes += found[0] == "pass"
    assert lower(false_fails, runs, 0.01) <= DEFAULT.alpha
    assert lower(false_passes, runs, 0.01) <= DEFAULT.alpha


def test_a_decision_is_what_the_whole_judgement_says():
    """Words and bounds change no verdict."""
    reference = level(95)
    for right in (0, 40, 70, 76, 80, 95):
        shifted = Tally(tuple(np.roll(level(right).kinds, right // 2).tolist()))
        found = judge(reference, shifted).levels
        assert found[0].verdict == decide(reference, None, DEFAULT, TestFamily(2)).verdict
        assert found[1].verdict == decide(shifted, reference, DEFAULT, TestFamily(2)).verdict


def test_a_level_fails_for_its_rate_or_its_unparseables_within_one_share():
    """At the floor with unparseables at their ceiling, summed over every outcome: both ways to fail
    together stay within alpha."""
    n, floor, ceiling = 60, DEFAULT.reference_floor, DEFAULT.unparseable_ceiling
    chance = 0.0
    for unparseable in range(n + 1):
        for right in range(n + 1 - unparseable):
            p = binom.pmf(unparseable, n, ceiling) * binom.pmf(
                right, n - unparseable, (floor - ceiling) / (1 - ceiling)
            )
            # Doubtful answers count as right for a fail: the rate with them is at the floor.
            counts = level(right, n, unparseable)
            if p > 1e-9 and decide(counts, None, DEFAULT, TestFamily(1)).verdict == "fail":
                chance += p
    assert chance <= DEFAULT.alpha


@pytest.mark.slow
def test_false_fails_of_references_at_their_floor_stay_within_alpha():
    rng = np.random.default_rng(1)
    runs, checks, n = 20000, 12, 100
    family = TestFamily(checks)
    fails = {k: decide(level(k, n), None, DEFAULT, family).verdict == "fail" for k in range(n + 1)}
    false_fails = sum(
        any(fails[int(k)] for k in rng.binomial(n, DEFAULT.reference_floor, checks))
        for _ in range(runs)
    )
    assert lower(false_fails, runs, 0.01) <= DEFAULT.alpha


@pytest.mark.parametrize("evidence", [FIXED_NUMBER, AT_ANY_TIME], ids=["fixed", "any time"])
def test_the_fewest_cases_with_which_a_pass_is_reachable(evidence):
    needed = smallest_passing_n(DEFAULT, evidence)
    enough, too_few = level(needed, needed), level(needed - 1, needed - 1)
    assert judge(enough, enough, evidence=evidence).verdict == "pass"
    assert judge(too_few, too_few, evidence=evidence).verdict == "inconclusive"
    refuse_unreachable("spread.balanced", needed, DEFAULT, TestFamily(4), evidence)
    with pytest.raises(
        ThresholdsError,
        match=(
            rf"cases={needed - 1} per level can never pass check 'spread.balanced'.*--vlm-cases"
            rf" {needed}"
        ),
    ):
        refuse_unreachable("spread.balanced", needed - 1, DEFAULT, TestFamily(4), evidence)


def test_a_retention_that_no_loss_undercuts_is_refused():
    hardly = Thresholds(0.0, 0.01, 0.05, 0.1, 0.05, 0.02)
    with pytest.raises(
        ThresholdsError, match=r"cases=100 per level can never fail.*retention=0.01"
    ):
        refuse_unreachable("spread.balanced", 100, hardly, TestFamily(30), FIXED_NUMBER)
    with pytest.raises(ThresholdsError, match=r"can never pass.*not even 100000 right"):
        never = Thresholds(0.0, 1 - 1e-7, 0.05, 0.1, 0.05, 0.02)
        refuse_unreachable("spread.balanced", 100, never, TestFamily(30), FIXED_NUMBER)


@given(st.floats(0.0, 0.95), st.floats(0.05, 0.97))
def test_refusals_are_exact(floor, retention):
    thresholds = Thresholds(floor, retention, 0.05, 0.1, 0.05, 0.02)
    needed = smallest_passing_n(thresholds, FIXED_NUMBER)
    perfect = [
        judge(level(n, n), level(n, n), thresholds=thresholds).verdict
        for n in (needed, needed - 1)
        if n
    ]
    assert perfect == ["pass", "inconclusive"][: len(perfect)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[defaults]\nretentoin = 0.7", r"unknown key 'retentoin'; did you mean 'retention'"),
        ("[defaults]\nretention = 1.5", r"retention=1.5 is out of range"),
        ("[defaults]\nretention = true", r"retention=True is out of range"),
        ("[check]\nx = 1", r"unknown table 'check'"),
        (
            '[checks."spread.balanecd"]\nretention = 0.7',
            r"unknown check 'spread.balanecd'; did you mean 'spread.balanced'",
        ),
        ('[checks."spread.balanced"]\nalpha = 0.01', r"alpha belongs to \[defaults\]"),
        ("retention = ", r"not valid TOML"),
    ],
)
def test_wrong_thresholds_are_refused(tmp_path, text, message):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ThresholdsError, match=message):
        load_thresholds(path, ["spread.balanced", "distractors"])


def test_thresholds_of_one_check_override_the_defaults(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[defaults]\nretention = 0.9\n[checks.distractors]\nretention = 0.5\n")
    table = load_thresholds(path, ["distractors"])
    assert table.of("distractors").retention == 0.5
    assert table.of("spread.balanced").retention == 0.9
    assert table.of("distractors").reference_floor == DEFAULT.reference_floor
    with pytest.raises(ThresholdsError, match="cannot be read"):
        load_thresholds(tmp_path / "missing.toml")


def test_too_many_errors_are_inconclusive_never_pass_or_fail():
    """Three errors of a hundred decide nothing, however clear the rest is."""
    thresholds = load_thresholds().of("x")
    for right in (97, 0):
        verdict = judge(level(right, error=3), thresholds=thresholds)
        assert verdict.verdict == "inconclusive"
        assert verdict.reason == "spread=1: 3 of 100 cases raised an error (error_ceiling=0.02)"
    assert judge(level(98, error=2), thresholds=thresholds).verdict == "pass"


def test_as_many_unparseables_as_the_ceiling_allows_may_pass():
    thresholds = Thresholds(0.5, 0.8, 0.05, 0.1, 0.05, 0.02)
    five, six = level(95, unparseable=5), level(94, unparseable=6)
    found = judge(five, five, six, thresholds=thresholds)
    assert [one.verdict for one in found.levels] == ["pass", "pass", "inconclusive"]
    assert judge(six, thresholds=thresholds).verdict == "inconclusive"


def test_a_reference_fails_only_with_its_errors_counted_right():
    assert judge(level(465, 1000)).verdict == "fail"
    assert judge(level(465, 1000, error=20)).verdict == "inconclusive"


def test_a_fail_outweighs_what_is_inconclusive_before_it():
    verdict = judge(level(97), level(78), level(20))
    assert [found.verdict for found in verdict.levels] == ["pass", "inconclusive", "fail"]
    assert verdict.verdict == "fail"


def test_unparseables_too_are_judged_over_all_levels_of_the_run():
    many = level(922, 1000, unparseable=78)
    assert judge(level(1000, 1000), many, judged=1).levels[1].verdict == "fail"
    assert judge(level(1000, 1000), many, judged=4000).levels[1].verdict == "inconclusive"


def test_the_interval_of_a_rate_has_half_of_alpha_on_each_side():
    found = judge(level(90)).levels[0]
    assert found.interval == (lower(90, 100, 0.025), upper(90, 100, 0.025))
