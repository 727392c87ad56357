"""Bounds from p-values of any shape."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimic_checks.verdicts.inversion import TOLERANCE, largest_refuted, smallest_refuted

UNIT = (0.0, 1.0)


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
@pytest.mark.parametrize(
    "p",
    [
        lambda x: 1 - x,
        lambda x: math.exp(-9 * x),
        lambda x: 1.0 if x < 0.3 else 0.0,
        lambda x: 1.0 if x <= 0.3 else 0.0004,
        lambda x: max(1e-6, min(1.0, 2 - 4 * x)),
    ],
    ids=["straight", "exponential", "jump", "small jump", "flat ends"],
)
def test_it_is_the_smallest_refuted_and_never_inside(p, alpha):
    bound = smallest_refuted(p, UNIT, alpha)
    fine = [k / 100_000 for k in range(100_001)]
    refuted = [x for x in fine if p(x) <= alpha]
    assert bound == 1.0 or p(bound) <= alpha
    assert bound >= refuted[0] - 1.1e-5  # as fine as the list
    assert bound <= refuted[0] + TOLERANCE + 1e-5
    # The mirror image.
    assert largest_refuted(lambda x: p(1 - x), UNIT, alpha) == pytest.approx(1 - bound)


@pytest.mark.parametrize(("value", "bound"), [(1.0, 1.0), (0.051, 1.0), (0.05, 0.0), (0.0, 0.0)])
def test_constant(value, bound):
    """Nothing refuted: the end; all refuted: the other end."""
    assert smallest_refuted(lambda _: value, UNIT, 0.05) == bound
    assert largest_refuted(lambda _: value, UNIT, 0.05) == 1 - bound


@settings(max_examples=40)
@given(st.floats(0.1, 0.8), st.floats(0.001, 0.05), st.floats(1.05, 1.5))
def test_a_wave_beyond_the_first_root_is_not_left_inside(first, width, height):
    """p falls to alpha, rises again for a while, and falls for good."""

    def p(x):
        if x < first:
            return 1.0
        return 0.05 * (
            height if first + 0.5 * width < x < first + width else 0.99 - (x - first) / 4
        )

    bound = smallest_refuted(p, UNIT, 0.05)
    assert bound >= first + width - 1e-9
    assert bound <= first + width + TOLERANCE
    assert largest_refuted(lambda x: p(1 - x), UNIT, 0.05) == pytest.approx(1 - bound)


@given(st.floats(-1, 1), st.floats(0.001, 0.5))
def test_other_ranges(where, alpha):
    bound = smallest_refuted(lambda x: 1.0 if x < where else alpha / 2, (-1.0, 1.0), alpha)
    assert max(-1.0, where - TOLERANCE) - 1e-9 <= bound <= where + TOLERANCE + 1e-9
