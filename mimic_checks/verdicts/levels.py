"""From outcomes to verdicts, level by level.

Data in: tallies per level, thresholds, how many levels the whole run judges. Data out: a
`CheckVerdict`.

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

from mimic_checks.cases import Case
from mimic_checks.errors import ThresholdsError
from mimic_checks.verdicts.intervals import empirical_bernstein, lower, upper
from mimic_checks.verdicts.outcome import KINDS, Outcome
from mimic_checks.verdicts.thresholds import Thresholds

Verdict = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the cases of one level came out; `best_constant` is the rate of the best answer that
    looks at nothing."""

    right: int
    wrong: int
    unparseable: int
    error: int
    best_constant: float
    mean_f1: float | None = None
    f1_interval: tuple[float, float] | None = None

    @property
    def n(self) -> int:
        """All cases."""
        return self.right + self.wrong + self.unparseable + self.error

    @property
    def doubtful(self) -> int:
        """Cases without a prediction."""
        return self.unparseable + self.error

    @property
    def rate(self) -> float:
        """Share of right answers, doubtful ones counted wrong."""
        return self.right / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class LevelVerdict:
    """One level: its tally, a two-sided interval of its rate, what was judged against what, and the
    verdict."""

    level: str
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


def tally(outcomes: Sequence[Outcome], alpha: float) -> Tally:
    """Counts the outcomes of one level."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    f1 = [outcome.f1 for outcome in outcomes if outcome.f1 is not None]
    return Tally(
        **{kind: kinds[kind] for kind in KINDS},
        best_constant=best_constant([outcome.case for outcome in outcomes]),
        mean_f1=math.fsum(f1) / len(f1) if f1 else None,
        f1_interval=empirical_bernstein(f1, alpha) if f1 else None,
    )


def best_constant(cases: Sequence[Case]) -> float:
    """The share of cases that the best answer which looks at nothing is right in; 0 of none."""
    truths = Counter(case.truth.text for case in cases)
    return max(truths.values()) / len(cases) if cases else 0.0


def judge_levels(
    tallies: Sequence[tuple[str, Tally]], thresholds: Thresholds, judged_levels: int
) -> CheckVerdict:
    """The verdict of a sweep. The first level is the reference; `judged_levels` is counted over the
    whole run."""
    alpha = thresholds.alpha
    fail_alpha = alpha / judged_levels
    (name, reference), *others = tallies
    first = judge_reference(name, reference, thresholds, fail_alpha)
    levels = [first]
    for name, level in others:
        if first.verdict == "fail":
            reason = (
                f"the reference level {first.level} failed: the model cannot do the task at all"
            )
            levels.append(
                level_verdict(name, level, "inconclusive", reason, thresholds.retention, alpha)
            )
        else:
            levels.append(_judge_retention(name, level, reference, thresholds, fail_alpha))
    return combine(levels, f"all {len(levels)} levels pass")


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
    name: str, level: Tally, thresholds: Thresholds, fail_alpha: float
) -> LevelVerdict:
    """The level at which the model must show that it can do the task at all: against the floor and
    the best constant answer."""
    floor = max(thresholds.reference_floor, level.best_constant)
    return _judge_floor(name, level, floor, thresholds, fail_alpha, is_reference=True)


def _judge_floor(
    name: str,
    level: Tally,
    floor: float,
    thresholds: Thresholds,
    fail_alpha: float,
    *,
    is_reference: bool,
) -> LevelVerdict:
    if (broken := _unjudged(name, level, floor, thresholds, fail_alpha, is_reference)) is not None:
        return broken
    low, high = (
        lower(level.right, level.n, thresholds.alpha),
        upper(level.right + level.doubtful, level.n, fail_alpha),
    )
    kind = "floor of the reference level" if is_reference else "required rate"
    verdict: Verdict
    if low > floor and level.unparseable <= thresholds.unparseable_ceiling * level.n:
        verdict, reason = "pass", f"proven above the {kind} {floor:.2f} (lower bound {low:.3f})"
    elif high < floor:
        verdict, reason = "fail", f"proven below the {kind} {floor:.2f} (upper bound {high:.3f})"
    else:
        verdict, reason = (
            "inconclusive",
            f"neither above nor below the {kind} {floor:.2f} is proven [{low:.3f}, {high:.3f}]",
        )
    return level_verdict(
        name, level, verdict, reason, floor, thresholds.alpha, is_reference=is_reference
    )


def _judge_retention(
    name: str, level: Tally, reference: Tally, thresholds: Thresholds, fail_alpha: float
) -> LevelVerdict:
    if (
        broken := _unjudged(name, level, thresholds.retention, thresholds, fail_alpha, False)
    ) is not None:
        return broken
    wanted = thresholds.retention
    low, _ = retention_interval(level, reference, thresholds.alpha)
    _, high = retention_interval(level, reference, fail_alpha)
    verdict: Verdict
    if low >= wanted and level.unparseable <= thresholds.unparseable_ceiling * level.n:
        verdict, reason = (
            "pass",
            f"keeps at least {low:.2f} of the reference level's rate ({wanted:.2f} needed)",
        )
    elif high < wanted:
        verdict, reason = (
            "fail",
            f"keeps at most {high:.2f} of the reference level's rate ({wanted:.2f} needed)",
        )
    else:
        verdict, reason = (
            "inconclusive",
            (
                f"keeps between {low:.2f} and {high:.2f} of the reference level's rate"
                f" ({wanted:.2f} needed)"
            ),
        )
    return level_verdict(
        name,
        level,
        verdict,
        reason,
        wanted,
        thresholds.alpha,
        retention=retention_interval(level, reference, thresholds.alpha),
    )


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
    name: str,
    level: Tally,
    threshold: float,
    thresholds: Thresholds,
    fail_alpha: float,
    is_reference: bool,
) -> LevelVerdict | None:
    """The verdict of a level whose answers do not even come to be judged: too many errors, or too
    many that cannot be read."""
    if level.error > thresholds.error_ceiling * level.n:
        reason = (
            f"{level.error} of {level.n} cases raised an error"
            f" (error_ceiling={thresholds.error_ceiling:g})"
        )
        return level_verdict(
            name,
            level,
            "inconclusive",
            reason,
            threshold,
            thresholds.alpha,
            is_reference=is_reference,
        )
    share = lower(level.unparseable, level.n, fail_alpha)
    if share <= thresholds.unparseable_ceiling:
        return None
    reason = (
        f"{level.unparseable} of {level.n} answers are unparseable (more than"
        f" {thresholds.unparseable_ceiling:.0%} is proven)"
    )
    return level_verdict(
        name, level, "fail", reason, threshold, thresholds.alpha, is_reference=is_reference
    )


def level_verdict(
    name: str,
    level: Tally,
    verdict: Verdict,
    reason: str,
    threshold: float,
    alpha: float,
    *,
    is_reference: bool = False,
    retention: tuple[float, float] | None = None,
) -> LevelVerdict:
    """A level's verdict with the two-sided interval (alpha) of its rate."""
    interval = lower(level.right, level.n, alpha / 2), upper(level.right, level.n, alpha / 2)
    return LevelVerdict(name, level, interval, verdict, reason, threshold, is_reference, retention)


def combine(levels: Sequence[LevelVerdict], when_passed: str) -> CheckVerdict:
    """A check from its levels: fail if one fails, inconclusive if one is, else pass with the reason
    `when_passed`."""
    for verdict in ("fail", "inconclusive"):
        found = [level for level in levels if level.verdict == verdict]
        if found:
            return CheckVerdict(verdict, f"{found[0].level}: {found[0].reason}", tuple(levels))
    return CheckVerdict("pass", when_passed, tuple(levels))
