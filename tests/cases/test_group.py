"""Groups and draws: what belongs together is one cluster and has one id."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import (
    Group,
    cases_of,
    clustered,
    draw,
    flatten,
    images_first,
    make_case,
    pair,
)
from mimic_checks.errors import EmptyPool, InvalidArgument
from mimic_checks.tasks import YesNo


def yes_no(image, question="Is it?", truth=True):
    return make_case(
        task="yes_no",
        template="plain",
        content=images_first([image], question),
        truth=YesNo(truth),
        factors={},
    )


A, B, C, D = (yes_no(image) for image in "abcd")


def test_a_groups_id_is_its_cases_in_order_their_roles_and_the_rule():
    different = [
        Group((A, B)),
        Group((B, A)),
        Group((A, C)),
        Group((A, B, C)),
        Group((A, B), "consistent"),
        Group((A, B), roles=("normal", "misleading")),
        Group((A, B), roles=("misleading", "normal")),
        Group((A, B), roles=("x y", "z")),
        Group((A, B), roles=("x", "y z")),
    ]
    assert len({group.id for group in different}) == len(different)
    assert not {group.id for group in different} & {A.id, B.id, C.id}
    (marked,) = clustered([Group((A, B))])
    assert marked.id == Group((A, B)).id, "the draw that it comes from is no part of it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cases": (A,)}, "two or more different cases"),
        ({"cases": (A, A)}, "two or more different cases"),
        ({"cases": (A, B), "rule": "any"}, "rule='any' is not allowed; allowed: 'all_right'"),
        ({"cases": (A, B), "roles": ("one",)}, "roles=.*one per case, or none"),
    ],
)
def test_what_is_no_group_is_refused(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        Group(**arguments)


def test_all_that_one_draw_holds_is_one_cluster():
    items = clustered([A, Group((B, C)), D])
    assert [case.id for case in cases_of(items)] == [A.id, B.id, C.id, D.id]
    assert len({case.cluster for case in cases_of(items)}) == 1
    assert {item.cluster for item in items} == {items[0].cluster}
    assert clustered([A]) == (A,)
    assert clustered([A, B])[0].cluster != clustered([A, C])[0].cluster


def test_a_pair_is_one_cluster_and_keeps_its_roles():
    group = pair(A, B, roles=("normal", "misleading"))
    assert group.rule == "all_right"
    assert group.roles == ("normal", "misleading")
    assert len({case.cluster for case in group.cases}) == 1
    assert group.cluster == group.cases[0].cluster


QUESTIONS = [yes_no("a", f"Is it {k}?") for k in range(4)]
GROUPS = st.permutations(QUESTIONS).map(lambda cases: Group(tuple(cases[:2])))


def test_a_strategy_may_give_groups():
    groups = draw(GROUPS, 12, seed=0)
    assert {group.id for group in groups} == {
        Group(cases).id for cases in itertools.permutations(QUESTIONS, 2)
    }
    assert groups[:5] == draw(GROUPS, 5, seed=0)
    with pytest.raises(EmptyPool, match="only 12 distinct cases can be generated"):
        draw(GROUPS, 13, seed=0)


def test_a_draw_may_hold_a_case_at_one_level_and_a_group_at_another():
    strategy = st.permutations(QUESTIONS).map(lambda q: clustered([q[0], Group((q[1], q[2]))]))
    draws = draw(strategy, 4, seed=1)
    assert all(len({case.cluster for case in cases_of(items)}) == 1 for items in draws)
    assert len(flatten(draws)) == 12
    with pytest.raises(EmptyPool, match="only 4 distinct cases can be generated"):
        draw(strategy, 5, seed=1)


def test_a_draw_repeats_another_if_any_of_its_items_does():
    strategy = st.sampled_from(QUESTIONS[1:]).map(lambda q: clustered([q, QUESTIONS[0]]))
    assert len(draw(strategy, 1, seed=2)) == 1
    with pytest.raises(EmptyPool, match="only 1 distinct cases can be generated"):
        draw(strategy, 2, seed=2)


@given(GROUPS)
def test_groups_work_in_a_users_own_given_test(group):
    assert len(group.cases) == 2
