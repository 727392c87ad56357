"""What a gate will say of a run before anything is asked: releases simulated, and judged as a run
judges them.

Checks draw with seeds of their own, so a whole run passes with the product of what its checks pass
with. P-values of failing are corrected by Bonferroni, as they are while a run goes on; Holm's
method, in the end, finds as much or more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from mimic_checks.verdicts.betting import Floats
from mimic_checks.verdicts.evidence import FIXED_NUMBER, ROUND
from mimic_checks.verdicts.gate import JudgedCheck, judge_checks
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.gate_tests import (
    CheckTests,
    LevelPairs,
    LevelTests,
    MeanTests,
    undecided,
)
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.policy import Asked, Policy, family_of
from mimic_checks.verdicts.simulated import Bracketed, Drops, Flips, losing, p_at_any_time

HISTORIES, HISTORIES_IN_ROUNDS = 3000, 1000
"""Of a check: with a fixed number of draws, and in rounds, which take several times as long."""
LOST = 0.2
"""What a release lost that is to be found: this share of the answers at one level."""
_MOST_CASES = 2000

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Simulated:
    """Histories of one check: the verdicts on an unchanged release and on one whose last level
    lost, and after how many draws they were certain; all of them, if never."""

    passed: NDArray[np.bool_]
    found: NDArray[np.bool_]
    draws: Numbers
    draws_lost: Numbers


@dataclass(frozen=True, slots=True)
class PlannedCheck:
    """What to expect of a check: the probability that an unchanged release passes it, that a level
    which lost is found, and the draws that each takes on average."""

    asked: Asked
    passes: float
    found: float
    draws: float
    draws_lost: float

    @property
    def calls(self) -> float:
        """Answers of an unchanged release."""
        return self.draws * self.asked.levels


@dataclass(frozen=True, slots=True)
class Planned:
    """What to expect of a run: by check, and that an unchanged release passes all that block."""

    checks: Mapping[str, PlannedCheck]
    passes: float
    flips: Flips

    @property
    def found(self) -> float:
        """The probability that a level which lost is found, whichever level it is, at least."""
        return min(check.found for check in self.checks.values())

    @property
    def calls(self) -> float:
        """Answers of an unchanged release."""
        return sum(check.calls for check in self.checks.values())


def plan_gate(asked: Mapping[str, Asked], policy: Policy, flips: Flips) -> Planned:
    """What to expect of a run that asks this."""
    family = family_of(policy, asked)
    checks, passes = {}, 1.0
    for check, wanted in asked.items():
        history = simulate(policy.rule(check), wanted, family, flips, policy.inconclusive_blocks)
        checks[check] = PlannedCheck(
            wanted,
            passes=float(history.passed.mean()),
            found=float(history.found.mean()),
            draws=float(history.draws.mean()),
            draws_lost=float(history.draws_lost.mean()),
        )
        if policy.tier(check) == "blocking":
            passes *= checks[check].passes
    return Planned(checks, passes, flips)


def cases_for(
    power: float, asked: Mapping[str, Asked], policy: Policy, flips: Flips, *, step: int = 10
) -> int | None:
    """The fewest cases per level, in steps, with which an unchanged release passes the whole run
    with that probability; None if `_MOST_CASES` are too few."""

    def passes(steps: int) -> float:
        wider = {check: replace(one, cases=step * steps) for check, one in asked.items()}
        return plan_gate(wider, policy, flips).passes

    low, high = 0, max(1, 80 // step)
    while passes(high) < power:
        low, high = high, 2 * high
        if step * high > _MOST_CASES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) >= power else (middle, high)
    return step * high


def sentence(planned: Planned) -> str:
    """What to expect of a run, in one line."""
    cases = sorted({check.asked.cases for check in planned.checks.values()})
    early = any(check.asked.anytime for check in planned.checks.values())
    numbers = f"{cases[0]} to {cases[-1]}" if len(cases) > 1 else f"{cases[0]}"
    return (
        f"with {'at most ' if early else ''}{numbers} cases, an unchanged release passes this run"
        f" with probability {floored(planned.passes)} ({planned.flips}); a level that lost"
        f" {100 * LOST:g} points is found with {floored(planned.found)}"
    )


def floored(probability: float) -> str:
    """Two digits, rounded down; nothing that can fail is certain."""
    if probability >= 0.995:
        return "> 0.99"
    return f"{math.floor(100 * probability + 1e-9) / 100:.2f}"


@lru_cache(maxsize=500)
def simulate(
    rule: GateRule,
    asked: Asked,
    family: TestFamily,
    flips: Flips,
    inconclusive_blocks: bool = True,
    histories: int | None = None,
    seed: int = 0,
) -> Simulated:
    """Histories of a check in a run of such a family."""
    histories = histories or (HISTORIES_IN_ROUNDS if asked.anytime else HISTORIES)
    unchanged = flips.drawn(histories, asked.levels, asked.cases, seed)
    judge = in_rounds if asked.anytime else at_once
    judged, draws = judge(unchanged, rule, family)
    judged_lost, draws_lost = judge(losing(unchanged, LOST, seed=seed), rule, family)
    lets_pass = ("pass",) if inconclusive_blocks else ("pass", "inconclusive")
    return Simulated(
        passed=np.array([check.verdict in lets_pass for check in judged]),
        found=np.array([check.levels[-1].verdict == "fail" for check in judged_lost]),
        draws=draws,
        draws_lost=draws_lost,
    )


def at_once(drops: Drops, rule: GateRule, family: TestFamily) -> tuple[list[JudgedCheck], Numbers]:
    """All draws, then one verdict each."""

    @cache
    def judge(tests: CheckTests) -> JudgedCheck:
        return judge_checks([tests], rule.alpha, family)[0]

    judged = [judge(tests) for tests in tests_of(drops, rule, family)]
    return judged, np.full(len(drops), drops.shape[-1])


def tests_of(drops: Drops, rule: GateRule, family: TestFamily) -> list[CheckTests]:
    """The tests of a check with a fixed number of draws, per history: p-values as far as decisions
    need them, so that there are few different ones."""
    fails_at, mean_fails_at = (rule.alpha * family.weight(kind) for kind in ("level", "check"))
    _, levels, n = drops.shape
    lost, gained = (drops > 0).sum(-1), (drops < 0).sum(-1)
    by_level = [
        tuple(_level_tests(n, rule, fails_at, b, c) for b, c in zip(*counts, strict=True))
        for counts in zip(lost.tolist(), gained.tolist(), strict=True)
    ]
    if not rule.has_mean:
        return [CheckTests(tests) for tests in by_level]
    if levels == 1:
        of_mean = [
            tuple(test(b, c) for test in _tests(n, rule.margin, rule.alpha, mean_fails_at))
            for b, c in zip(lost[:, 0].tolist(), gained[:, 0].tolist(), strict=True)
        ]
    else:
        scores = drops.mean(1)
        below = p_at_any_time(scores, rule.margin)[:, -1]
        above = p_at_any_time(-scores, -rule.margin)[:, -1]
        below = _as_decided(below, rule.alpha, rule.alpha)
        above = _as_decided(above, mean_fails_at, rule.alpha)
        of_mean = list(zip(below.tolist(), above.tolist(), strict=True))
    return [
        CheckTests(
            tests, MeanTests(1.0, 1.0) if any(test.undecided for test in tests) else MeanTests(*p)
        )
        for tests, p in zip(by_level, of_mean, strict=True)
    ]


def _as_decided(p: Floats, *at: float) -> Floats:
    """P-values, each raised to just below the smallest of `at` that it is not above, or to 1."""
    limits = np.array(sorted({*at}))
    raised: Floats = np.array([*(limits * (1 - 1e-9)), 1.0])[np.searchsorted(limits, p)]
    return raised


@lru_cache(maxsize=100_000)
def _level_tests(n: int, rule: GateRule, fails_at: float, lost: int, gained: int) -> LevelTests:
    if why := _undecided(n, rule):
        return LevelTests(1.0, 1.0, 1.0, why)
    passes, fails = _tests(n, rule.of_a_level, rule.alpha, fails_at)
    return LevelTests(passes(lost, gained), fails(lost, gained), 1.0)


@lru_cache
def _undecided(n: int, rule: GateRule) -> str:
    same = Pairs((True,) * n, (True,) * n)
    return undecided(LevelPairs(same, same, same, same, 0), rule, FIXED_NUMBER)


@lru_cache
def _tests(n: int, margin: float, alpha: float, fails_at: float) -> tuple[Bracketed, ...]:
    def below(gained: int, lost: int) -> float:
        return FIXED_NUMBER.drop_below(counted(n, lost, gained), margin)

    def above(lost: int, gained: int) -> float:
        return FIXED_NUMBER.drop_above(counted(n, lost, gained), margin)

    fall_with_gains = Bracketed(below, alpha)
    return (
        lambda lost, gained: fall_with_gains(gained, lost),  # type: ignore[return-value]
        Bracketed(above, fails_at),
    )


def counted(n: int, lost: int, gained: int) -> Pairs:
    """Draws of which so many are lost and gained."""
    same = n - lost - gained
    return Pairs(
        (True,) * lost + (False,) * gained + (True,) * same,
        (False,) * lost + (True,) * gained + (True,) * same,
    )


def in_rounds(
    drops: Drops, rule: GateRule, family: TestFamily
) -> tuple[list[JudgedCheck], Numbers]:
    """In rounds, each history until its verdict is certain."""
    looks = looks_of(drops.shape[-1])
    level, mean = _p_at_looks(drops, rule, looks)
    judged: list[JudgedCheck] = []
    stops = np.zeros(len(drops), np.int64)
    could_stop = _could_stop(level, mean, rule.alpha)
    for history in range(len(drops)):
        candidates = [*np.flatnonzero(could_stop[history]).tolist(), len(looks) - 1]
        for look in candidates:
            tests = CheckTests(
                tuple(
                    LevelTests(passes, fails, 1.0)
                    for passes, fails in level[:, history, :, look].T.tolist()
                ),
                MeanTests(*mean[:, history, look].tolist()) if mean is not None else None,
            )
            (verdict,) = judge_checks([tests], rule.alpha, family)
            if verdict.verdict != "inconclusive":
                break
        judged.append(verdict)
        stops[history] = looks[look]
    return judged, stops


def looks_of(draws: int) -> Sequence[int]:
    """After how many draws a run in rounds looks."""
    return [min(look, draws) for look in range(ROUND, draws + ROUND, ROUND)]


def _p_at_looks(
    drops: Drops, rule: GateRule, looks: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """P-values of passing and failing: [2, histories, levels, looks] and [2, histories, looks]."""
    at = np.array(looks) - 1
    margin = rule.of_a_level
    scores = drops.astype(float)
    level = np.stack(
        [p_at_any_time(scores, margin)[..., at], p_at_any_time(-scores, -margin)[..., at]]
    )
    if not rule.has_mean:
        return level, None
    means = scores.mean(1)
    return level, np.stack(
        [p_at_any_time(means, rule.margin)[:, at], p_at_any_time(-means, -rule.margin)[:, at]]
    )


def _could_stop(
    level: NDArray[np.float64], mean: NDArray[np.float64] | None, alpha: float
) -> NDArray[np.bool_]:
    """[histories, looks]: whether anything may be decided; corrections only make it less."""
    passes = (level[0] <= alpha).all(1)
    fails = (level[1] <= alpha).any(1)
    if mean is not None:
        passes &= mean[0] <= alpha
        fails |= mean[1] <= alpha
    could: NDArray[np.bool_] = passes | fails
    return could
