"""Whole groups beside the rates of a survey, by hand."""

from __future__ import annotations

import pytest

from mimic_checks.cases import Group, GroupOutcome, Level, Outcome, images_first, make_case
from mimic_checks.checks.measures.groups import group_panels, groups_of
from mimic_checks.tasks import YesNo

LEVEL = Level("category", "same")


def outcome(number, said, truth=True, group=""):
    case = make_case(
        task="yes_no",
        template="official",
        content=images_first([f"{number:064d}"], f"Is it {number}?"),
        truth=YesNo(truth),
        factors={"group": group} if group else {},
    )
    if said is None:
        return Outcome(case, "perhaps", "unparseable")
    return Outcome(case, str(said), "right" if said is truth else "wrong", None, YesNo(said))


def scored_together(*members):
    return GroupOutcome(Group(tuple(member.case for member in members)), members)


def test_whole_groups_are_counted_whether_scored_together_or_alone():
    together = [
        scored_together(outcome(1, True), outcome(2, False, False)),
        scored_together(outcome(3, True), outcome(4, True, False)),
        scored_together(outcome(5, None), outcome(6, None, False)),
    ]
    alone = [
        outcome(7, True, True, "g1"),
        outcome(8, True, False, "g1"),
        outcome(9, True, True, "g2"),
        outcome(10, False, False, "g2"),
        outcome(11, True, True, "single"),
        outcome(12, True),
    ]
    assert [len(group) for group in groups_of(together)] == [2, 2, 2]
    (table,) = group_panels({LEVEL: together, Level("category", "alone"): alone}, 0.05)
    assert table.rows[0][:3] == ("same", "3", "0.333")
    assert table.rows[0][4:] == ("0.333", "3 of 6")
    # by hand: 1 of 2, exact 95 % interval [0.013, 0.987]
    assert table.rows[1] == ("alone", "2", "0.500", "[0.013, 0.987]", "0.500", "3 of 4")
    assert table.head[3] == "95 % interval"


@pytest.mark.parametrize("items", [[], [outcome(1, True)], [outcome(1, True, True, "g")]])
def test_without_groups_there_is_nothing_to_show(items):
    assert group_panels({LEVEL: items}, 0.05) == ()
