"""Baselines: what of another model or suite is noted, what is refused."""

from __future__ import annotations

import pytest

from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import (
    Baseline,
    BaselineCase,
    BaselineHead,
    noted_differences,
    refuse_other_cases,
)


def baseline(*cases, suite="0.1.0", rules=1, **model):
    head = BaselineHead(
        check="spread.balanced",
        rules=rules,
        suite=suite,
        drawn={"seed": 0},
        sampling={"max_new_tokens": 64},
        model={"model_type": "llava", "dtype": "float32", "name": "a", "weights": "1", **model},
    )
    return Baseline(
        head,
        tuple(
            BaselineCase(level="spread=1", case=case, kind="right", answer="2") for case in cases
        ),
    )


def test_another_release_of_the_same_kind_is_what_a_gate_is_for():
    assert (
        noted_differences(baseline("c"), baseline("c", name="b", weights="2", revision="main"))
        == ()
    )


@pytest.mark.parametrize(
    ("now", "noted"),
    [
        ({"suite": "0.2.0"}, "suite was '0.1.0', is '0.2.0'"),
        ({"model_type": "qwen2_vl"}, "model_type was 'llava', is 'qwen2_vl'"),
        (
            {"dtype": "bfloat16", "chat_template": "5ccf"},
            "dtype was 'float32', is 'bfloat16', chat_template was None, is '5ccf'",
        ),
    ],
)
def test_another_suite_model_or_setting_is_noted(now, noted):
    assert noted_differences(baseline("c"), baseline("c", **now)) == (
        f"baseline and run differ: {noted}",
    )


def test_an_unknown_case_is_named_and_counted():
    with pytest.raises(
        GateError,
        match=(
            r"\(1 only there, 1 only here, 2 in both; first: spread=1 case 'c', only here\): the"
            r" same"
        ),
    ):
        refuse_other_cases(baseline("a", "b", "z"), baseline("a", "b", "c"))
    with pytest.raises(GateError, match=r"first: spread=1 case 'y', only there"):
        refuse_other_cases(baseline("a", "y"), baseline("a"))
    refuse_other_cases(baseline("a", "b"), baseline("a"), stopped_early=True)
    with pytest.raises(GateError, match=r"first: spread=1 case 'c', only here"):
        refuse_other_cases(baseline("a", "b"), baseline("c"), stopped_early=True)


def test_other_rules_are_refused_by_name():
    with pytest.raises(
        GateError, match=r"under case rules 0, this run under 1 \(suite 0.0.9 and 0.1.0\)"
    ):
        refuse_other_cases(baseline("a", rules=0, suite="0.0.9"), baseline("a"))
