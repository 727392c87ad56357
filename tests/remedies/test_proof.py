"""The statistics of a proof: exact for one seed, right on average for several, honest guards."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mimic_checks.cases import Outcome, draw, listing_cases
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.score_test import p_above, p_below
from remedies.behaviours import BEHAVIOURS, draw_cases, role_of
from remedies.proof import GUARD_MARGIN, flips, held_out_slice, level_change, rate, target_ratio

GUARD = "counting at 1 image"


@pytest.fixture(scope="module")
def case(scenes):
    return draw(listing_cases(scenes, images=1), 1, 0)[0]


def outcomes(case, right):
    return [
        Outcome(
            dataclasses.replace(case, id=str(k), cluster=str(k)), "x", "right" if ok else "wrong"
        )
        for k, ok in enumerate(right)
    ]


def test_one_seed_is_the_exact_paired_interval(case):
    before, after = (
        outcomes(case, [1] * 60 + [0] * 40),
        outcomes(case, [1] * 50 + [0] * 10 + [1] * 25 + [0] * 15),
    )
    found = level_change(GUARD, before, [after])
    assert (found.lost, found.gained, found.change) == ((10,), (25,), pytest.approx(0.15))
    # Of a two-sided interval of 95 %, what is outside has a p-value of 2.5 % at most, a side.
    assert p_below(10, 25, 100, -found.low) <= 0.025 < p_below(10, 25, 100, -found.low - 0.01)
    assert p_above(10, 25, 100, -found.high) <= 0.025 < p_above(10, 25, 100, -found.high + 0.01)


def test_several_seeds_are_averaged(case):
    before = outcomes(case, [1] * 60 + [0] * 40)
    a, b = outcomes(case, [1] * 60 + [0] * 40), outcomes(case, [1] * 80 + [0] * 20)
    found = level_change(GUARD, before, [a, b])
    assert found.change == pytest.approx(0.1)
    assert [r.rate for r in found.rates] == [0.6, 0.8]
    lows = [level_change(GUARD, before, [after, after]).low for after in (a, b)]
    assert found.low == pytest.approx(np.mean(lows))
    assert p_below(0, 20, 100, -lows[1]) <= 0.0125 < p_below(0, 20, 100, -lows[1] - 0.01)


@pytest.mark.parametrize(("drop", "allowed"), [(GUARD_MARGIN, "kept"), (0.0, "lost")])
def test_guards_err_no_more_often_than_five_percent(case, drop, allowed):
    """A drop at the margin is called kept, and no drop lost, in at most 5 % of simulations.

    Three seeds; a 99 % bound.
    """
    rng, n, simulated = np.random.default_rng(3), 400, 300
    wrong = 0
    before = outcomes(case, np.ones(n, dtype=bool))
    for _ in range(simulated):
        after = [outcomes(case, rng.random(n) >= drop) for _ in range(3)]
        wrong += level_change(GUARD, before, after).verdict == allowed
    assert lower(wrong, simulated, 0.01) <= 0.05


def test_a_guard_is_judged_on_its_margin(case):
    before = outcomes(case, np.ones(2000, dtype=bool))
    for lost, verdict in ((20, "kept"), (70, "inconclusive"), (200, "lost")):
        assert (
            level_change(GUARD, before, [outcomes(case, np.arange(2000) >= lost)]).verdict
            == verdict
        )
    assert level_change("counting at 8 images", before, [before]).verdict is None


def test_the_ratio_is_over_the_targets_alone(case):
    targets = [b.level_names()[-1] for b in BEHAVIOURS if b.role == "target"]
    assert targets == ["counting at 8 images", "listing at 8 images", "odd-one at 6 images"]
    before = {
        name: outcomes(case, np.arange(100) < right)
        for name, right in zip([*targets, GUARD], (10, 60, 30, 100), strict=True)
    }
    after = {
        name: outcomes(case, np.arange(100) < right)
        for name, right in zip([*targets, GUARD], (50, 90, 60, 0), strict=True)
    }
    ratio, low, high = target_ratio(before, [after])
    assert ratio == pytest.approx(2.0)
    share = 0.05 / 6
    assert low == pytest.approx(
        np.mean([lower(k, 100, share / 2) for k in (50, 90, 60)])
        / np.mean([upper(k, 100, share / 2) for k in (10, 60, 30)])
    )
    assert high > 2
    nothing = {name: outcomes(case, np.zeros(100, dtype=bool)) for name in before}
    assert target_ratio(nothing, [after])[0] is None


def test_flips_are_the_cases_that_changed(case):
    before, after = outcomes(case, [1, 1, 0, 0, 0, 1]), outcomes(case, [1, 0, 1, 1, 0, 0])
    found = flips("listing at 8 images", before, after)
    assert [(flip.case.id, flip.direction) for flip in found] == [
        ("2", "gained"),
        ("3", "gained"),
        ("1", "lost"),
        ("5", "lost"),
    ]


def test_slices_add_up_and_rates_have_exact_intervals(case):
    found = outcomes(case, [1, 0, 1, 1])
    assert held_out_slice(found, np.array([True, True, False, False])) == (0.5, 2, 1.0, 2)
    assert held_out_slice(found, np.zeros(4, dtype=bool)) == (0.0, 0, 0.75, 4)
    assert (rate(found).low, rate(found).high) == (lower(3, 4, 0.025), upper(3, 4, 0.025))


def test_the_same_cases_for_the_same_seed(scenes):
    first, again, other = (
        draw_cases(scenes, 5, 8, 1),
        draw_cases(scenes, 5, 8, 1),
        draw_cases(scenes, 5, 8, 2),
    )
    assert first == again != other
    assert {len(cases) for level, cases in first.items() if role_of(level) == "guard"} == {8}
    assert all(
        len(case.images) == int("".join(c for c in level if c.isdigit()))
        for level, cases in first.items()
        for case in cases
    )


def test_a_proof_holds_whatever_a_backend_calls_its_identity():
    """Names of settings may come and go; nested ones once stopped every proof at its end."""
    from remedies.proof import Proof

    identity = {"name": "x", "chat_template_args": {"enable_thinking": False}, "keep": [1, None]}
    proof = Proof(
        model="x",
        catalog="c",
        data="d",
        seed=0,
        command="",
        budget="",
        base=(),
        variants=(),
        identity=identity,
    )
    assert Proof.model_validate_json(proof.model_dump_json()) == proof
