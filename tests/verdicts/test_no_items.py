"""A level of a survey of which nothing can be asked: inconclusive, never an error."""

from __future__ import annotations

from mimic_checks.cases import Level
from mimic_checks.verdicts.levels import judge_alone, tally
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.result import level_result
from mimic_checks.verdicts.thresholds import Thresholds


def test_a_level_without_items_is_inconclusive():
    thresholds = Thresholds(
        reference_floor=0.6,
        retention=0.8,
        alpha=0.05,
        paired_margin=0.05,
        unparseable_ceiling=0.05,
        error_ceiling=0.05,
    )
    counts = tally([], thresholds.alpha, {})
    judged = judge_alone(Level("category", "none"), counts, thresholds, TestFamily(2))
    result = level_result(judged, [], thresholds.alpha)
    assert (result.verdict, result.n, result.low, result.high) == ("inconclusive", 0, 0, 1)
