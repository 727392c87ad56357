"""Baselines: what of another model or suite is noted, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import Level
from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import (
    Baseline,
    BaselineHead,
    BaselineItem,
    baseline_of,
    noted_differences,
    parse_baseline,
    read_baselines,
    refuse_other_cases,
)
from tests.scored import group, outcome, records

RUN = {"description": {"rules": 2, "suite": "0.2.0", "seed": 0}, "identity": {"name": "m"}}


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
        tuple(BaselineItem(level="spread1", item=case, kind="right", answer="2") for case in cases),
        {"spread1": "spread=1"},
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


def test_a_run_of_selected_levels_is_told_so():
    few = baseline("a", "b")
    more = replace(few, items=(*few.items, few.items[0].model_copy(update={"level": "spread2"})))
    with pytest.raises(GateError, match=r"only there\): this run has no spread2; "):
        refuse_other_cases(more, few)
    with pytest.raises(GateError, match=r"only here\): the baseline has no spread2; "):
        refuse_other_cases(few, more)


def test_other_rules_are_refused_by_name():
    with pytest.raises(
        GateError, match=r"under case rules 0, this run under 1 \(suite 0.0.9 and 0.1.0\)"
    ):
        refuse_other_cases(baseline("a", rules=0, suite="0.0.9"), baseline("a"))


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_baseline_is_read_back_as_it_was_written_whatever_was_answered(answers):
    items = [outcome(k, "unparseable", answer) for k, answer in enumerate(answers)]
    made = baseline_of("spread.balanced", RUN, records(items))
    assert parse_baseline(made.text(), "x") == made
    assert made.text().count("\n") == len(answers) + 1


def test_a_group_is_one_line_under_its_own_id():
    item = group(7, ["right", "wrong"], roles=("normal", "misleading"))
    made = baseline_of("twins", RUN, records([item], Level("position", "middle")))
    assert made.items == (
        BaselineItem(level="positionmiddle", item=item.id, kind="wrong", answer="3\n2"),
    )
    assert made.label("positionmiddle") == "position=middle"


def test_a_baseline_of_0_1_is_refused_with_what_to_do(tmp_path):
    """Its head has no format, and its cases other ids."""
    head = {"check": "x", "rules": 1, "suite": "0.1.0", "drawn": {}, "sampling": {}, "model": {}}
    line = {"level": "spread=1", "case": "c", "kind": "right", "answer": "2"}
    (tmp_path / "x.jsonl").write_text(json.dumps(head) + "\n" + json.dumps(line) + "\n")
    with pytest.raises(
        GateError, match=r"x.jsonl' is of format 1, .* record it again with --snapshot-update"
    ):
        read_baselines(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; record it"),
        ("hello\n", r"line 1: \(\): Invalid JSON"),
        ('{"format": 2}\n', r"line 1: \('check',\): Field required"),
    ],
)
def test_broken_baselines_are_named_by_line(text, message):
    with pytest.raises(GateError, match=f"baseline='x'.*{message}"):
        parse_baseline(text, "x")
    whole = baseline("a").text()
    with pytest.raises(GateError, match="has a case twice"):
        parse_baseline(whole + whole.splitlines()[1] + "\n", "x")


def test_an_answer_can_be_read_in_the_diff():
    item = BaselineItem(level="größe1", item="c", kind="right", answer="二匹の猫\u2028")
    text = Baseline(baseline().head, (item,)).text()
    assert "größe1" in text
    assert "二匹の猫" in text
    assert parse_baseline(text, "x").items == (item,)


def test_a_setting_that_only_one_of_the_two_has_is_named():
    old, new = baseline("c"), baseline("c")
    bare = Baseline(old.head.model_copy(update={"sampling": {}}), old.items)
    with pytest.raises(GateError, match="max_new_tokens was None, is 64"):
        refuse_other_cases(bare, new)
