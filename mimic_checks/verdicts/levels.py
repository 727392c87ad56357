"""From outcomes to verdicts, level by level.

Who bears the doubt: a level passes only with every unparseable and error counted wrong (and the
reference's counted right), and fails only with every one counted right (and the reference's counted
wrong). A pass needs no correction for many levels, because all of them must pass
(intersection-union); a fail does, because one is enough: each way in which something can fail has
its part of alpha (`multiplicity.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mimic_checks.cases import Level, OutcomeKind, Scored
from mimic_checks.verdicts.evidence import FIXED_NUMBER, Evidence
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs, right
from mimic_checks.verdicts.thresholds import Thresholds
from mimic_checks.verdicts.trouble import NOTHING, Frequent, cure, frequent, raised_by, unread_by

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the items of one level came out in the order of their draws, a group counted once;
    `best_constant` is the rate of the best answer that looks at nothing, `mean_partial` the mean of
    the partial scores, if there are any; `raised` and `unread` are the most frequent reasons of
    errors and of answers that nothing was read from."""

    kinds: tuple[OutcomeKind, ...]
    best_constant: float
    mean_partial: float | None = None
    partial_interval: tuple[float, float] | None = None
    raised: Frequent = NOTHING
    unread: Frequent = NOTHING

    @property
    def n(self) -> int:
        """All items."""
        return len(self.kinds)

    @property
    def right(self) -> int:
        """Items that are right."""
        return self.kinds.count("right")

    @property
    def wrong(self) -> int:
        """Items that are wrong."""
        return self.kinds.count("wrong")

    @property
    def unparseable(self) -> int:
        """Items whose answer says no one thing."""
        return self.kinds.count("unparseable")

    @property
    def error(self) -> int:
        """Items that raised an error."""
        return self.kinds.count("error")

    def is_readable(self, thresholds: Thresholds) -> bool:
        """Whether enough answers could be read for the level to pass."""
        return self.unparseable <= thresholds.unparseable_ceiling * self.n

    @property
    def is_answered(self) -> bool:
        """Whether the rate says anything about the model: not if most items are errors."""
        return 2 * self.error <= self.n

    @property
    def errors(self) -> str:
        """How many items are errors, and what most of them say; "" if none is."""
        if not self.error:
            return ""
        return f"{self.error} of {self.n} cases raised an error{self.raised.most_of(self.error)}"

    @property
    def rate(self) -> float:
        """Share of right answers, doubtful ones counted wrong."""
        return self.right / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class LevelVerdict:
    """One level: its tally, a two-sided interval of its rate, what was judged against what, and the
    verdict."""

    level: Level
    tally: Tally
    interval: tuple[float, float]
    verdict: Verdict
    reason: str
    threshold: float
    is_reference: bool
    retention: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """A check: the verdict over all its levels, and each of them."""

    verdict: Verdict
    reason: str
    levels: tuple[LevelVerdict, ...] = field(default=())


def tally(items: Sequence[Scored], alpha: float) -> Tally:
    """Counts the outcomes of one level; `alpha` is the error rate of the partial score's
    interval."""
    partial = [item.partial for item in items if item.partial is not None]
    return Tally(
        kinds=tuple(item.kind for item in items),
        best_constant=best_constant(items),
        mean_partial=math.fsum(partial) / len(partial) if partial else None,
        partial_interval=empirical_bernstein(partial, alpha) if partial else None,
        raised=frequent(raised_by(items)),
        unread=frequent(unread_by(items)),
    )


def best_constant(items: Sequence[Scored]) -> float:
    """The share of items that the best answer which looks at nothing is right in; 0 of none. In a
    group it must be right for every member."""
    texts = [{outcome.case.truth.text for outcome in item.members} for item in items]
    constant = Counter(truths.pop() for truths in texts if len(truths) == 1)
    return max(constant.values(), default=0) / len(items) if items else 0.0


def judge_levels(
    tallies: Sequence[tuple[Level, Tally]],
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence = FIXED_NUMBER,
) -> CheckVerdict:
    """The verdict of a sweep, whose levels have the same draws in the same order. The first level
    is the reference; `family`: all tests of the run."""
    (first, reference), *others = tallies
    judged = [judge_reference(first, reference, thresholds, family, evidence)]
    for level, counts in others:
        if judged[0].verdict == "fail":
            reason = f"the reference level {first} failed: the model cannot do the task at all"
            verdict = level_verdict(
                level, counts, "inconclusive", reason, thresholds.retention, thresholds.alpha
            )
        else:
            verdict = _judge_retention(level, counts, reference, thresholds, family, evidence)
        judged.append(verdict)
    return combine(judged, f"all {len(judged)} levels pass")


def judge_reference(
    level: Level,
    counts: Tally,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence = FIXED_NUMBER,
) -> LevelVerdict:
    """The level at which the model must show that it can do the task at all: against the floor and
    the best constant answer."""
    floor, alpha = max(thresholds.reference_floor, counts.best_constant), thresholds.alpha
    fail_alpha = alpha * family.weight("level")
    if (broken := _unjudged(level, counts, floor, thresholds, family, evidence, True)) is not None:
        return broken
    surely, perhaps = right(counts.kinds), right(counts.kinds, doubtful=True)
    against = f"the floor of the reference level {floor:.2f}"
    low = evidence.rate_bounds(surely, alpha)[0]
    high = evidence.rate_bounds(perhaps, fail_alpha)[1]
    verdict: Verdict
    if evidence.rate_above(surely, floor) <= alpha and counts.is_readable(thresholds):
        verdict, reason = "pass", f"proven above {against} (lower bound {low:.3f})"
    elif evidence.rate_below(perhaps, floor) <= fail_alpha:
        verdict, reason = "fail", f"proven below {against} (upper bound {high:.3f})"
    else:
        verdict = "inconclusive"
        reason = f"neither above nor below {against} is proven [{low:.3f}, {high:.3f}]"
    return level_verdict(
        level, counts, verdict, reason, floor, alpha, evidence=evidence, is_reference=True
    )


def _judge_retention(
    level: Level,
    counts: Tally,
    reference: Tally,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence,
) -> LevelVerdict:
    required, alpha = thresholds.retention, thresholds.alpha
    fail_alpha = alpha * family.weight("level")
    broken = _unjudged(level, counts, required, thresholds, family, evidence, False)
    if broken is not None:
        return broken
    worst = Pairs(right(reference.kinds, doubtful=True), right(counts.kinds))
    best = Pairs(right(reference.kinds), right(counts.kinds, doubtful=True))
    low = evidence.retained_at_least(worst, alpha)
    high = evidence.retained_at_most(best, fail_alpha)
    verdict: Verdict
    if evidence.retains(worst, required) <= alpha and counts.is_readable(thresholds):
        verdict, bounds = "pass", f"at least {_percent(low, required)}"
    elif evidence.falls_short(best, required) <= fail_alpha:
        verdict, bounds = "fail", f"at most {_percent(high, required)}"
    elif math.isinf(high):
        verdict = "inconclusive"
        bounds = f"at least {_percent(low, required)}, with no upper bound,"
    else:
        verdict = "inconclusive"
        bounds = f"between {_percent(low, required)} and {_percent(high, required)}"
    reason = f"accuracy is {bounds} of the reference level's ({100 * required:g} % required)"
    return level_verdict(
        level,
        counts,
        verdict,
        reason,
        required,
        alpha,
        evidence=evidence,
        retention=(low, evidence.retained_at_most(best, alpha)),
    )


def _percent(share: float, required: float) -> str:
    """Whole percent, or with one decimal where it would read like what is required and is not."""
    exact = 100 * share
    alike = f"{exact:.0f}" == f"{100 * required:g}"
    return f"{exact:.1f} %" if alike and abs(share - required) >= 0.0005 else f"{exact:.0f} %"


def _unjudged(
    level: Level,
    counts: Tally,
    threshold: float,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence,
    is_reference: bool,
) -> LevelVerdict | None:
    """The verdict of a level whose answers do not even come to be judged: too many errors, or too
    many that cannot be read."""
    unreadable = [kind == "unparseable" for kind in counts.kinds]
    fail_alpha = thresholds.alpha * family.weight("unreadable")
    verdict: Verdict
    if counts.error > thresholds.error_ceiling * counts.n:
        verdict = "inconclusive"
        reason = (
            f"{counts.error} of {counts.n} cases raised an error"
            f" (error_ceiling={thresholds.error_ceiling:g}){counts.raised.most_of(counts.error)}"
        )
    elif evidence.rate_above(unreadable, thresholds.unparseable_ceiling) <= fail_alpha:
        verdict = "fail"
        reason = (
            f"{counts.unparseable} of {counts.n} answers are unparseable (more than"
            f" {100 * thresholds.unparseable_ceiling:g} % is proven)"
            f"{counts.unread.most_of(counts.unparseable)}{cure(counts.unread)}"
        )
    else:
        return None
    return level_verdict(
        level,
        counts,
        verdict,
        reason,
        threshold,
        thresholds.alpha,
        evidence=evidence,
        is_reference=is_reference,
    )


def level_verdict(
    level: Level,
    counts: Tally,
    verdict: Verdict,
    reason: str,
    threshold: float,
    alpha: float,
    *,
    evidence: Evidence = FIXED_NUMBER,
    is_reference: bool = False,
    retention: tuple[float, float] | None = None,
) -> LevelVerdict:
    """A level's verdict with the two-sided interval (alpha) of its rate."""
    interval = evidence.rate_bounds(right(counts.kinds), alpha / 2)
    return LevelVerdict(
        level, counts, interval, verdict, reason, threshold, is_reference, retention
    )


def combine(levels: Sequence[LevelVerdict], when_passed: str) -> CheckVerdict:
    """A check from its levels: fail if one fails, inconclusive if one is, else pass with the reason
    `when_passed`."""
    for verdict in ("fail", "inconclusive"):
        first = next((level for level in levels if level.verdict == verdict), None)
        if first is not None:
            return CheckVerdict(verdict, f"{first.level}: {first.reason}", tuple(levels))
    return CheckVerdict("pass", when_passed, tuple(levels))
