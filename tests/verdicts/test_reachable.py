"""What can never pass, or never fail, is refused with the number of cases that it takes."""

from __future__ import annotations

import pytest

from mimic_checks.errors import ThresholdsError
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.reachable import fewest, refuse_unreachable_pair


def test_unreachable_pairs_are_refused_exactly():
    needed = fewest(lambda n: unchanged(n) <= 0.05)
    refused = rf"cases={needed - 1} can never pass check 'pooling'.*at least --vlm-cases {needed}"
    with pytest.raises(ThresholdsError, match=refused):
        refuse_unreachable_pair("pooling", needed - 1, 0.1, 0.05, FIXED_NUMBER)
    refuse_unreachable_pair("pooling", needed, 0.1, 0.05, FIXED_NUMBER)
    assert unchanged(needed) <= 0.05 < unchanged(needed - 1)
    with pytest.raises(
        ThresholdsError, match="paired_margin=0 of check 'pooling' can never be proven"
    ):
        refuse_unreachable_pair("pooling", 100, 0, 0.05, FIXED_NUMBER)


def unchanged(n):
    return FIXED_NUMBER.drop_below(Pairs((True,) * n, (True,) * n), 0.1)


@pytest.mark.parametrize("least", [1, 2, 3, 17, 64, 65, 1000])
def test_the_fewest_that_are_enough(least):
    assert fewest(lambda n: n >= least) == least


def test_none_are_enough():
    assert fewest(lambda n: False) is None
