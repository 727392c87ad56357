"""What is right without a look: heuristics over the items of a level, against plain counting."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mimic_checks.cases import ChoiceQuestion, Group, TextPart, images_first, make_case, rotations
from mimic_checks.cases.blind import MOST_CONSTANTS, blind_guesses, blind_right
from mimic_checks.errors import ExtensionError
from mimic_checks.tasks import TASKS, Counts, Names, Vocabulary, YesNo
from tests.scored import case, group

MEMBERS = ("bird", "cat", "dog")
NAMES = Vocabulary(MEMBERS)


def counted(number, name="cat", count=3, images=2):
    asked = f"How many {name}s are there?"
    return make_case(
        task="counting",
        template="plain",
        content=images_first([f"{number} {k}" for k in range(images)], asked),
        truth=Counts(((name, count),)),
        factors={},
    )


def listed(number, names, category="animals"):
    return make_case(
        task="listing",
        template="plain",
        content=images_first([str(number)], f"Which {category}?"),
        truth=Names(tuple(names)),
        offered=MEMBERS,
        factors={},
    )


def rate(items, name):
    right = blind_right(items, NAMES)[name]
    assert len(right) == len(items)
    return sum(right) / len(items)


def test_a_task_s_heuristics_are_scored_item_by_item():
    items = [listed(0, MEMBERS), listed(1, ["cat"]), listed(2, MEMBERS), listed(3, [])]
    assert blind_right(items, NAMES)["all members"] == [True, False, True, False]
    assert blind_right(items, NAMES)["none"] == [False, False, False, True]
    counts = [counted(k, count=k) for k in range(5)]
    assert blind_right(counts, NAMES)["one per image"] == [k == 2 for k in range(5)]


def test_a_constant_is_one_answer_to_every_question():
    """The same number of cats and dogs is one answer; the same option is one under any letter."""
    items = [counted(0, "cat", 3), counted(1, "dog", 3), counted(2, "cat", 5)]
    assert rate(items, "constant: 3") == 2 / 3
    options = (TextPart("red"), TextPart("blue"))
    choices = [
        ChoiceQuestion("Which?", options, right, (f"img{k}",)).case(first)
        for k, (right, first) in enumerate([(0, 0), (0, 1), (1, 0), (0, 1)])
    ]
    assert rate(choices, "constant: red") == 3 / 4
    assert rate(choices, "A") == 1 / 4


def test_only_the_most_frequent_answers_are_tried_as_constants():
    items = [counted(k, count=k % 30) for k in range(60)] + [counted(99, count=29)]
    constants = [name for name in blind_guesses(items, NAMES) if name.startswith("constant")]
    assert len(constants) == MOST_CONSTANTS
    assert constants[0] == "constant: 29"


def test_a_prior_knows_the_other_items_only():
    """Against leaving every item out by hand."""
    truths = [1, 1, 2, 2, 2, 3, 1, 2, 2, 7]
    items = [counted(k, "cat" if k % 2 else "dog", count) for k, count in enumerate(truths)]
    expected = []
    for k, count in enumerate(truths):
        others = Counter(c for j, c in enumerate(truths) if j != k and j % 2 == k % 2)
        most = max(others.values())
        expected.append(count == max(c for c in others if others[c] == most))
    assert blind_right(items, NAMES)["prior: same question"] == expected
    assert blind_right(items, NAMES)["prior: same classes"] == expected
    split = [counted(0, count=4), counted(1, count=4), counted(2, count=6)]
    assert rate([split[0], split[2]], "prior: same question") == 0.0, "no item foretells itself"
    alone = [*split, counted(3, "dog", count=4)]
    assert blind_right(alone, NAMES)["prior: same question"][3], "all, where nobody asks the same"
    assert blind_guesses([split[0]], NAMES)["prior: same question"] == [(None,)]


def test_the_same_classes_are_one_question_in_every_wording():
    items = [counted(k, count=2) for k in range(4)]
    worded = [
        make_case(
            task="counting",
            template="instruct",
            content=images_first([f"other {k}"], f"Count {k}."),
            truth=Counts((("cat", 2 + k % 2),)),
            factors={},
        )
        for k in range(2)
    ]
    other = [counted(k, "dog", 5) for k in range(10, 20)]
    right = blind_right([*items, *other, *worded], NAMES)
    assert right["prior: same classes"][-2:] == [True, False]
    assert right["prior: same question"][-2:] == [False, False]


def test_of_a_group_its_rule_decides():
    options = tuple(TextPart(name) for name in ("red", "blue", "green"))
    turned = [rotations(ChoiceQuestion("Which?", options, 0, (f"img{k}",))) for k in range(3)]
    assert rate(turned, "A") == 0.0, "one letter is right under one rotation"
    assert rate(turned, "constant: red") == 1.0
    alike = [replace(one, rule="consistent") for one in turned]
    assert rate(alike, "constant: red") == rate(alike, "longest option") == 1.0
    assert rate(alike, "A") == 0.0
    pairs = [group(k, ["right", "right"]).group for k in range(2)]
    assert rate(pairs, "constant: 3") == 0.0, "its members have other truths"
    assert rate([Group((case(1), case(2)))], "three of each") == 1.0


def test_a_heuristic_that_does_not_apply_is_wrong():
    items = [listed(0, ["cat"]), counted(1, count=1)]
    assert blind_right(items, NAMES)["one of each"] == [False, True]
    assert blind_right(items, NAMES)["all members"] == [False, False]
    mixed = Group((listed(0, MEMBERS), counted(1, count=1)))
    assert not any(blind_right([mixed], NAMES)["one of each"])
    assert blind_right([], NAMES)["prior: same question"] == []


@pytest.mark.parametrize("answer", [YesNo(True), None, RuntimeError("planted")])
def test_what_a_stranger_s_task_gives_is_looked_at(monkeypatch, answer):
    def given(*_):
        if isinstance(answer, Exception):
            raise answer
        return {"odd": answer}

    monkeypatch.setattr(TASKS.get("counting"), "blind_answers", given, raising=False)
    with pytest.raises(ExtensionError, match=r"task 'counting': its blind_answers\(\)"):
        blind_right([counted(0)], NAMES)
    monkeypatch.setattr(TASKS.get("counting"), "blind_answers", lambda *_: {})
    monkeypatch.setattr(TASKS.get("counting"), "repeated", lambda *_: 1 / 0)
    with pytest.raises(ExtensionError, match="blind answers of counting"):
        blind_right([counted(0)], NAMES)
