"""What holds for every kind of question."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog.labels import plural
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import (
    TASKS,
    Choice,
    Counts,
    Names,
    Number,
    Score,
    ShortText,
    Unread,
    Vocabulary,
    YesNo,
    mimic_release,
)
from tests.tasks.reading import judged, kind

ALL = ("counting", "listing", "common", "odd_one", "multiple_choice", "yes_no", "number")
ALL = (*ALL, "short_text")
RENDERED = Vocabulary(tuple(SHAPES))
NAMES = st.sampled_from(sorted(SHAPES))
WORDS = st.lists(
    st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=8), min_size=1, max_size=5
).map(" ".join)
COUNTS = st.dictionaries(NAMES, st.integers(0, 99), min_size=1, max_size=4)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def choices(draw):
    options = draw(st.lists(st.one_of(st.just(""), NAMES, WORDS), min_size=2, max_size=26))
    return Choice(draw(st.integers(0, len(options) - 1)), tuple(options))


ONE_NAME = NAMES.map(lambda name: Names((name,)))
TRUTHS = {
    "counting": COUNTS.map(lambda counts: Counts(tuple(counts.items()))),
    "listing": st.lists(NAMES, unique=True, max_size=6).map(lambda names: Names(tuple(names))),
    "common": ONE_NAME,
    "odd_one": ONE_NAME,
    "multiple_choice": choices(),
    "yes_no": st.booleans().map(YesNo),
    "number": st.builds(Number, FLOATS, st.floats(0, 1e6)),
    "short_text": st.lists(WORDS, min_size=1, max_size=3).map(
        lambda texts: ShortText(tuple(texts))
    ),
}
_PIECES = """A B I a dog cat 3 -2.5 yes no not none . , ( ) : = \n * ½ ² “ 　 \ue000 - / answer is
Answer: option the wait or and at least \\boxed{ } 1,000 dozen n't ' image 9999999999""".split(" ")
PROSE = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(_PIECES), max_size=12).map(" ".join),
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
)
TASK_AND_TRUTH = st.sampled_from(ALL).flatmap(
    lambda task: st.tuples(st.just(task), TRUTHS[task], TRUTHS[task])
)


def test_all_tasks_are_registered_under_their_names():
    assert set(ALL) <= set(TASKS.names())
    assert [TASKS.get(task).name for task in ALL] == list(ALL)


@pytest.mark.parametrize("task", ALL)
def test_a_true_answer_is_always_right(task):
    @given(TRUTHS[task])
    def right(truth):
        if task == "multiple_choice" and _letters_are_texts(truth.options):
            return
        assert kind(task, truth.text, truth, RENDERED) == "right"
        assert kind(task, f"The answer is {truth.text}.", truth, RENDERED) == "right"
        assert TASKS.get(task).score(truth, truth).right

    right()


def _letters_are_texts(options):
    """A lone letter among the texts means two things, and is read as neither."""
    return any(len(text) == 1 and text.upper() in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for text in options)


@given(choices())
def test_the_text_of_an_option_is_the_option(truth):
    names = [f"{name} {place}" for place, name in enumerate(2 * sorted(SHAPES))]
    known = replace(truth, options=tuple(names[: len(truth.options)]))
    text = known.options[known.index]
    for answer in (text, text.capitalize(), f"a {text}.", f"{known.text}. {text}", f"It is {text}"):
        assert kind("multiple_choice", answer, known) == "right"
    other = known.options[known.index - 1]
    assert kind("multiple_choice", other, known) == "wrong"
    assert kind("multiple_choice", f"{known.text}. {other}", known) == "unparseable"
    assert kind("multiple_choice", f"{text} or {other}", known) == "unparseable"


@given(TASK_AND_TRUTH, PROSE)
def test_any_text_can_be_read(task_and_truths, answer):
    task, truth, _ = task_and_truths
    expected = {"right", "wrong", "unparseable"}
    result, partial = judged(task, answer, truth, RENDERED)
    assert result in expected
    assert partial is None or 0 <= partial <= 1
    assert all(0 <= score <= 1 for score in _released(task, [(answer, truth)]).values())


@given(TASK_AND_TRUTH, PROSE, st.booleans())
def test_what_is_read_does_not_depend_on_what_is_right(task_and_truths, answer, from_truth):
    """A reader that looked at the right answer would find it in anything."""
    task, truth, other = task_and_truths
    if task == "counting":
        other = Counts(tuple((name, value + 1) for name, value in truth.counts))
    if task == "multiple_choice":
        other = replace(truth, index=len(truth.options) - 1 - truth.index)
    read = TASKS.get(task).read
    answer = truth.text if from_truth else answer
    assert read(answer, truth, (), RENDERED) == read(answer, other, (), RENDERED)


@given(TASK_AND_TRUTH, st.integers(1, 9), st.lists(NAMES, unique=True, max_size=4))
def test_blind_answers_are_answers(task_and_truths, images, offered):
    task, truth, _ = task_and_truths
    known = TASKS.get(task)
    if task == "multiple_choice" and _letters_are_texts(truth.options):
        return
    for name, blind in known.blind_answers(truth, images, offered, RENDERED).items():
        assert name
        assert type(blind) is known.truth_type
        read = known.read(blind.text, truth, offered, RENDERED)
        assert not isinstance(read, Unread)
        assert known.score(read, blind).right


def _released(task, answers):
    return TASKS.get(task).released_scores(answers)


def test_blind_answers_by_name():
    two = Counts((("dog", 4), ("cat", 0)))

    def blind(task, truth, offered=()):
        return TASKS.get(task).blind_answers(truth, 3, offered, RENDERED)

    assert blind("counting", two) == {
        "none": Counts((("dog", 0), ("cat", 0))),
        "one of each": Counts((("dog", 1), ("cat", 1))),
        "two of each": Counts((("dog", 2), ("cat", 2))),
        "three of each": Counts((("dog", 3), ("cat", 3))),
        "one per image": Counts((("dog", 3), ("cat", 3))),
        "one in every other image": Counts((("dog", 2), ("cat", 2))),
        "two per image": Counts((("dog", 6), ("cat", 6))),
    }
    assert blind("listing", Names(("dog",)), ("dog", "cat")) == {
        "all members": Names(("dog", "cat")),
        "none": Names(()),
    }
    assert blind("common", Names(("dog",))) == blind("odd_one", Names(("dog",))) == {}
    assert blind("common", Names(("dog",)), ("dog", "cat")) == {
        "name 1": Names(("dog",)),
        "name 2": Names(("cat",)),
    }
    assert blind("multiple_choice", Choice(0, ("x1", ""))) == {
        "A": Choice(0, ("x1", "")),
        "B": Choice(1, ("x1", "")),
        "last option": Choice(1, ("x1", "")),
    }
    lengths = blind("multiple_choice", Choice(0, ("x1", "x", "x123")))
    assert lengths["longest option"].text == "C"
    assert lengths["shortest option"].text == "B"
    assert blind("yes_no", YesNo(True)) == {"yes": YesNo(True), "no": YesNo(False)}
    assert blind("number", Number(7)) == {
        "none": Number(0),
        "one": Number(1),
        "two": Number(2),
        "number of images": Number(3),
    }
    assert {
        name: said.text for name, said in blind("short_text", ShortText(("x",)), ("x", "y")).items()
    } == {
        "yes": "yes",
        "no": "no",
        "none": "none",
        "number of images": "3",
        "text 1": "x",
        "text 2": "y",
    }


def test_the_same_words_to_another_question():
    def repeated(task, said, truth):
        return TASKS.get(task).repeated(said, truth)

    two, three = Counts((("dog", 4), ("cat", 0))), Counts((("cow", 1), ("fox", 9)))
    assert repeated("counting", two, three) == Counts((("cow", 4), ("fox", 0)))
    assert repeated("counting", two, Counts((("cow", 1),))) is None
    said, other = Choice(0, ("dog", "cat")), Choice(0, ("cat", "dog"))
    assert repeated("multiple_choice", said, other) == Choice(1, ("cat", "dog"))
    assert repeated("multiple_choice", said, Choice(0, ("cow", "cat"))) is None
    picture = Choice(1, ("", ""))
    assert repeated("multiple_choice", picture, Choice(0, ("", "", ""))).text == "B"
    assert repeated("multiple_choice", picture, Choice(0, ("", "cow"))) is None
    assert repeated("yes_no", YesNo(True), YesNo(False)) == YesNo(True)


def test_released_scores_are_shares_of_all_answers():
    three = Counts((("dog", 3),))
    assert _released("counting", [("3", three), ("2 + 1 = 3", three), ("2 + 1", three)]) == {
        "mimic": 1 / 3
    }
    assert _released("counting", [("", three)]) == {"mimic": 0.0}
    assert _released("counting", [("1, 2", Counts((("dog", 1), ("cat", 2))))]) == {}
    cat = Names(("cat",))
    for task in ("common", "odd_one"):
        assert _released(task, [("Cattle", cat), ("dog", cat)]) == {"mimic": 0.5}
    answers = [("cat, dog", Names(("cat", "dog"))), ("cat", cat)]
    plain, released = (
        mimic_release.listing_score([(a, t.text) for a, t in answers], leading_space=space).f1
        for space in (False, True)
    )
    assert (plain, released) == (1.0, pytest.approx(1 / 3))
    assert _released("listing", answers) == {"mimic": plain, "mimic (as released)": released}
    for task in ALL:
        assert _released(task, []) == {}


def test_only_listing_has_a_partial_score():
    for task in ALL:
        expected = Score(False, 0.0) if task == "listing" else Score(False)
        assert TASKS.get(task).no_prediction == expected
    assert judged("listing", "dog, cat", Names(("cat",)), RENDERED) == (
        "wrong",
        pytest.approx(2 / 3),
    )


@pytest.mark.parametrize("task", ["counting", "multiple_choice"])
def test_a_truth_of_another_type_is_refused(task):
    with pytest.raises(InvalidArgument, match=r"truth=YesNo.* for this task"):
        TASKS.get(task).read("3", YesNo(True), (), RENDERED)


def test_equal_options_are_equally_right():
    truth = Choice(2, ("same", "different", "same"))
    assert kind("multiple_choice", "A", truth) == "right"
    assert kind("multiple_choice", "C", truth) == "right"
    assert kind("multiple_choice", "B", truth) == "wrong"
    assert kind("multiple_choice", "A", Choice(1, ("", ""))) == "wrong"


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
def test_plurals_name_no_other_class(names):
    answer = ", ".join(plural(name) for name in names)
    assert TASKS.get("listing").read(answer, Names(()), (), RENDERED) == Names(tuple(names))
