"""Multiple-choice cases and their rotations: every option once under every letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import (
    ChoiceQuestion,
    GroupOutcome,
    ImagePart,
    TextPart,
    judge,
    rotations,
    scored,
)
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import TEMPLATES, Vocabulary
from mimic_checks.tasks.truth import LETTERS

VOCABULARY = Vocabulary(())
TEXTS = tuple(TextPart(word) for word in ("a cat", "two dogs", "a bus"))
PICTURES = tuple(ImagePart(image) for image in "xyz")


def test_options_may_be_texts():
    case = ChoiceQuestion("What is shown?", TEXTS, 1, images=("p",)).case()
    assert case.images == ("p",)
    assert case.question.startswith("What is shown?\nA. a cat\nB. two dogs\nC. a bus\n")
    assert case.truth.text == "B"
    assert case.offered == ("a cat", "two dogs", "a bus")


def test_options_may_be_images():
    case = ChoiceQuestion("Which one is like it?", PICTURES, 2, images=("p",)).case(1)
    assert case.images == ("p", "y", "z", "x")
    assert "A. [image 2]\nB. [image 3]\nC. [image 4]" in case.question
    assert case.truth.text == "B"
    assert case.offered == ("", "", "")


@given(
    st.sampled_from([TEXTS, PICTURES, (*TEXTS[:1], *PICTURES[:2])]),
    st.integers(0, 2),
    st.sampled_from(TEMPLATES),
)
def test_rotations_put_every_option_once_under_every_letter(options, right, template):
    group = rotations(ChoiceQuestion("Which?", options, right, template=template))
    assert group.rule == "all_right"
    assert {case.truth.text for case in group.cases} == set(LETTERS[: len(options)])
    assert len({case.cluster for case in group.cases}) == 1
    for shift, case in enumerate(group.cases):
        words = case.question
        order = [options[(shift + place) % len(options)] for place in range(len(options))]
        assert [part for part in case.content if isinstance(part, ImagePart)] == [
            part for part in order if isinstance(part, ImagePart)
        ]
        texts = [words.index(part.text) for part in order if isinstance(part, TextPart)]
        assert texts == sorted(texts)
        assert order[case.truth.index] == options[right]


@given(st.integers(0, 2), st.sampled_from([TEXTS, PICTURES]))
def test_a_letter_alone_is_never_right_on_all_rotations(right, options):
    group = rotations(ChoiceQuestion("Which?", options, right))
    for letter in "ABC":
        outcome = _answered(group, [letter] * 3)
        assert outcome.kind == "wrong"
        assert sum(member.kind == "right" for member in outcome.members) == 1
    assert _answered(group, [case.truth.text for case in group.cases]).kind == "right"


def _answered(group, answers):
    outcomes = {
        case.id: judge(case, answer, None, VOCABULARY)
        for case, answer in zip(group.cases, answers, strict=True)
    }
    (outcome,) = scored([group], outcomes)
    assert isinstance(outcome, GroupOutcome)
    return outcome


@pytest.mark.parametrize(
    ("options", "right", "message"),
    [
        (TEXTS[:1], 0, "2 to 26 different ones"),
        ((*TEXTS, TEXTS[0]), 0, "2 to 26 different ones"),
        (TEXTS, 3, "right=3 is not allowed; allowed: 0 to 2"),
        (TEXTS, -1, "right=-1 is not allowed"),
    ],
)
def test_what_is_no_question_is_refused(options, right, message):
    with pytest.raises(InvalidArgument, match=message):
        ChoiceQuestion("Which?", options, right)
