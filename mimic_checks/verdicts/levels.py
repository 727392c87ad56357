"""From outcomes to verdicts, level by level.

Who bears the doubt: a level passes only with every unparseable and error counted wrong (and the
reference's counted right), and fails only with every one counted right (and the reference's counted
wrong). A pass needs no correction for many levels, because all of them must pass
(intersection-union); a fail does, because one is enough: each way in which something can fail has
its part of alpha (`multiplicity.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from mimic_checks.cases import Level, OutcomeKind, Scored
from mimic_checks.verdicts.evidence import FIXED_NUMBER, Evidence
from mimic_checks.verdicts.floors import Blind, Floor, best_floor, floors_of, unbeaten
from mimic_checks.verdicts.intervals import empirical_bernstein
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs, right
from mimic_checks.verdicts.thresholds import Thresholds
from mimic_checks.verdicts.trouble import NOTHING, Frequent, cure, frequent, raised_by, unread_by

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the items of one level came out in the order of their draws, a group counted once;
    `floors`: what every answer that looks at nothing came to; `mean_partial` the mean of the
    partial scores, if there are any; `raised` and `unread` are the most frequent reasons of errors
    and of answers that nothing was read from."""

    kinds: tuple[OutcomeKind, ...]
    floors: tuple[Floor, ...] = ()
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

    @property
    def floor(self) -> Floor | None:
        """The blind answer that is right most often."""
        return best_floor(self.floors)


@dataclass(frozen=True, slots=True)
class LevelVerdict:
    """One level: its tally, a two-sided interval of its rate, what was judged against what, by what
    kind of evidence, and the verdict."""

    level: Level
    tally: Tally
    interval: tuple[float, float]
    verdict: Verdict
    reason: str
    threshold: float
    is_reference: bool
    retention: tuple[float, float] | None = None
    evidence: Evidence = FIXED_NUMBER


class Decision(NamedTuple):
    """A level's verdict and what it rests on: its rate, or that its answers do not even come to be
    judged, for errors or for being unparseable."""

    verdict: Verdict
    by: Literal["rate", "error", "unparseable"] = "rate"


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """A check: the verdict over all its levels, and each of them."""

    verdict: Verdict
    reason: str
    levels: tuple[LevelVerdict, ...] = field(default=())


def tally(items: Sequence[Scored], alpha: float, blind: Blind) -> Tally:
    """Counts the outcomes of one level; `alpha` is the error rate of the partial score's interval,
    `blind` what is right in these items without a look at the images."""
    kinds = tuple(item.kind for item in items)
    partial = [item.partial for item in items if item.partial is not None]
    kinds = tuple(item.kind for item in items)
    return Tally(
        kinds,
        floors=floors_of(blind, right(kinds)),
        mean_partial=math.fsum(partial) / len(partial) if partial else None,
        partial_interval=empirical_bernstein(partial, alpha) if partial else None,
        raised=frequent(raised_by(items)),
        unread=frequent(unread_by(items)),
    )


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


def decide(
    counts: Tally,
    reference: Tally | None,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence = FIXED_NUMBER,
) -> Decision:
    """A level against its threshold, by p-values alone: bounds and words take longer.
    `reference`: None for the reference itself."""
    alpha = thresholds.alpha
    if counts.error > thresholds.error_ceiling * counts.n:
        return Decision("inconclusive", "error")
    unreadable = [kind == "unparseable" for kind in counts.kinds]
    p = evidence.rate_above(unreadable, thresholds.unparseable_ceiling)
    if p <= alpha * family.weight("unreadable"):
        return Decision("fail", "unparseable")
    if reference is None:
        floor = thresholds.reference_floor
        passes = evidence.rate_above(right(counts.kinds), floor)
        fails = evidence.rate_below(right(counts.kinds, doubtful=True), floor)
    else:
        passes = evidence.retains(_worst(counts, reference), thresholds.retention)
        fails = evidence.falls_short(_best(counts, reference), thresholds.retention)
    if passes <= alpha and counts.unparseable <= thresholds.unparseable_ceiling * counts.n:
        return Decision("pass")
    return Decision("fail" if fails <= alpha * family.weight("level") else "inconclusive")


def _worst(counts: Tally, reference: Tally) -> Pairs:
    """Reference and level draw by draw, every doubt in favour of a drop."""
    return Pairs(right(reference.kinds, doubtful=True), right(counts.kinds))


def _best(counts: Tally, reference: Tally) -> Pairs:
    """The same, every doubt against one."""
    return Pairs(right(reference.kinds), right(counts.kinds, doubtful=True))


def judge_reference(
    level: Level,
    counts: Tally,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence = FIXED_NUMBER,
) -> LevelVerdict:
    """The level at which the model must show that it can do the task at all."""
    floor, alpha = thresholds.reference_floor, thresholds.alpha
    decision = decide(counts, None, thresholds, family, evidence)
    against = f"the floor of the reference level {floor:.2f}"
    low = evidence.rate_bounds(right(counts.kinds), alpha)[0]
    fail_alpha = alpha * family.weight("level")
    high = evidence.rate_bounds(right(counts.kinds, doubtful=True), fail_alpha)[1]
    reason = (
        _unjudged(counts, decision, thresholds)
        or {
            "pass": f"proven above {against} (lower bound {low:.3f})",
            "fail": f"proven below {against} (upper bound {high:.3f})",
            "inconclusive": f"neither above nor below {against} is proven [{low:.3f}, {high:.3f}]",
        }[decision.verdict]
    )
    return level_verdict(
        level, counts, decision.verdict, reason, floor, alpha, evidence=evidence, is_reference=True
    )


def judge_alone(
    level: Level, counts: Tally, thresholds: Thresholds, family: TestFamily
) -> LevelVerdict:
    """A level that nothing but its floor, and blind answers, are compared with."""
    own = replace(thresholds, reference_floor=thresholds.level_floor)
    decision = decide(counts, None, own, family)
    floor, alpha = thresholds.level_floor, thresholds.alpha
    low = FIXED_NUMBER.rate_bounds(right(counts.kinds), alpha)[0]
    fail_alpha = alpha * family.weight("level")
    high = FIXED_NUMBER.rate_bounds(right(counts.kinds, doubtful=True), fail_alpha)[1]
    against = f"the floor {floor:.2f}"
    reason = (
        _unjudged(counts, decision, thresholds)
        or {
            "pass": f"proven above {against} (lower bound {low:.3f})",
            "fail": f"proven below {against} (upper bound {high:.3f})",
            "inconclusive": f"neither above nor below {against} is proven [{low:.3f}, {high:.3f}]",
        }[decision.verdict]
    )
    return level_verdict(level, counts, decision.verdict, reason, floor, alpha)


def _judge_retention(
    level: Level,
    counts: Tally,
    reference: Tally,
    thresholds: Thresholds,
    family: TestFamily,
    evidence: Evidence,
) -> LevelVerdict:
    required, alpha = thresholds.retention, thresholds.alpha
    decision = decide(counts, reference, thresholds, family, evidence)
    verdict, retention = decision.verdict, None
    if not (reason := _unjudged(counts, decision, thresholds)):
        worst, best = _worst(counts, reference), _best(counts, reference)
        low = evidence.retained_at_least(worst, alpha)
        high = evidence.retained_at_most(best, alpha * family.weight("level"))
        retention = low, evidence.retained_at_most(best, alpha)
        least, most = _percent(low, required), _percent(high, required)
        bounds = {
            "pass": f"at least {least}",
            "fail": f"at most {most}",
            "inconclusive": f"between {least} and {most}",
        }[verdict]
        if verdict == "inconclusive" and math.isinf(high):
            bounds = f"at least {least}, with no upper bound,"
        required_too = f"({100 * required:g} % required)"
        reason = f"accuracy is {bounds} of the reference level's {required_too}"
    return level_verdict(
        level, counts, verdict, reason, required, alpha, evidence=evidence, retention=retention
    )


def _percent(share: float, required: float) -> str:
    """Whole percent, or with one decimal where it would read like what is required and is not."""
    exact = 100 * share
    alike = f"{exact:.0f}" == f"{100 * required:g}"
    return f"{exact:.1f} %" if alike and abs(share - required) >= 0.0005 else f"{exact:.0f} %"


def _unjudged(counts: Tally, decision: Decision, thresholds: Thresholds) -> str:
    """Why a level's answers do not even come to be judged: too many errors, or too many that cannot
    be read; "" if they do."""
    if decision.by == "error":
        return (
            f"{counts.error} of {counts.n} cases raised an error"
            f" (error_ceiling={thresholds.error_ceiling:g}){counts.raised.most_of(counts.error)}"
        )
    if decision.by == "unparseable":
        return (
            f"{counts.unparseable} of {counts.n} answers are unparseable (more than"
            f" {100 * thresholds.unparseable_ceiling:g} % is proven)"
            f"{counts.unread.most_of(counts.unparseable)}{cure(counts.unread)}"
        )
    return ""


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
    must_look: bool = True,
) -> LevelVerdict:
    """A level's verdict with the two-sided interval (alpha) of its rate. Where it `must_look`, a
    pass stands only if its answers beat every blind one."""
    if must_look and verdict == "pass" and (floor := unbeaten(counts.floors, alpha, evidence)):
        verdict, reason = "inconclusive", f"{reason}, but not proven better than {floor.text}"
    interval = evidence.rate_bounds(right(counts.kinds), alpha / 2)
    return LevelVerdict(
        level, counts, interval, verdict, reason, threshold, is_reference, retention, evidence
    )


def combine(levels: Sequence[LevelVerdict], when_passed: str) -> CheckVerdict:
    """A check from its levels: fail if one fails, inconclusive if one is, else pass with the reason
    `when_passed`."""
    for verdict in ("fail", "inconclusive"):
        first = next((level for level in levels if level.verdict == verdict), None)
        if first is not None:
            return CheckVerdict(verdict, f"{first.level}: {first.reason}", tuple(levels))
    return CheckVerdict("pass", when_passed, tuple(levels))
