"""Plans promise what the gate then does: against exact sums, and against a run's own code."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import multinomial

from mimic_checks.cases import Level
from mimic_checks.errors import InvalidArgument
from mimic_checks.verdicts import planning
from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER
from mimic_checks.verdicts.gate import judge_checks
from mimic_checks.verdicts.gate_tests import LevelPairs, check_tests
from mimic_checks.verdicts.levels import Tally, decide
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.planning import cases_for, counted, plan_gate, sentence, simulate
from mimic_checks.verdicts.policy import Asked, Policy, load_policy
from mimic_checks.verdicts.score_test import p_above, p_below
from mimic_checks.verdicts.simulated import Bracketed, Flips, losing
from mimic_checks.verdicts.threshold_planning import answered, plan_thresholds
from mimic_checks.verdicts.thresholds import load_thresholds

POLICY = load_policy()
PER_LEVEL = Policy({**POLICY.defaults, "rule": "per_level", "margin": 0.1}, {}, "test")
THRESHOLDS = load_thresholds().defaults


@pytest.fixture
def few_histories(monkeypatch):
    """Where it does not matter how exactly a probability is known."""
    monkeypatch.setattr(planning, "HISTORIES", 300)
    monkeypatch.setattr(planning, "HISTORIES_IN_ROUNDS", 100)
    planning.simulate.cache_clear()
    yield
    planning.simulate.cache_clear()


def pairs_of(drops) -> Pairs:
    """Draws with these drops, in their order."""
    return Pairs(tuple(d >= 0 for d in drops), tuple(d <= 0 for d in drops))


def level_pairs_of(drops) -> LevelPairs:
    pairs, nothing = pairs_of(drops), counted(len(drops), 0, 0)
    return LevelPairs(pairs, pairs, pairs, nothing, 0)


def exactly(n: int, lost: float, gained: float, holds) -> float:
    """The probability that something holds of the numbers of lost and gained."""
    return sum(
        multinomial.pmf([b, c, n - b - c], n, [lost, gained, 1 - lost - gained])
        for b, c in itertools.product(range(n + 1), repeat=2)
        if b + c <= n and holds(b, c)
    )


def test_one_level_passes_and_is_found_as_an_exact_sum_says():
    """80 draws of one level, all counts added up with the score test's own p-values."""
    rule, n, flips = PER_LEVEL.rule("a"), 80, 0.02
    family = TestFamily(1)
    history = simulate(rule, Asked(1, n), family, Flips(flips))
    passes = exactly(
        n, flips, flips, lambda b, c: b < 12 and c < 8 and p_below(b, c, n, 0.1) <= 0.05
    )
    fails_at = 0.05 * family.weight("level")
    found = exactly(
        n,
        0.2 + flips,
        flips,
        lambda b, c: b > 30 or (b > 12 and c < 6 and p_above(b, c, n, 0.1) <= fails_at),
    )
    assert history.passed.mean() == pytest.approx(passes, abs=4 * np.sqrt(0.25 / 3000))
    assert history.found.mean() == pytest.approx(found, abs=4 * np.sqrt(0.25 / 3000))
    assert 0.2 < passes < 0.999
    assert 0.1 < found < 0.9


@pytest.mark.parametrize("joint", ["independent", "nested"])
@pytest.mark.parametrize("anytime", [False, True])
@pytest.mark.parametrize("levels", [3, 1])
def test_every_history_is_judged_as_a_run_judges_it(joint, anytime, levels):
    """Draw for draw through the gate's own tests, stopped where a run stops."""
    rule, family, flips = POLICY.rule("a"), TestFamily(12, 3), Flips(0.02, joint)
    asked, histories = Asked(levels, 110, anytime=anytime), 8
    history = simulate(rule, asked, family, flips, histories=histories)
    drops = flips.drawn(histories, levels, 110)
    for made, expected, stops in (
        (drops, history.passed, history.draws),
        (losing(drops, 0.2), history.found, history.draws_lost),
    ):
        for one, says, stop in zip(made, expected, stops, strict=True):
            for n in planning.looks_of(110) if anytime else [110]:
                tests = check_tests(
                    [level_pairs_of(level[:n]) for level in one.tolist()],
                    rule,
                    AT_ANY_TIME if anytime else Shuffled(),
                )
                (judged,) = judge_checks([tests], rule.alpha, family)
                if judged.verdict != "inconclusive":
                    break
            if expected is history.passed:
                assert says == (judged.verdict == "pass")
            else:
                assert says == (judged.levels[-1].verdict == "fail")
            assert stop == n


class Shuffled(type(FIXED_NUMBER)):
    """The order of simulated draws is as good as any: bets take them as they come."""

    def mean_drop_below(self, drops, margin):
        return AT_ANY_TIME.mean_drop_below(drops, margin)


def test_bracketed_p_values_decide_as_all_of_them_do():
    asked = []

    def p(lost, gained):
        asked.append((lost, gained))
        return p_above(lost, gained, 100, 0.076)

    bracketed = Bracketed(p, 0.002)
    counts = [(b, c) for b in range(30) for c in range(5)]
    np.random.default_rng(0).shuffle(counts)
    for b, c in counts:
        assert (bracketed(b, c) <= 0.002) == (p_above(b, c, 100, 0.076) <= 0.002), (b, c)
    assert len(asked) < len(counts) / 3


def test_a_whole_run_passes_with_the_product_over_what_blocks(few_histories):
    asked = {"a": Asked(4, 150), "b": Asked(3, 150), "c": Asked(4, 150)}
    warned = Policy(POLICY.defaults, {"c": {"tier": "warning"}}, "test")
    planned = plan_gate(asked, warned, Flips(0.02))
    by_check = {name: check.passes for name, check in planned.checks.items()}
    assert planned.passes == pytest.approx(by_check["a"] * by_check["b"])
    assert planned.found == min(check.found for check in planned.checks.values())
    assert planned.calls == 11 * 150


def test_too_few_cases_pass_nothing_and_as_many_as_planned_do(few_histories, monkeypatch):
    asked = {"a": Asked(3, 1), "b": Asked(3, 1)}
    flips = Flips(0.02)
    needed = cases_for(0.8, asked, POLICY, flips, step=40)
    assert needed

    def passes(n):
        return plan_gate({name: Asked(3, n) for name in asked}, POLICY, flips).passes

    assert passes(needed - 40) < 0.8 <= passes(needed)
    assert passes(POLICY.rule("a").min_cases - 1) == 0.0
    monkeypatch.setattr(planning, "_MOST_CASES", 100)
    assert cases_for(0.9, asked, POLICY, flips, step=40) is None


def test_what_may_stop_early_asks_less_and_more_cases_cost_nothing(few_histories):
    def planned(n):
        return plan_gate({"a": Asked(3, n, anytime=True)}, POLICY, Flips(0.01))

    few, many = planned(100), planned(300)
    assert few.passes < many.passes
    assert many.checks["a"].draws < 150


def test_the_sentence(few_histories):
    asked = {"a": Asked(2, 100), "b": Asked(2, 120)}
    assert sentence(plan_gate(asked, PER_LEVEL, Flips(0.0))) == (
        "with 100 to 120 cases, an unchanged release passes this run with probability > 0.99 (0 %"
        f" of answers flip each way); a level that lost 20 points is found with"
        f" {planning.floored(plan_gate(asked, PER_LEVEL, Flips(0.0)).found)}"
    )
    assert planning.floored(0.9) == "0.90"
    assert planning.floored(0.899) == "0.89"


@pytest.mark.parametrize("anytime", [False, True])
def test_thresholds_are_planned_as_they_judge(anytime):
    asked, flips, histories = Asked(3, 60, anytime=anytime), Flips(0.05), 15
    plan = plan_thresholds(asked, THRESHOLDS, 0.7, flips, histories)
    evidence = AT_ANY_TIME if anytime else FIXED_NUMBER
    reference, levels = answered(asked, 0.7, flips, histories)
    passed, draws = [], []
    for first, others in zip(reference, levels, strict=True):
        for n in planning.looks_of(60) if anytime else [60]:
            tallies = [
                (Level("a", k), Tally(tuple("right" if r else "wrong" for r in row[:n])))
                for k, row in enumerate([first, *others])
            ]
            (_, first_level), *other_levels = tallies
            decided = [
                decide(counts, reference, THRESHOLDS, TestFamily(3), evidence).verdict
                for counts, reference in [
                    (first_level, None),
                    *((counts, first_level) for _, counts in other_levels),
                ]
            ]
            if set(decided) == {"pass"}:
                break
        passed.append(set(decided) == {"pass"})
        draws.append(n)
    assert plan.passes == np.mean(passed)
    assert plan.draws == np.mean(draws)
    assert plan.passes > 0


def test_flips_are_what_they_say():
    for joint in ("independent", "nested"):
        drops = Flips(0.04, joint).drawn(400, 3, 200)
        assert (drops == 1).mean() == pytest.approx(0.04, abs=0.004)
        assert (drops == -1).mean() == pytest.approx(0.04, abs=0.004)
        same = (drops == drops[:, :1]).all()
        assert same == (joint == "nested")
        lost = losing(drops, 0.2)
        assert lost[:, -1].mean() == pytest.approx(0.2, abs=0.01)
        assert (lost[:, :-1] == drops[:, :-1]).all()
        assert losing(drops, 0.2, everywhere=True).mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("share", [-0.01, 0.25, float("nan")])
def test_flips_out_of_range_are_refused(share):
    with pytest.raises(InvalidArgument, match="flips"):
        Flips(share)
    with pytest.raises(InvalidArgument, match="joint='both'"):
        Flips(0.01, "both")
