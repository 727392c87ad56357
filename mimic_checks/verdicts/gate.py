"""The paired gate: did a release lose what an earlier one could do?

Of the draws of a level, some were right before and are wrong now (lost), others the other way round
(gained); the drop is their difference, as a share of all. A check is judged by two margins: the
mean drop over its levels, which finds a small drop everywhere, and the drop of every level against
a wider one, which finds a large drop at one. A check passes if its mean and all of its levels are
proven below their margins: all must hold, so passing needs no correction (intersection-union). One
that is proven above its margin is enough to fail, and so is a rise of unparseable answers: the
p-values of failing are corrected over the whole run. What is here sees p-values only (those of
data: `gate_tests.py`), so that plans and simulations judge as a run does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from scipy.stats import binomtest

from mimic_checks.verdicts.evidence import Evidence
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.gate_tests import CheckTests, LevelTests, MeanTests, mean_tests
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.multiplicity import TestFamily, TestKind, bonferroni, holm
from mimic_checks.verdicts.pairs import Pairs

_MOST_CASES = 10**5
"""Nobody asks more cases of a level."""


@dataclass(frozen=True, slots=True)
class JudgedLevel:
    """A level's verdict. `fails`, `unreadable`: its p-values of failing, corrected over the run;
    `why`: what a fail or an inconclusive rests on."""

    tests: LevelTests
    fails: float
    unreadable: float
    verdict: Verdict
    why: Literal["undecided", "unreadable", "drop"]


@dataclass(frozen=True, slots=True)
class JudgedMean:
    """The verdict of a check's mean drop; `fails`: its p-value of failing, corrected over the
    run."""

    tests: MeanTests
    fails: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class JudgedCheck:
    """A check's verdict, with that of its levels, and of its mean if it has one."""

    levels: tuple[JudgedLevel, ...]
    mean: JudgedMean | None

    @property
    def verdict(self) -> Verdict:
        """The worst of them."""
        mean = (self.mean.verdict,) if self.mean else ()
        return worst_of([*mean, *(level.verdict for level in self.levels)])


def family_of(checks: Sequence[CheckTests]) -> TestFamily:
    """All that can fail in a run of these checks."""
    return TestFamily(
        sum(len(check.levels) for check in checks), sum(check.mean is not None for check in checks)
    )


def judge_checks(
    checks: Sequence[CheckTests], alpha: float, family: TestFamily | None = None
) -> list[JudgedCheck]:
    """The verdicts of checks. They are the whole run, and p-values of failing are corrected over
    it by Holm's method; or, with the `family` of the whole run, some of it, and Bonferroni's is
    used. What fails so fails under Holm too."""
    weights_of, correct = (family, bonferroni) if family else (family_of(checks), holm)
    p: list[float] = []
    kinds: list[TestKind] = []
    for check in checks:
        for level in check.levels:
            p += (level.fails, level.unreadable)
            kinds += ("level", "unreadable")
        if check.mean:
            p.append(check.mean.fails)
            kinds.append("check")
    weight = {kind: weights_of.weight(kind) for kind in set(kinds)}
    corrected = iter(correct(p, [weight[kind] for kind in kinds]))
    return [
        JudgedCheck(
            tuple(
                _judge_level(level, next(corrected), next(corrected), alpha)
                for level in check.levels
            ),
            _judge_mean(check.mean, next(corrected), alpha) if check.mean else None,
        )
        for check in checks
    ]


def _judge_level(tests: LevelTests, fails: float, unreadable: float, alpha: float) -> JudgedLevel:
    verdict: Verdict = "inconclusive"
    why: Literal["undecided", "unreadable", "drop"] = "drop"
    if tests.undecided:
        why = "undecided"
    elif unreadable <= alpha:
        verdict, why = "fail", "unreadable"
    elif fails <= alpha:
        verdict = "fail"
    elif tests.passes <= alpha:
        verdict = "pass"
    return JudgedLevel(tests, fails, unreadable, verdict, why)


def _judge_mean(tests: MeanTests, fails: float, alpha: float) -> JudgedMean:
    verdict: Verdict = (
        "fail" if fails <= alpha else "pass" if tests.passes <= alpha else "inconclusive"
    )
    return JudgedMean(tests, fails, verdict)


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Fail wins, then inconclusive."""
    distinct = set(verdicts)
    if "fail" in distinct:
        return "fail"
    return "inconclusive" if "inconclusive" in distinct else "pass"


@lru_cache
def smallest_passing(rule: GateRule, evidence: Evidence, levels: int) -> int:
    """The fewest cases per level with which a release that changes nothing passes a check of so
    many levels; 0 if `_MOST_CASES` are too few."""
    n = least = 1 if evidence.anytime else max(1, rule.min_cases)
    while not _unchanged_passes(n, rule, evidence, levels):
        n, least = 2 * n, n + 1
        if n > _MOST_CASES:
            return 0
    while least < n:
        middle = (least + n) // 2
        if _unchanged_passes(middle, rule, evidence, levels):
            n = middle
        else:
            least = middle + 1
    return n


def _unchanged_passes(n: int, rule: GateRule, evidence: Evidence, levels: int) -> bool:
    same = Pairs((True,) * n, (True,) * n)
    if evidence.drop_below(same, rule.of_a_level) > rule.alpha:
        return False
    return not rule.has_mean or _mean(same, rule, evidence, levels).passes <= rule.alpha


def lost_level_fails(n: int, rule: GateRule, evidence: Evidence, family: TestFamily) -> bool:
    """Whether a level of n cases fails that loses every answer, in a run of such a family."""
    lost = Pairs((True,) * n, (False,) * n)
    p = evidence.drop_above(lost, rule.of_a_level)
    return p / family.weight("level") <= rule.alpha


def _mean(pairs: Pairs, rule: GateRule, evidence: Evidence, levels: int) -> MeanTests:
    return mean_tests([pairs] * levels, [pairs] * levels, rule, evidence)


def mcnemar(change: Pairs) -> float:
    """McNemar's exact two-sided p: as likely lost as gained? For information; decides nothing."""
    flips = change.lost + change.gained
    return float(binomtest(change.lost, flips).pvalue) if flips else 1.0
