"""The paired gate: verdicts of levels and of their mean, corrections, error rates by simulation of
the code that runs, policies."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import BaselineItem
from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER
from mimic_checks.verdicts.gate import family_of, judge_checks, mcnemar, smallest_passing
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.gate_tests import (
    CheckTests,
    LevelTests,
    MeanTests,
    check_tests,
    level_bounds,
    level_pairs,
    mean_bounds,
    mean_drops,
    mean_tests,
    undecided,
)
from mimic_checks.verdicts.gate_words import drop_note, level_reason
from mimic_checks.verdicts.intervals import lower
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.policy import Asked, check_policy_can_decide, load_policy
from tests.scored import group

RULE = GateRule(
    rule="two_margins",
    margin=0.05,
    level_margin=0.076,
    alpha=0.05,
    min_cases=20,
    error_ceiling=0.02,
    unparseable_ceiling=0.05,
)
PER_LEVEL = replace(RULE, rule="per_level")


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


def shuffled(items, seed=0):
    """In an order in which nothing of what came out shows."""
    return [items[k] for k in np.random.default_rng(seed).permutation(len(items))]


def check(*levels, rule=RULE, evidence=FIXED_NUMBER):
    """The verdict of a check alone in its run, with its levels' items in draw order."""
    tests = check_tests([level_pairs(level) for level in levels], rule, evidence)
    (judged,) = judge_checks([tests], rule.alpha)
    return judged


def level(items, rule=RULE, evidence=FIXED_NUMBER):
    """The verdict of a level, its reason and its note."""
    found = level_pairs(items)
    judged = check(items, rule=rule, evidence=evidence).levels[0]
    bounds = level_bounds(found, evidence, rule.alpha)
    said = level_reason(judged, found, bounds, rule), drop_note(judged.verdict, bounds)
    return judged.verdict, *said


def test_three_verdicts_of_a_level():
    assert level(pairs(200, lost=6, gained=4))[0] == "pass"
    assert level(pairs(200, lost=40))[0] == "fail"
    assert level(pairs(200, lost=12, gained=2))[0] == "inconclusive"
    assert level(pairs(19))[0] == "inconclusive"


def test_reasons_name_numbers():
    assert (
        level(pairs(200, lost=40))[1]
        == "regressed by more than 7.6 points (at least 15.5 points: 40 lost, 0 gained of 200)"
    )
    assert (
        level(pairs(200), PER_LEVEL)[1]
        == "lost less than 5.0 points (at most 1.5 points: 0 lost, 0 gained of 200)"
    )
    assert (
        level(pairs(200, lost=12, gained=2))[1]
        == "the drop is between 1.9 points and 8.5 points, the margin 7.6 points: 12 lost, 2 gained"
        " of 200"
    )
    assert level(pairs(19))[1] == "19 cases are fewer than min_cases=20"


def test_a_proven_loss_inside_the_margin_passes_with_a_note():
    verdict, _, note = level(pairs(2000, lost=40))
    assert verdict == "pass"
    assert note.startswith("a drop inside the margin is proven (at least 1.")
    assert level(pairs(2000, lost=2, gained=2))[2] == ""


def test_doubt_is_borne_by_each_verdict():
    """Answers without a prediction: a pass survives them as drops, a fail survives them as right
    answers."""
    silent = [pair("right", "unparseable")] * 10
    assert level(pairs(190) + silent)[0] == "inconclusive"
    assert level(pairs(160) + [pair("right", "error")] * 3)[0] == "pass"
    assert level(pairs(160, lost=5) + [pair("right", "error")] * 3)[0] == "inconclusive"
    recovered = [pair("unparseable", "right")] * 40
    # Whatever they were, nothing right was lost.
    assert level(pairs(160) + recovered)[0] == "pass"
    assert level([*pairs(160, lost=40), pair("unparseable", "wrong")])[0] == "fail"


def test_the_same_unreadable_answer_is_no_change():
    shrug = [pair("unparseable", "unparseable", "hm", "hm")] * 30
    assert level(pairs(170) + shrug)[0] == "pass"
    other = [pair("unparseable", "unparseable", "hm", "well")] * 30
    assert level(pairs(170) + other)[0] == "inconclusive"


def test_groups_are_counted_like_cases():
    """A group is lost when one of its members is; the same unreadable answers are no change."""
    before = [group(k, ["right", "right"]) for k in range(200)]
    after = [group(k, ["right", "wrong" if k < 40 else "right"]) for k in range(200)]
    verdict, reason, _ = level(list(zip(before, after, strict=True)))
    assert verdict == "fail"
    assert "40 lost, 0 gained of 200" in reason
    silent = [group(k, ["right", "unparseable"]) for k in range(200)]
    assert level(list(zip(silent, silent, strict=True)))[0] == "pass"


def test_answers_that_become_unreadable_fail():
    verdict, reason, _ = level(pairs(100) + [pair("right", "unparseable")] * 40)
    assert verdict == "fail"
    assert (
        reason
        == "40 answers can no longer be read, 0 can again, of 140: a rise above 5.0 points is"
        " proven"
    )


def test_errors_make_it_inconclusive_never_pass_or_fail():
    broken = pairs(100, lost=60) + [pair("right", "error")] * 5
    verdict, reason, _ = level(broken)
    assert verdict == "inconclusive"
    assert reason == "5 of 105 cases raised an error in one of the releases (error_ceiling=0.02)"
    tests = check_tests([level_pairs(broken), level_pairs(pairs(105))], RULE, FIXED_NUMBER)
    assert replace(tests.levels[0], undecided="") == LevelTests(1.0, 1.0, 1.0)
    assert tests.mean == MeanTests(1.0, 1.0), "whose mean they are in"
    assert tests.levels[1].passes < 0.01


def test_limits_belong_to_what_they_allow():
    """As many errors as the ceiling allows, as few cases as are needed, p-values of alpha."""

    def why(items):
        return undecided(level_pairs(items), RULE, FIXED_NUMBER)

    at_ceiling = [*pairs(98, right=98), pair("error", "right"), pair("right", "error")]
    assert why(at_ceiling) == ""
    assert "3 of 100 cases raised" in why([*at_ceiling[1:], at_ceiling[-2]])
    assert why(pairs(20)) == ""
    assert "19 cases are fewer" in why(pairs(19))
    assert undecided(level_pairs(pairs(19)), RULE, AT_ANY_TIME) == "", "needs no minimum"
    family = TestFamily(1, 1)
    for kind, tests in (
        ("level", LevelTests(1.0, 0.05 * family.weight("level"), 1.0)),
        ("unreadable", LevelTests(0.0, 1.0, 0.05 * family.weight("unreadable"))),
        ("check", LevelTests(0.0, 1.0, 1.0)),
    ):
        mean = MeanTests(0.0, 0.05 * family.weight("check") if kind == "check" else 1.0)
        assert judge_checks([CheckTests((tests,), mean)], 0.05)[0].verdict == "fail", kind
    passing = CheckTests((LevelTests(0.05, 1.0, 1.0),), MeanTests(0.05, 1.0))
    assert judge_checks([passing], 0.05)[0].verdict == "pass"


def test_an_error_in_either_release_counts():
    found = level_pairs([pair("error", "right"), pair("right", "error"), pair("right", "right")])
    assert found.errors == 2


def test_the_same_error_twice_is_no_answer_that_both_gave():
    found = level_pairs([pair("error", "error", "boom", "boom")])
    assert (found.worst.lost, found.best.gained) == (1, 1)
    same = level_pairs([pair("unparseable", "unparseable", "hm", "hm")])
    assert (same.worst.lost, same.best.gained) == (0, 0)


def test_an_unchanged_release_passes_and_what_got_worse_does_not():
    """Two margins: neither a small drop everywhere nor a large one at one level passes."""
    flips = [shuffled(pairs(200, lost=2, gained=2), seed) for seed in range(4)]
    assert check(*flips).verdict == "pass"
    everywhere = [shuffled(pairs(200, lost=14, gained=2), seed) for seed in range(4)]
    found = check(*everywhere)
    assert found.mean.verdict != "pass"
    assert found.verdict != "pass"
    one = check(shuffled(pairs(200, lost=20, gained=2)), *flips[1:])
    assert (one.mean.verdict, one.verdict) == ("pass", "inconclusive"), "of four, one lost 9 points"
    lost = check(shuffled(pairs(200, lost=44, gained=2)), *flips[1:])
    assert [found.verdict for found in lost.levels] == ["fail", "pass", "pass", "pass"]
    assert lost.verdict == "fail"


def test_the_mean_alone_can_fail():
    """A drop of 12 points at each of eight levels, of which none is proven to be above 7.6."""
    found = check(*[shuffled(pairs(200, lost=24), seed) for seed in range(8)])
    assert {level.verdict for level in found.levels} == {"inconclusive"}
    assert (found.mean.verdict, found.verdict) == ("fail", "fail")


def test_the_level_margin_lets_three_lost_of_a_hundred_pass():
    """An unchanged release of 1 % flips loses three at some level in every second run."""
    assert level(pairs(100, lost=3))[0] == "pass"
    assert level(pairs(100, lost=3), replace(RULE, level_margin=0.075))[0] == "inconclusive"
    assert level(pairs(100, lost=4))[0] == "inconclusive"


def test_per_level_judges_every_level_by_the_margin():
    flips = [shuffled(pairs(200, lost=2, gained=2), seed) for seed in range(3)]
    found = check(*flips, rule=PER_LEVEL)
    assert (found.mean, found.verdict) == (None, "pass")
    seven = pairs(400, lost=10, gained=0)
    assert check(seven, *flips, rule=PER_LEVEL).levels[0].tests.passes == (
        FIXED_NUMBER.drop_below(level_pairs(seven).worst, 0.05)
    )
    assert level(pairs(200, lost=8, gained=4))[0] == "pass"
    assert level(pairs(200, lost=8, gained=4), PER_LEVEL)[0] == "inconclusive"


def test_levels_of_different_numbers_have_no_mean():
    found = check_tests([level_pairs(pairs(200)), level_pairs(pairs(199))], RULE, FIXED_NUMBER)
    assert found.mean is None
    assert found.levels[0].passes == FIXED_NUMBER.drop_below(
        Pairs((True,) * 200, (True,) * 200), RULE.level_margin
    )


def test_one_score_per_draw():
    """Draws, not levels, are independent: a draw that flips at all levels is one piece of
    evidence."""
    together = [pairs(200, lost=4)] * 4
    apart = [pairs(200)] * 3 + [pairs(200, lost=16)]
    for levels in (together, apart):
        plain = [level_pairs(items).plain for items in levels]
        assert sum(mean_drops(plain)) / 200 == pytest.approx(0.02)
    assert set(mean_drops([level_pairs(items).plain for items in together])) == {0.0, 1.0}


def test_draws_that_come_sorted_say_no_more_than_others():
    """As in a case set that somebody put in order: bounds enclose the drop all the same."""
    levels = [pairs(100, lost=40), pairs(100)]
    bounds = mean_bounds([level_pairs(items) for items in levels], FIXED_NUMBER, 0.05)
    assert bounds[0] < 0.2 < bounds[1]


def by_hand(scores, mean):
    """Log wealth of a bet against a mean, draw by draw, in fractions where that is exact."""
    gap, square, wealth, largest = Fraction(1), Fraction(1, 4), 1.0, 1.0
    for k, score in enumerate(scores):
        # 20 draws are taken for granted: 5 points below, with a variance of 0.01.
        g = max(gap / (20 + k), Fraction(25, 1000))
        s = square / (20 + k)
        stake = min(float(g / max(s, g * g)), 0.8 / (1 - float(mean)))
        wealth *= 1 + stake * float(mean - score)
        largest = max(largest, wealth)
        gap += mean - score
        square += (mean - score) ** 2
    return largest


def test_the_mean_by_exact_enumeration():
    """Two levels, five draws, all releases: the p-value is at most alpha with a probability of at
    most alpha where the mean drop is the margin, and is that of a second implementation."""
    n, margin = 5, Fraction(1, 4)
    rule = replace(RULE, margin=0.25, level_margin=0.25)
    chance = {1: Fraction(1, 4), Fraction(1, 2): Fraction(1, 8), 0: Fraction(1, 2)}
    chance[Fraction(-1, 2)] = 1 - sum(chance.values())
    drift = sum(score * share for score, share in chance.items()) - margin
    assert drift == 0
    halves = {1: (1, 1), Fraction(1, 2): (1, 0), 0: (0, 0), Fraction(-1, 2): (-1, 0)}
    below = {alpha: Fraction(0) for alpha in (0.5, 0.7, 0.9)}
    for scores in product(chance, repeat=n):
        drops = list(zip(*(halves[score] for score in scores), strict=True))
        levels = [Pairs(tuple(d == 1 for d in ds), tuple(d == -1 for d in ds)) for ds in drops]
        asked = mean_tests(levels, levels, rule, AT_ANY_TIME).passes
        proven = sum(scores) < n * margin  # else nothing is, whatever was on the way
        said = min(1.0, 1 / by_hand(scores, margin)) if proven else 1.0
        assert asked == pytest.approx(said, abs=1e-9)
        p = mean_tests(levels, levels, rule, FIXED_NUMBER).passes
        for alpha in below:
            if p <= alpha:
                below[alpha] += np.prod([chance[score] for score in scores])
    assert all(share <= alpha for alpha, share in below.items())
    assert below[0.9] > 0


def test_some_of_a_run_fail_no_sooner_than_all_of_it():
    """What Bonferroni fails while checks still run, Holm fails when all are in."""
    generator = np.random.default_rng(4)
    for _ in range(200):
        run = [
            CheckTests(
                tuple(LevelTests(0.0, *generator.random(2) ** 12) for _ in range(3)),
                MeanTests(0.0, generator.random() ** 12),
            )
            for _ in range(4)
        ]
        together = judge_checks(run, 0.05)
        for tests, at_the_end in zip(run, together, strict=True):
            (alone,) = judge_checks([tests], 0.05, family_of(run))
            assert at_the_end.verdict == "fail" or alone.verdict != "fail"
            for early, late in zip(alone.levels, at_the_end.levels, strict=True):
                assert early.fails >= late.fails
                assert early.unreadable >= late.unreadable


def test_mcnemar_is_the_sign_test():
    change = Pairs((True,) * 8 + (False,) * 92, (False,) * 8 + (True,) * 2 + (False,) * 90)
    assert mcnemar(change) == pytest.approx(2 * binom.cdf(2, 10, 0.5))
    assert mcnemar(Pairs((True,) * 100, (True,) * 100)) == 1.0


def drawn(generator, n, lost, gained, *, nested):
    """Drops of n draws at levels that lose and gain these shares: independently, or (`nested`) by
    one number per draw, so that a draw that is lost at one level is lost wherever more are."""
    shape = (n, 1) if nested else (n, len(lost))
    number = generator.random(shape)
    drops = (number < np.array(lost)).astype(int)
    return drops - ((number >= np.array(lost)) & (number < np.array(lost) + np.array(gained)))


def checked(drops, rule=RULE, evidence=FIXED_NUMBER):
    """The tests of a check whose levels drop so, without an answer that cannot be read."""
    made = [Pairs(tuple((d == 1).tolist()), tuple((d == -1).tolist())) for d in drops.T]
    same = Pairs((False,) * len(drops), (False,) * len(drops))
    read = evidence.drop_above(same, rule.unparseable_ceiling)
    return CheckTests(
        tuple(
            LevelTests(
                evidence.drop_below(one, rule.of_a_level),
                evidence.drop_above(one, rule.of_a_level),
                read,
            )
            for one in made
        ),
        mean_tests(made, made, rule, evidence) if rule.has_mean else None,
    )


HISTORIES = 200


def proven_above(wrong, rate):
    """Whether so many of `HISTORIES` prove an error rate above `rate`, at 0.1 %."""
    return lower(wrong, HISTORIES, 0.001) > rate


@pytest.mark.parametrize("nested", [False, True], ids=["independent", "nested"])
@pytest.mark.parametrize("evidence", [FIXED_NUMBER, AT_ANY_TIME], ids=["fixed", "any time"])
@pytest.mark.parametrize("rule", [RULE, PER_LEVEL], ids=["two margins", "per level"])
def test_a_drop_of_the_margin_passes_and_fails_no_more_often_than_stated(nested, evidence, rule):
    """Four levels at their margins: all of them, one of them, their mean."""
    generator, n, at = np.random.default_rng(7), 120, rule.of_a_level + 0.02
    truths = {"all levels": [at] * 4, "one level": [at, 0.02, 0.02, 0.02]}
    if rule.has_mean:
        truths |= {"mean": [0.07] * 4, "uneven mean": [0.09, 0.09, 0.05, 0.05]}
    for name, lost in truths.items():
        verdicts = []
        for _ in range(HISTORIES):
            drops = drawn(generator, n, lost, [0.02] * 4, nested=nested)
            (judged,) = judge_checks([checked(drops, rule, evidence)], 0.05)
            verdicts.append(judged.verdict)
        assert not proven_above(verdicts.count("pass"), 0.05), name
        # With all levels at theirs, the mean is above its own.
        if name != "all levels" or not rule.has_mean:
            assert not proven_above(verdicts.count("fail"), 0.05), name


def test_an_unchanged_release_passes_a_whole_run_that_finds_a_level_which_lost_20_points():
    """Nine checks, 31 levels, 200 cases, 1 % flips either way."""
    generator, n = np.random.default_rng(8), 200
    sizes = (4, 4, 4, 4, 3, 3, 3, 3, 3)
    passed = found = 0
    runs = 60
    for _ in range(runs):
        run = [
            checked(drawn(generator, n, [0.01] * size, [0.01] * size, nested=False))
            for size in sizes
        ]
        passed += all(judged.verdict == "pass" for judged in judge_checks(run, 0.05))
        lost = [0.21, *[0.01] * 3]
        run[0] = checked(drawn(generator, n, lost, [0.01] * 4, nested=False))
        found += judge_checks(run, 0.05)[0].levels[0].verdict == "fail"
    assert passed >= 0.9 * runs
    assert found >= 0.75 * runs


def test_the_fewest_cases_that_can_pass():
    for rule, evidence, levels in (
        (RULE, FIXED_NUMBER, 4),
        (RULE, AT_ANY_TIME, 4),
        (PER_LEVEL, FIXED_NUMBER, 1),
    ):
        needed = smallest_passing(rule, evidence, levels)
        for n, verdict in ((needed, "pass"), (needed - 1, "inconclusive")):
            same = [pairs(n)] * levels
            assert check(*same, rule=rule, evidence=evidence).verdict == verdict, (rule, n)
    assert smallest_passing(replace(RULE, min_cases=500), FIXED_NUMBER, 4) == 500
    assert smallest_passing(replace(RULE, margin=1e-6), FIXED_NUMBER, 4) == 0


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
        (
            '[defaults]\nrule = "two_margin"',
            "rule='two_margin' is not allowed; allowed: 'two_margins', 'per_level'",
        ),
        ("[defaults]\nlevel_margin = 1", "level_margin=1 is not allowed; allowed: (0, 1)"),
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


def refused(policy, asked):
    with pytest.raises(GateError) as error:
        check_policy_can_decide(policy, asked)
    return str(error.value)


TWO = {"distractors": Asked(4, 100), "pooling": Asked(3, 100)}


def test_a_gate_that_blocks_nothing_is_refused(tmp_path):
    quiet = load_policy(write(tmp_path, '[defaults]\ntier = "warning"\n'))
    assert "gates nothing: none of the 2 selected checks" in refused(quiet, TWO)
    check_policy_can_decide(load_policy(), TWO)


def test_policies_that_can_never_pass_are_refused_with_the_cases_they_need(tmp_path):
    strict = load_policy(write(tmp_path, "[defaults]\nmargin = 0.01\n"))
    needed = smallest_passing(strict.rule("distractors"), FIXED_NUMBER, 4)
    said = refused(strict, {"distractors": Asked(4, needed - 1)})
    assert f"cases={needed - 1} per level can never pass check 'distractors'" in said
    assert f"4 levels of {needed - 1} cases" in said
    assert f"--vlm-cases {needed}" in said
    check_policy_can_decide(strict, {"distractors": Asked(4, needed)})
    early = refused(strict, {"distractors": Asked(4, needed - 1, anytime=True)})
    assert "looked at again and again" in early
    nothing = load_policy(write(tmp_path, "[defaults]\nmargin = 1e-6\n"))
    assert refused(nothing, TWO).endswith("widen the margin")


def test_policies_that_can_never_fail_are_refused(tmp_path):
    wide = load_policy(write(tmp_path, "[defaults]\nlevel_margin = 0.99\n"))
    said = refused(wide, TWO)
    assert "can never fail check 'distractors'" in said
    assert "4 levels of 100 cases, 7 levels in the run" in said
    assert "a release that loses every answer at a level" in said
    # Not even at a level: its margin is passed by all that there is.
    check_policy_can_decide(wide, {"distractors": Asked(4, 1500)})


def test_a_margin_of_levels_below_that_of_their_mean_is_refused(tmp_path):
    crossed = load_policy(write(tmp_path, "[checks.pooling]\nmargin = 0.1\n"))
    said = refused(crossed, TWO)
    assert "level_margin=0.076 of check 'pooling' (3 levels of 100 cases) is below" in said
    alone = '[checks.pooling]\nmargin = 0.1\nrule = "per_level"\n'
    check_policy_can_decide(load_policy(write(tmp_path, alone)), TWO)
