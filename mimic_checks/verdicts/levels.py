"""From outcomes to verdicts, level by level.

Who bears the doubt: a level passes only with every unparseable and error counted wrong (and the
reference's counted right), and fails only with every one counted right (and the reference's counted
wrong). A pass needs no correction for many levels, because all of them must pass
(intersection-union); a fail does, because one is enough: each level may fail with probability alpha
/ judged levels.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mimic_checks.cases import OUTCOME_KINDS, GroupOutcome, Level, Scored
from mimic_checks.errors import ThresholdsError
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.floors import Floor, best_floor, floors_of, unbeaten
from mimic_checks.verdicts.intervals import empirical_bernstein, lower, upper
from mimic_checks.verdicts.thresholds import Thresholds
from mimic_checks.verdicts.trouble import NOTHING, Frequent, cure, frequent, raised_by, unread_by

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the items of one level came out, a group counted once; `floors`: what every answer that
    looks at nothing came to; `mean_partial` the mean of the partial scores, if there are any;
    `raised` and `unread` are the most frequent reasons of errors and of answers that nothing was
    read from."""

    right: int
    wrong: int
    unparseable: int
    error: int
    floors: tuple[Floor, ...] = ()
    mean_partial: float | None = None
    partial_interval: tuple[float, float] | None = None
    raised: Frequent = NOTHING
    unread: Frequent = NOTHING

    @property
    def n(self) -> int:
        """All items."""
        return self.right + self.wrong + self.unparseable + self.error

    @property
    def doubtful(self) -> int:
        """Items without a prediction."""
        return self.unparseable + self.error

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


def tally(items: Sequence[Scored], alpha: float, vocabulary: Vocabulary) -> Tally:
    """Counts the outcomes of one level; `alpha` is the error rate of the partial score's
    interval."""
    kinds = Counter(item.kind for item in items)
    partial = [item.partial for item in items if item.partial is not None]
    return Tally(
        **{kind: kinds[kind] for kind in OUTCOME_KINDS},
        floors=floors_of(
            [item.group if isinstance(item, GroupOutcome) else item.case for item in items],
            [item.kind == "right" for item in items],
            vocabulary,
        ),
        mean_partial=math.fsum(partial) / len(partial) if partial else None,
        partial_interval=empirical_bernstein(partial, alpha) if partial else None,
        raised=frequent(raised_by(items)),
        unread=frequent(unread_by(items)),
    )


def judge_levels(
    tallies: Sequence[tuple[Level, Tally]], thresholds: Thresholds, judged_levels: int
) -> CheckVerdict:
    """The verdict of a sweep. The first level is the reference; `judged_levels` is counted over the
    whole run."""
    fail_alpha = thresholds.alpha / judged_levels
    (first, reference), *others = tallies
    judged = [judge_reference(first, reference, thresholds, fail_alpha)]
    for level, counts in others:
        if judged[0].verdict == "fail":
            reason = f"the reference level {first} failed: the model cannot do the task at all"
            verdict = level_verdict(
                level, counts, "inconclusive", reason, thresholds.retention, thresholds.alpha
            )
        else:
            verdict = _judge_retention(level, counts, reference, thresholds, fail_alpha)
        judged.append(verdict)
    return combine(judged, f"all {len(judged)} levels pass")


def smallest_passing_n(thresholds: Thresholds) -> int:
    """The fewest cases per level with which a model that is always right passes every rule."""
    n = 1
    while not (
        lower(n, n, thresholds.alpha) > thresholds.reference_floor
        and lower(n, n, thresholds.alpha / 4) >= thresholds.retention
    ):
        n += 1
        if n > 10**5:
            raise ThresholdsError(
                f"retention={thresholds.retention!r} can never be proven; allowed: below 1"
            )
    return n


def refuse_unreachable(check_id: str, n: int, thresholds: Thresholds) -> None:
    """Stops a configuration in which even a perfect model cannot pass.

    Raises:
        ThresholdsError: too few cases; names the number needed.
    """
    needed = smallest_passing_n(thresholds)
    if n < needed:
        raise ThresholdsError(
            f"cases={n!r} per level can never pass check {check_id!r}"
            f" (retention={thresholds.retention}, reference_floor={thresholds.reference_floor},"
            f" alpha={thresholds.alpha}): even {n} right of {n} do not prove it; use at least"
            f" --vlm-cases {needed}"
        )


def judge_reference(
    level: Level, counts: Tally, thresholds: Thresholds, fail_alpha: float
) -> LevelVerdict:
    """The level at which the model must show that it can do the task at all."""
    floor = thresholds.reference_floor
    if (broken := _unjudged(level, counts, floor, thresholds, fail_alpha, True)) is not None:
        return broken
    low = lower(counts.right, counts.n, thresholds.alpha)
    high = upper(counts.right + counts.doubtful, counts.n, fail_alpha)
    against = f"the floor of the reference level {floor:.2f}"
    verdict: Verdict
    if low > floor and counts.unparseable <= thresholds.unparseable_ceiling * counts.n:
        verdict, reason = "pass", f"proven above {against} (lower bound {low:.3f})"
    elif high < floor:
        verdict, reason = "fail", f"proven below {against} (upper bound {high:.3f})"
    else:
        verdict = "inconclusive"
        reason = f"neither above nor below {against} is proven [{low:.3f}, {high:.3f}]"
    return level_verdict(level, counts, verdict, reason, floor, thresholds.alpha, is_reference=True)


def _judge_retention(
    level: Level, counts: Tally, reference: Tally, thresholds: Thresholds, fail_alpha: float
) -> LevelVerdict:
    required, alpha = thresholds.retention, thresholds.alpha
    if (broken := _unjudged(level, counts, required, thresholds, fail_alpha, False)) is not None:
        return broken
    retention = retention_interval(counts, reference, alpha)
    low, high = retention[0], retention_interval(counts, reference, fail_alpha)[1]
    verdict: Verdict
    if low >= required and counts.unparseable <= thresholds.unparseable_ceiling * counts.n:
        verdict, bounds = "pass", f"at least {_percent(low, required)}"
    elif high < required:
        verdict, bounds = "fail", f"at most {_percent(high, required)}"
    elif math.isinf(high):
        verdict = "inconclusive"
        bounds = f"at least {_percent(low, required)}, with no upper bound,"
    else:
        verdict = "inconclusive"
        bounds = f"between {_percent(low, required)} and {_percent(high, required)}"
    reason = f"accuracy is {bounds} of the reference level's ({100 * required:g} % required)"
    return level_verdict(level, counts, verdict, reason, required, alpha, retention=retention)


def _percent(share: float, required: float) -> str:
    """Whole percent, or with one decimal where it would read like what is required and is not."""
    exact = 100 * share
    alike = f"{exact:.0f}" == f"{100 * required:g}"
    return f"{exact:.1f} %" if alike and abs(share - required) >= 0.0005 else f"{exact:.0f} %"


def retention_interval(level: Tally, reference: Tally, alpha: float) -> tuple[float, float]:
    """[L_level / U_ref, U_level / L_ref], four one-sided Clopper-Pearson bounds at alpha / 4
    each."""
    share = alpha / 4
    low = lower(level.right, level.n, share) / upper(
        reference.right + reference.doubtful, reference.n, share
    )
    floor = lower(reference.right, reference.n, share)
    return low, upper(level.right + level.doubtful, level.n, share) / floor if floor else math.inf


def _unjudged(
    level: Level,
    counts: Tally,
    threshold: float,
    thresholds: Thresholds,
    fail_alpha: float,
    is_reference: bool,
) -> LevelVerdict | None:
    """The verdict of a level whose answers do not even come to be judged: too many errors, or too
    many that cannot be read."""
    verdict: Verdict
    if counts.error > thresholds.error_ceiling * counts.n:
        verdict = "inconclusive"
        reason = (
            f"{counts.error} of {counts.n} cases raised an error"
            f" (error_ceiling={thresholds.error_ceiling:g}){counts.raised.most_of(counts.error)}"
        )
    elif lower(counts.unparseable, counts.n, fail_alpha) > thresholds.unparseable_ceiling:
        verdict = "fail"
        reason = (
            f"{counts.unparseable} of {counts.n} answers are unparseable (more than"
            f" {100 * thresholds.unparseable_ceiling:g} % is proven)"
            f"{counts.unread.most_of(counts.unparseable)}{cure(counts.unread)}"
        )
    else:
        return None
    return level_verdict(
        level, counts, verdict, reason, threshold, thresholds.alpha, is_reference=is_reference
    )


def level_verdict(
    level: Level,
    counts: Tally,
    verdict: Verdict,
    reason: str,
    threshold: float,
    alpha: float,
    *,
    is_reference: bool = False,
    retention: tuple[float, float] | None = None,
    must_look: bool = True,
) -> LevelVerdict:
    """A level's verdict with the two-sided interval (alpha) of its rate. Where it `must_look`, a
    pass stands only if its answers beat every blind one."""
    if must_look and verdict == "pass" and (floor := unbeaten(counts.floors, counts.n, alpha)):
        verdict, reason = "inconclusive", f"{reason}, but not proven better than {floor.text}"
    interval = lower(counts.right, counts.n, alpha / 2), upper(counts.right, counts.n, alpha / 2)
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
