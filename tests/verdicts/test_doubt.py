"""A verdict holds however the doubtful answers would have come out."""

from __future__ import annotations

import pytest

from mimic_checks.verdicts.levels import decide
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.thresholds import load_thresholds
from tests.scored import counted

N = 100
THRESHOLDS = load_thresholds().defaults


def verdict(reference, right):
    """The second level's verdict: `right` of N, no doubt about it."""
    level = counted(right)
    return decide(level, reference, THRESHOLDS, TestFamily(2)).verdict


@pytest.mark.parametrize(
    ("right", "unparseable", "error"), [(75, 5, 0), (85, 3, 2), (90, 0, 2), (93, 5, 2)]
)
def test_the_doubt_about_the_reference_decides_no_other_level(right, unparseable, error):
    """Every number of right answers at a level: a pass stays one if the reference's doubtful
    answers were right, a fail stays one if they were wrong."""
    doubtful = counted(right, unparseable=unparseable, error=error)
    best = counted(right + unparseable + error)
    worst = counted(right)
    verdicts = {k: verdict(doubtful, k) for k in range(N + 1)}
    assert {"pass", "fail"} <= set(verdicts.values())
    for k, given in verdicts.items():
        if given == "pass":
            assert verdict(best, k) == "pass", k
        if given == "fail":
            assert verdict(worst, k) == "fail", k
