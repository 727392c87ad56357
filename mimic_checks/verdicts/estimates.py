"""The estimates that people quote, beside the verdicts and never one: what a level costs against
the reference, and up to where retention is proven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimic_checks.cases import Scored
from mimic_checks.verdicts.evidence import Evidence
from mimic_checks.verdicts.pairs import paired

if TYPE_CHECKING:
    from mimic_checks.verdicts.result import CheckResult, LevelResult

Drop = tuple[float, float, float]
"""The drop of the rate, and the bounds of its interval, as shares of all cases."""


def drop_from(
    reference: Sequence[Scored], items: Sequence[Scored], alpha: float, evidence: Evidence
) -> Drop | None:
    """What a level costs against the reference, over the same draws, with a two-sided interval;
    None if they are not of the same draws. Every answer that is not right counts as wrong."""
    clusters = [item.cluster for item in items]
    same = clusters == [item.cluster for item in reference]
    if not same or not clusters or len(set(clusters)) != len(clusters):
        return None
    change = paired(reference, items)
    return change.drop, *evidence.drop_bounds(change, alpha / 2)


def capacity(result: CheckResult) -> str:
    """Up to which level of an ordered factor retention is proven, at it and at every one before, in
    words ("up to images=4"); "" where levels have no order, or the reference did not pass."""
    first, *others = result.levels or (None,)
    if first is None or not others or not result.judged or not _is_ordered(result.levels):
        return ""
    if not first.is_reference or first.verdict != "pass" or first.level.factor != result.factor:
        return ""
    proven = first
    for judged in others:
        if judged.verdict != "pass":
            break
        proven = judged
    if proven is first:
        return "at no level"
    return f"up to {proven.level}"


def drop_words(judged: LevelResult) -> str:
    """The drop in points, with its interval: `54 [41, 66]`; "" if it has none."""
    if judged.drop is None or judged.drop_low is None or judged.drop_high is None:
        return ""
    # Rounded first: as a format alone, -0.2 would be "-0".
    drop, low, high = (round(100 * x) for x in (judged.drop, judged.drop_low, judged.drop_high))
    return f"{drop} [{low}, {high}]"


def _is_ordered(levels: Sequence[LevelResult]) -> bool:
    values = [judged.level.value for judged in levels]
    numbers = [value for value in values if not isinstance(value, str)]
    one_factor = len({judged.level.factor for judged in levels}) == 1
    return one_factor and len(numbers) == len(values) and numbers == sorted(numbers)
