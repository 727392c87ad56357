"""A case's id is all that is shown and what counts as right, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import ImagePart, TextPart, case, images_first, make_case, question_text
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import Choice, Counts, Names, Number, ShortText, YesNo

PARTS = st.one_of(
    st.sampled_from("abcd").map(ImagePart), st.sampled_from(["", "a", "ab", "?"]).map(TextPart)
)
CONTENTS = st.lists(PARTS, max_size=4).map(tuple)
WORDS = st.sampled_from(["cat", "dog", "1", ""])
TRUTHS = st.one_of(
    st.lists(st.tuples(WORDS, st.integers(0, 2)), min_size=1, max_size=2).map(
        lambda pairs: Counts(tuple(pairs))
    ),
    st.lists(WORDS, max_size=2).map(lambda names: Names(tuple(names))),
    st.builds(Choice, st.integers(0, 1), st.tuples(WORDS, WORDS)),
    st.booleans().map(YesNo),
    st.builds(Number, st.integers(0, 2), st.sampled_from([0, 1])),
    st.lists(st.sampled_from(["cat", "1"]), min_size=1, max_size=2).map(
        lambda texts: ShortText(tuple(texts))
    ),
)
OFFERED = st.lists(WORDS, max_size=2).map(tuple)
ASKED = st.tuples(st.sampled_from(["counting", "listing"]), CONTENTS, TRUTHS, OFFERED)


def made(asked, template="plain", needles=(), factors=()):
    task, content, truth, offered = asked
    return make_case(
        task=task,
        template=template,
        content=content,
        truth=truth,
        offered=offered,
        needles=needles,
        factors=dict(factors),
    )


@given(ASKED, ASKED)
def test_cases_that_differ_in_anything_asked_have_different_ids(one, other):
    assert (made(one).id == made(other).id) == (one == other)


@given(ASKED, ASKED, st.integers(0, 3))
def test_every_single_thing_asked_changes_the_id(one, other, which):
    changed = (*one[:which], other[which], *one[which + 1 :])
    assert (made(one).id == made(changed).id) == (one == changed)


@given(ASKED.filter(lambda asked: asked[1] != asked[1][::-1]))
def test_the_order_of_the_parts_changes_the_id(asked):
    task, content, *rest = asked
    assert made(asked).id != made((task, content[::-1], *rest)).id


@given(ASKED.filter(lambda asked: any(isinstance(part, ImagePart) for part in asked[1])))
def test_what_nobody_sees_does_not_change_the_id(asked):
    assert made(asked).id == made(asked, "mimic", (0,), {"spread": 2}).id


def test_a_new_rule_version_changes_every_id(monkeypatch):
    asked = ("common", images_first("a", "?"), Names(("cat",)), ())
    before = made(asked).id
    monkeypatch.setattr(case, "RULE_VERSION", case.RULE_VERSION + 1)
    assert made(asked).id != before


def test_images_first_reads_as_a_chat_message():
    asked = made(("counting", images_first(["a", "b"], "How many?"), Counts((("cat", 1),)), ()))
    assert asked.images == ("a", "b")
    assert asked.question == "How many?"
    image, text = {"type": "image"}, {"type": "text", "text": "How many?"}
    assert asked.messages == [{"role": "user", "content": [image, image, text]}]
    assert asked.cluster == asked.id, "a case is a draw of its own until a sweep takes it"


INTERLEAVED = (
    ImagePart("a"),
    TextPart("Which is like it? A. "),
    ImagePart("b"),
    TextPart(" B. "),
    ImagePart("a"),
)


def test_interleaved_parts_keep_their_order():
    asked = made(("multiple_choice", INTERLEAVED, Choice(1, ("", "")), ("", "")))
    assert asked.images == ("a", "b", "a")
    types = [part["type"] for part in asked.messages[0]["content"]]
    assert types == ["image", "text", "image", "text", "image"]
    assert asked.question == "Which is like it? A. [image 2] B. [image 3]"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ((), ""),
        ((ImagePart("a"),), ""),
        ((TextPart("Compare "), ImagePart("a")), "Compare [image 1]"),
        ((TextPart("x"), TextPart("y")), "xy"),
    ],
)
def test_question_text_counts_images_from_one(content, text):
    assert question_text(content) == text


@pytest.mark.parametrize("needles", [(2,), (-1,), (0, 5)])
def test_a_needle_is_one_of_the_images(needles):
    asked = ("counting", images_first("ab", "?"), Counts((("cat", 1),)), ())
    with pytest.raises(InvalidArgument, match="needles=.*image numbers from 0 to 1"):
        made(asked, needles=needles)
    assert made(asked, needles=(0, 1)).needles == (0, 1)


@pytest.mark.parametrize(
    "half",
    [
        {"content": (TextPart("\ud800"),)},
        {"truth": ShortText(("x", "\ud800"))},
        {"offered": ("\ud800",)},
        {"factors": {"size": "\ud800"}},
    ],
)
def test_half_a_character_is_refused_before_anything_is_asked(half):
    """No file can hold it: a run would end when it writes what was answered."""
    whole = {"content": (TextPart("?"),), "truth": ShortText(("x",)), "factors": {}}
    with pytest.raises(InvalidArgument, match="texts of whole characters"):
        make_case(task="short_text", template="plain", **{**whole, **half})
