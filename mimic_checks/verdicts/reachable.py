"""Configurations under which a check can never pass, or never fail."""

from __future__ import annotations

from collections.abc import Callable

from mimic_checks.errors import ThresholdsError
from mimic_checks.verdicts.evidence import FIXED_NUMBER, Evidence
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.thresholds import Thresholds

MOST_CASES = 10**5
"""Cases per level beyond which nobody goes."""


def smallest_passing_n(thresholds: Thresholds, evidence: Evidence) -> int | None:
    """The fewest cases per level with which a model that is always right passes every rule; None if
    there are none up to `MOST_CASES`."""
    return fewest(
        lambda n: (
            evidence.rate_above((True,) * n, thresholds.reference_floor) <= thresholds.alpha
            and evidence.retains(_unchanged(n), thresholds.retention) <= thresholds.alpha
        )
    )


def refuse_unreachable(
    check_id: str, n: int, thresholds: Thresholds, family: TestFamily, evidence: Evidence
) -> None:
    """Stops a configuration in which even a perfect model cannot pass, or none can fail.

    Raises:
        ThresholdsError: too few cases; names the number needed.
    """
    needed = smallest_passing_n(thresholds, evidence)
    rule = (
        f"(retention={thresholds.retention}, reference_floor={thresholds.reference_floor},"
        f" alpha={thresholds.alpha})"
    )
    if needed is None:
        raise ThresholdsError(
            f"check {check_id!r} can never pass {rule}: not even {MOST_CASES} right of"
            f" {MOST_CASES} prove it; allowed: a retention and a reference_floor below 1"
        )
    if n < needed:
        raise ThresholdsError(
            f"cases={n!r} per level can never pass check {check_id!r} {rule}: even {n} right of"
            f" {n} do not prove it; use at least --vlm-cases {needed}"
        )
    lost = Pairs((True,) * n, (False,) * n)
    fails_at = thresholds.alpha * family.weight("level")
    if evidence.falls_short(lost, thresholds.retention) > fails_at:
        raise ThresholdsError(
            f"cases={n!r} per level can never fail check {check_id!r} {rule}: not even {n} answers"
            f" lost of {n} prove that less is kept, at the {fails_at:.2g} that each of"
            f" {family.levels} levels may fail with; use more cases, or a higher retention"
        )


def refuse_unreachable_floor(
    check_id: str, n: int, thresholds: Thresholds, family: TestFamily
) -> None:
    """Stops a configuration in which a level that is always right is not proven above its floor, or
    one that is always wrong not below it.

    Raises:
        ThresholdsError: too few cases; names the number needed.
    """
    floor, alpha = thresholds.level_floor, thresholds.alpha
    rule = f"(level_floor={floor}, alpha={alpha})"
    needed = fewest(lambda cases: FIXED_NUMBER.rate_above((True,) * cases, floor) <= alpha)
    if needed is None or n < needed:
        enough = f"use at least --vlm-cases {needed}" if needed else "lower level_floor"
        raise ThresholdsError(
            f"cases={n!r} per level can never pass check {check_id!r} {rule}: even {n} right of"
            f" {n} do not prove it; {enough}"
        )
    fails_at = alpha * family.weight("level")
    if floor > 0 and FIXED_NUMBER.rate_below((False,) * n, floor) > fails_at:
        raise ThresholdsError(
            f"cases={n!r} per level can never fail check {check_id!r} {rule}: not even {n} wrong of"
            f" {n} prove it, at the {fails_at:.2g} that each of {family.levels} levels may fail"
            " with; use more cases, or a higher level_floor"
        )


def refuse_unreachable_pair(
    check_id: str, n: int, margin: float, alpha: float, evidence: Evidence
) -> None:
    """Stops a configuration in which even a change that flips no case cannot be proven harmless.

    Raises:
        ThresholdsError: too few cases, or a margin that nothing can prove; names the number needed.
    """
    needed = None
    if margin > 0:
        needed = fewest(lambda cases: evidence.drop_below(_unchanged(cases), margin) <= alpha)
    if needed is None:
        raise ThresholdsError(
            f"paired_margin={margin!r} of check {check_id!r} can never be proven; allowed: above 0"
        )
    if n < needed:
        raise ThresholdsError(
            f"cases={n!r} can never pass check {check_id!r} (paired_margin={margin},"
            f" alpha={alpha}): even {n} of {n} cases that stay as they are do not prove it; use at"
            f" least --vlm-cases {needed}"
        )


def fewest(is_enough: Callable[[int], bool]) -> int | None:
    """The fewest cases that are enough, where more always are; None if `MOST_CASES` are not."""
    high = 1
    while not is_enough(high):
        high *= 2
        if high > MOST_CASES:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _unchanged(n: int) -> Pairs:
    """Draws that are right before and after."""
    return Pairs((True,) * n, (True,) * n)
