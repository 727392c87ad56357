"""Plans: what they promise is what the gate then does, and both are printed side by side."""

from __future__ import annotations

import numpy as np
import pytest

from mimic_checks.errors import InvalidArgument
from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.planning import fixed_plan, history_of, plan_lines, sequential_plan
from mimic_checks.verdicts.sequential import AnytimePaired


def test_the_fixed_plan_keeps_its_promise():
    """Fresh releases of the planned size, judged one by one with the gate's own bounds."""
    n = fixed_plan(history_of(0.01, 0.01, 0), 0.05, 0.05, 0.9)
    flips = np.random.default_rng(5).multinomial(n, [0.01, 0.01, 0.98], 1000)
    passed = [Paired(int(b), int(c), n).drop_at_most(0.05) < 0.05 for b, c, _ in flips]
    assert 0.87 < np.mean(passed) < 0.96


def test_the_sequential_plan_keeps_its_promise():
    plan = sequential_plan(history_of(0.01, 0.01, 0), history_of(0.21, 0.01, 1), 0.05, 0.05, 0.9)
    kinds = np.random.default_rng(6).choice(3, (200, plan.cap), p=[0.01, 0.01, 0.98])
    used, passed = [], 0
    for history in kinds:
        for n in range(20, plan.cap + 1, 20):
            change = AnytimePaired(int((history[:n] == 0).sum()), int((history[:n] == 1).sum()), n)
            if change.drop_at_most(0.05) < 0.05:
                passed += 1
                break
        used.append(n)
    assert passed / 200 > 0.83
    assert np.mean(used) == pytest.approx(plan.mean_unchanged, rel=0.1)
    assert plan.mean_broken < plan.mean_unchanged < plan.cap


def test_what_is_printed(snapshot):
    assert "\n".join(plan_lines(margin=0.05, alpha=0.05, flips=0.0, power=0.9)) == snapshot(
        name="nothing flips: fixed is cheaper"
    )
    assert "\n".join(plan_lines(margin=0.05, alpha=0.05, flips=0.02, power=0.9)) == snapshot(
        name="2 % flip: sequential is cheaper"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0.0},
        {"alpha": 0.5},
        {"flips": 0.4},
        {"power": 1.0},
        {"margin": 0.001, "flips": 0.02},
    ],
    ids=str,
)
def test_plans_that_are_refused(wrong):
    with pytest.raises(
        InvalidArgument, match=f"{next(iter(wrong))}={next(iter(wrong.values()))!r} is not allowed"
    ):
        plan_lines(**{"margin": 0.05, "alpha": 0.05, "flips": 0.0, "power": 0.9, **wrong})
