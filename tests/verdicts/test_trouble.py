"""Errors and unread answers are shown as what they are, with what most of them say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.cases import Level
from mimic_checks.tasks.unread import CUT_OFF, ONLY_REASONING
from mimic_checks.verdicts.levels import judge_levels, tally
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.result import level_result
from mimic_checks.verdicts.text import failure, rates
from mimic_checks.verdicts.thresholds import load_thresholds
from mimic_checks.verdicts.trouble import NOTHING, Frequent, frequent
from tests.reporting.test_report import result
from tests.scored import group, outcome

N = 40
MANY = "HTTP 400: At most 2 image(s) may be provided in one prompt"


def right(n=N):
    return [outcome(k, "right") for k in range(n)]


def raised(*messages):
    return [outcome(k, "error", message) for k, message in enumerate(messages)]


def unread(*remarks):
    return [
        replace(outcome(k, "unparseable", "Let me"), prediction=None, remark=remark)
        for k, remark in enumerate(remarks)
    ]


def checked(*levels):
    """A check with these outcomes at its levels."""
    thresholds = load_thresholds().defaults
    named = [Level("spread", k) for k in range(1, len(levels) + 1)]
    tallies = [(lv, tally(i, thresholds.alpha, {})) for lv, i in zip(named, levels, strict=True)]
    verdict = judge_levels(tallies, thresholds, TestFamily(len(levels)))
    judged = tuple(
        level_result(v, i, thresholds.alpha, levels[0])
        for v, i in zip(verdict.levels, levels, strict=True)
    )
    return result().model_copy(
        update={"levels": judged, "verdict": verdict.verdict, "reason": verdict.reason, "shown": ()}
    )


def test_levels_without_answers_show_the_error_and_no_rate():
    found = checked(
        right(),
        right(),
        raised(*[f"{MANY} (got 3)."] * N),
        raised(*[f"{MANY} (got {4 + k % 2})." for k in range(N)]),
    )
    assert rates(found, "  ") == (
        "spread 1: 1.00  2: 1.00  3, 4: not answered: HTTP 400: At most 2 image(s) may be provided"
        " in one prompt (got..."
    )
    assert found.levels[2].reason == (
        f"40 of 40 cases raised an error (error_ceiling=0.02): {MANY} (got 3)."
    )
    assert [judged.is_answered for judged in found.levels] == [True, True, False, False]
    shown = failure(found)
    assert "0.000" not in shown
    assert "0/40, 40 errors  -      not answered" in shown
    assert found.levels[3].released == {}


def test_a_few_errors_leave_the_rate_and_name_the_most_frequent():
    found = checked(right(), right(35) + raised("time out", "time out", "cut", "time out", "cut"))
    assert found.levels[1].reason == (
        "5 of 40 cases raised an error (error_ceiling=0.02), 3 of them: time out"
    )
    assert rates(found, "  ") == "spread 1: 1.00  2: 0.88"


def test_most_of_a_level_is_enough():
    found = checked(right(), right(10) + raised(*["slow"] * 20, *["cut"] * 10))
    assert rates(found, "  ") == "spread 1: 1.00  2: not answered: 20 of 40: slow"


@pytest.mark.parametrize(
    ("remarks", "ends", "rate"),
    [
        (
            [CUT_OFF] * 38 + [""] * 2,
            ", 38 of them: cut off; raise --vlm-max-new-tokens",
            "unparseable: 38 of 40 cut off",
        ),
        ([CUT_OFF] * 40, ": cut off; raise --vlm-max-new-tokens", "unparseable: 40 of 40 cut off"),
        (
            [ONLY_REASONING] * 30 + ["two numbers"] * 10,
            ", 30 of them: only reasoning; raise --vlm-max-new-tokens, or switch thinking off, as"
            " with --vlm-chat-template-args enable_thinking=false",
            "unparseable: 30 of 40 only reasoning",
        ),
        (["two numbers"] * 40, ": two numbers", "unparseable: 40 of 40 two numbers"),
        ([""] * 40, "(more than 5 % is proven)", "unparseable: 40 of 40"),
    ],
)
def test_unread_levels_name_the_likeliest_reason(remarks, ends, rate):
    found = checked(right(), unread(*remarks))
    assert found.levels[1].verdict == "fail"
    assert found.levels[1].reason.startswith("40 of 40 answers are unparseable")
    assert found.levels[1].reason.endswith(ends)
    assert rates(found, "  ") == f"spread 1: 1.00  2: {rate}"


def test_a_group_has_the_reason_of_its_first_such_member():
    pair = group(1, ["right", "error"])
    counted = tally([pair], 0.05, {})
    assert counted.raised == Frequent(pair.members[1].answer, 1)
    assert counted.unread == NOTHING


def test_messages_that_differ_in_numbers_are_one_and_long_ones_are_cut():
    asked = [f"request 7f3a{k}: {k} tokens are too many" for k in range(3)] + ["other"] * 2
    assert frequent(asked) == Frequent("request 7f3a0: 0 tokens are too many", 3)
    assert frequent(["", ""]) == NOTHING
    assert len(frequent(["long " * 1000]).what) <= 160
    assert "\n" not in frequent(["two\nlines"]).what
