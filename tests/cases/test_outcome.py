"""What answers prove, for a case and for a group."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from mimic_checks.cases import (
    OUTCOME_KINDS,
    Group,
    GroupOutcome,
    Outcome,
    images_first,
    judge,
    make_case,
    scored,
)
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import Counts, Names, Vocabulary

VOCABULARY = Vocabulary(("cat", "dog", "bus"))


def counting(image, number=2):
    return make_case(
        task="counting",
        template="plain",
        content=images_first([image], "How many cats are there in this image?"),
        truth=Counts((("cat", number),)),
        factors={},
    )


def listing(names=("cat", "dog")):
    return make_case(
        task="listing",
        template="plain",
        content=images_first("a", "Which kinds of animal are in this image?"),
        truth=Names(names),
        offered=("cat", "dog"),
        factors={},
    )


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("2", "right"), ("There are two cats.", "right"), ("3", "wrong"), ("many", "unparseable")],
)
def test_an_answer_is_judged_against_the_truth(answer, kind):
    case = counting("a")
    outcome = judge(case, answer, None, VOCABULARY)
    assert (outcome.kind, outcome.answer, outcome.partial) == (kind, answer, None)
    assert (outcome.prediction is None) == (kind == "unparseable")
    assert outcome.members == (outcome,)
    assert (outcome.id, outcome.cluster) == (case.id, case.cluster)


def test_an_error_keeps_its_message():
    outcome = judge(counting("a"), None, "out of memory", VOCABULARY)
    assert (outcome.kind, outcome.answer, outcome.prediction) == ("error", "out of memory", None)


@pytest.mark.parametrize(
    ("answer", "error", "kind", "partial"),
    [
        ("dog, cat", None, "right", 1.0),
        ("cat", None, "wrong", 2 / 3),
        ("cat, bus", None, "wrong", 0.5),
        ("I cannot see any", None, "unparseable", 0.0),
        (None, "boom", "error", 0.0),
    ],
)
def test_a_listing_has_a_partial_score_whatever_becomes_of_it(answer, error, kind, partial):
    outcome = judge(listing(), answer, error, VOCABULARY)
    assert outcome.kind == kind
    assert outcome.partial == pytest.approx(partial)


def test_an_unknown_task_is_named():
    case = make_case(
        task="couting", template="plain", content=(), truth=Counts((("cat", 1),)), factors={}
    )
    with pytest.raises(InvalidArgument, match="task='couting' is not allowed.*'counting'"):
        judge(case, "1", None, VOCABULARY)


def group_outcome(kinds, claims, rule):
    """`claims`: what each member says, where it says something."""
    cases = tuple(counting(image) for image in "abcd"[: len(kinds)])
    members = tuple(
        Outcome(
            case,
            kind,
            kind,
            prediction=Counts((("cat", claim),)) if kind in ("right", "wrong") else None,
        )
        for case, kind, claim in zip(cases, kinds, claims, strict=True)
    )
    return GroupOutcome(Group(cases, rule), members)


@pytest.mark.parametrize("kinds", list(product(OUTCOME_KINDS, repeat=3)))
def test_all_right_is_what_any_completion_of_the_answers_would_make_of_it(kinds):
    """An open answer may turn out right or wrong: only where both give the same is it decided."""
    outcome = group_outcome(kinds, (2, 2, 2), "all_right")
    open_members = [kind for kind in kinds if kind in ("unparseable", "error")]
    possible = {
        all(kind == "right" for kind in (*(k for k in kinds if k in ("right", "wrong")), *ends))
        for ends in product(("right", "wrong"), repeat=len(open_members))
    }
    if len(possible) == 1:
        assert outcome.kind == ("right" if possible == {True} else "wrong")
    else:
        assert outcome.kind == ("error" if "error" in open_members else "unparseable")


@pytest.mark.parametrize("claims", list(product((2, 3), repeat=2)))
@pytest.mark.parametrize("kinds", list(product(OUTCOME_KINDS, repeat=2)))
def test_consistent_asks_for_one_claim_right_or_wrong(kinds, claims):
    outcome = group_outcome(kinds, claims, "consistent")
    stated = {c for k, c in zip(kinds, claims, strict=True) if k in ("right", "wrong")}
    is_open = any(kind in ("unparseable", "error") for kind in kinds)
    if len(stated) > 1:
        assert outcome.kind == "wrong"
    elif is_open:
        assert outcome.kind == ("error" if "error" in kinds else "unparseable")
    else:
        assert outcome.kind == "right"


def test_a_groups_partial_score_is_the_mean_if_all_have_one():
    group = Group((listing(), listing(("cat",))))
    members = tuple(judge(case, "cat", None, VOCABULARY) for case in group.cases)
    outcome = GroupOutcome(group, members)
    assert outcome.partial == pytest.approx((2 / 3 + 1) / 2)
    assert outcome.kind == "wrong"
    assert outcome.answer == "cat\ncat"
    mixed = Group((listing(), counting("a")))
    assert (
        GroupOutcome(mixed, tuple(judge(c, "2", None, VOCABULARY) for c in mixed.cases)).partial
        is None
    )


def test_scored_puts_outcomes_in_the_order_of_the_items():
    group = Group((counting("b"), counting("c")))
    items = [group, counting("a"), counting("c")]
    outcomes = {
        case.id: judge(case, "2", None, VOCABULARY) for case in (counting("a"), *group.cases)
    }
    found = scored(items, outcomes)
    assert [item.id for item in found] == [item.id for item in items]
    assert [len(item.members) for item in found] == [2, 1, 1]
    assert {item.kind for item in found} == {"right"}


def test_a_case_that_draws_share_keeps_the_cluster_and_factors_of_each():
    """The needle of two draws, or the twin of two groups, is asked once."""
    shared = counting("a")
    one, two = (
        replace(shared, cluster=f"draw {k}", factors={"distractors": k}, needles=(0,) * k)
        for k in range(2)
    )
    pairs = [Group((case, counting(other))) for case, other in ((two, "b"), (one, "c"))]
    outcomes = {
        case.id: judge(case, "2", None, VOCABULARY) for case in (one, counting("b"), counting("c"))
    }
    found = scored([one, two, *pairs], outcomes)
    assert [item.members[0].case for item in found] == [one, two, two, one]
    assert [item.cluster for item in found] == ["draw 0", "draw 1", "draw 1", "draw 0"]
    assert all(item.group == group for item, group in zip(found[2:], pairs, strict=True))
