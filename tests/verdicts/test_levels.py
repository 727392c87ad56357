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
from mimic_checks.verdicts.floors import Floor
from mimic_checks.verdicts.intervals import empirical_bernstein, lower, upper
from mimic_checks.verdicts.levels import (
    Tally,
    judge_levels,
    refuse_unreachable,
    retention_interval,
    smallest_passing_n,
    tally,
)
from mimic_checks.verdicts.thresholds import Thresholds, load_thresholds
from tests.scored import NAMES, group, outcome

DEFAULT = load_thresholds().defaults


def level(right, n=100, unparseable=0, error=0, floors=()):
    return Tally(right, n - right - unparseable - error, unparseable, error, floors)


def judge(*tallies, thresholds=DEFAULT, judged=None):
    return judge_levels(
        [(Level("spread", k), t) for k, t in enumerate(tallies, 1)],
        thresholds,
        judged or len(tallies),
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


def share(right, reference, alpha, bound):
    """A bound of the share kept, by scipy's own exact intervals."""
    sides = ("low", "high") if bound == "low" else ("high", "low")
    ends = [
        getattr(binomtest(k, 100).proportion_ci(1 - 2 * alpha, "exact"), side)
        for k, side in zip((right, reference), sides, strict=True)
    ]
    return f"{100 * ends[0] / ends[1]:.0f} %"


def test_reasons_are_in_whole_percent_of_the_reference_level_s_accuracy():
    """Four one-sided bounds, at a quarter of alpha each; the upper one is corrected for the two
    levels judged."""
    once, twice = 0.05 / 4, 0.05 / 2 / 4
    end = "of the reference level's (80 % required)"
    passed, failed, open_ = (
        judge(level(reference), level(right)).levels[1].reason
        for reference, right in ((97, 96), (97, 10), (90, 75))
    )
    assert passed == f"accuracy is at least {share(96, 97, once, 'low')} {end}"
    assert failed == f"accuracy is at most {share(10, 97, twice, 'high')} {end}"
    low, high = share(75, 90, once, "low"), share(75, 90, twice, "high")
    assert open_ == f"accuracy is between {low} and {high} {end}"


def test_a_percentage_that_would_read_like_what_is_required_gets_a_decimal():
    thresholds = Thresholds(0.0, 0.8, 0.05, 0.1, 0.05, 0.02)
    found = [
        judge(level(950, 1000), level(k, 1000), thresholds=thresholds).levels[1]
        for k in range(600, 760)
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
    verdict = judge_levels(list(zip(positions, tallies, strict=True)), DEFAULT, 3)
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
    counted = tally(items, 0.05, NAMES)
    assert (counted.right, counted.wrong, counted.unparseable, counted.error) == (2, 1, 1, 1)
    constants = {floor.name: floor.rate for floor in counted.floors if "constant" in floor.name}
    assert constants == {"constant: 3": 1 / 5, "constant: 4": 0.0}, (
        "members of each group have different truths"
    )


def test_partial_scores_are_averaged_over_the_items_that_have_one():
    items = [
        replace(outcome(k, "wrong"), partial=score) for k, score in enumerate([0.5, 1.0, None, 0.0])
    ]
    counted = tally(items, 0.05, NAMES)
    assert counted.mean_partial == 0.5
    assert counted.partial_interval == empirical_bernstein([0.5, 1.0, 0.0], 0.05)
    assert tally(items[2:3], 0.05, NAMES).mean_partial is None


def test_between_is_inconclusive():
    assert judge(level(90), level(75)).verdict == "inconclusive"


def test_a_failed_reference_silences_the_other_levels():
    verdict = judge(level(20), level(19), level(0))
    assert [found.verdict for found in verdict.levels] == ["fail", "inconclusive", "inconclusive"]
    assert "the reference level spread=1 failed" in verdict.levels[1].reason


def against(right, blind, both):
    """A level of 100 items, and what a blind answer that is right in `blind` of them, and in `both`
    together with the model, makes of it."""
    return level(right, floors=(Floor("all members", blind / 100, right - both, blind - both),))


def test_every_level_must_beat_the_blind_answers():
    assert judge(against(97, 30, 29), against(96, 30, 29)).verdict == "pass"
    verdict = judge(against(97, 30, 29), against(97, 95, 93))
    assert [found.verdict for found in verdict.levels] == ["pass", "inconclusive"]
    assert verdict.reason.endswith(
        "but not proven better than the blind answer 'all members', which is right in 0.95"
    )
    assert judge(against(97, 95, 93)).verdict == "inconclusive", "the reference, too"
    assert judge(against(30, 30, 30)).verdict == "fail", "below its own floor"


def test_doubt_never_helps():
    """Ten errors at a level: no pass although all the rest is right, no fail although they could
    all be wrong."""
    assert judge(level(100), level(100)).verdict == "pass"
    assert judge(level(100), level(80, error=20)).verdict == "inconclusive"
    assert judge(level(100), level(60, error=40)).verdict == "inconclusive"
    assert judge(level(60, error=40), level(30)).verdict == "inconclusive"
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


def test_retention_interval_is_made_of_four_bounds():
    low, high = retention_interval(level(60), level(90), 0.05)
    assert low == pytest.approx(lower(60, 100, 0.0125) / upper(90, 100, 0.0125))
    assert high == pytest.approx(upper(60, 100, 0.0125) / lower(90, 100, 0.0125))


def test_more_judged_levels_make_failing_harder():
    assert judge(level(95), level(53), judged=1).verdict == "fail"
    assert judge(level(95), level(53), judged=4000).verdict == "inconclusive"


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 100, 400])
def test_family_wise_false_fails_stay_within_alpha(n):
    """Every level exactly at its threshold, all checks together: 9 checks of 4 levels, 4,000 runs.

    The bound is one-sided: the observed rate must not be provably above alpha (99 %).
    """
    rng = np.random.default_rng(n)
    runs, checks, levels, reference = 4000, 9, 4, 0.625
    false_fails = false_passes = 0
    cache: dict[tuple[int, int], str] = {}

    def verdict_of(reference_right, right):
        key = (reference_right, right)
        if key not in cache:
            cache[key] = (
                judge(level(reference_right, n), level(right, n), judged=checks * levels)
                .levels[1]
                .verdict
            )
        return cache[key]

    for _ in range(runs):
        references = rng.binomial(n, reference, checks)
        others = rng.binomial(n, reference * DEFAULT.retention, (checks, levels - 1))
        found = [
            verdict_of(int(ref), int(right))
            for ref, row in zip(references, others, strict=True)
            for right in row
        ]
        false_fails += "fail" in found
        false_passes += found[0] == "pass"
    assert lower(false_fails, runs, 0.01) <= DEFAULT.alpha
    assert lower(false_passes, runs, 0.01) <= DEFAULT.alpha


@pytest.mark.slow
def test_false_fails_of_references_at_their_floor_stay_within_alpha():
    rng = np.random.default_rng(1)
    runs, checks, n = 20000, 12, 100
    fails = {k: judge(level(k, n), judged=checks).verdict == "fail" for k in range(n + 1)}
    false_fails = sum(
        any(fails[int(k)] for k in rng.binomial(n, DEFAULT.reference_floor, checks))
        for _ in range(runs)
    )
    assert lower(false_fails, runs, 0.01) <= DEFAULT.alpha


def test_the_fewest_cases_with_which_a_pass_is_reachable():
    needed = smallest_passing_n(DEFAULT)
    assert judge(level(needed, needed), level(needed, needed)).verdict == "pass"
    assert (
        judge(level(needed - 1, needed - 1), level(needed - 1, needed - 1)).verdict
        == "inconclusive"
    )
    refuse_unreachable("spread.balanced", needed, DEFAULT)
    with pytest.raises(
        ThresholdsError,
        match=(
            rf"cases={needed - 1} per level can never pass check 'spread.balanced'.*--vlm-cases"
            rf" {needed}"
        ),
    ):
        refuse_unreachable("spread.balanced", needed - 1, DEFAULT)


@given(st.floats(0.0, 0.95), st.floats(0.05, 0.97))
def test_refusals_are_exact(floor, retention):
    thresholds = Thresholds(floor, retention, 0.05, 0.1, 0.05, 0.02)
    needed = smallest_passing_n(thresholds)
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
    good, bad = Tally(97, 0, 0, 3), Tally(0, 97, 0, 3)
    for level in (good, bad):
        verdict = judge_levels([(Level("a", 1), level)], thresholds, 1)
        assert verdict.verdict == "inconclusive"
        assert verdict.reason == "a=1: 3 of 100 cases raised an error (error_ceiling=0.02)"
    assert judge_levels([(Level("a", 1), Tally(98, 0, 0, 2))], thresholds, 1).verdict == "pass"


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
    many = level(930, 1000, unparseable=70)
    assert judge(level(1000, 1000), many, judged=1).levels[1].verdict == "fail"
    assert judge(level(1000, 1000), many, judged=4000).levels[1].verdict == "inconclusive"


def test_the_interval_of_a_rate_has_half_of_alpha_on_each_side():
    found = judge(level(90)).levels[0]
    assert found.interval == (lower(90, 100, 0.025), upper(90, 100, 0.025))
