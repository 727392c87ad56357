"""Parsing: strict on every example of the released scorers, right on every true answer, never a
guess.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.cases import Truth, make_case
from mimic_checks.catalog.labels import plural, spellings
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.verdicts import Vocabulary, judge, official
from mimic_checks.verdicts.outcome import set_f1

CLASSES = ("cat", "dog", "person", "car", "traffic light", "hot dog", "mouse")
WORDS = Vocabulary(CLASSES)


def case(task="counting", counts=(), names=()):
    return make_case(
        task=task,
        template="plain",
        images=["a"],
        question="?",
        truth=Truth(counts, names),
        factors={},
    )


def count(answer, truth=3, name="dog"):
    return judge(case(counts=((name, truth),)), answer, None, WORDS).kind


def name(answer, truth="cat", task="common"):
    return judge(case(task, names=(truth,)), answer, None, WORDS).kind


# strict verdict, released verdict: the table of the reference on the released scorers, truth 3
@pytest.mark.parametrize(
    ("answer", "strict", "released"),
    [
        ("3", "right", True),
        ("3.", "right", True),
        ("three", "right", True),
        ("3.0", "right", True),
        ("There are 3 dogs in 5 images", "right", True),
        ("two and one", "unparseable", True),
        ("Three dogs and two cats", "unparseable", False),
        ("In 5 images there are 3 dogs", "right", False),
        ("2 + 1 = 3", "right", False),
        ("I see 2 in the first and 1 in the second, so 3", "right", False),
        ("a dozen", "wrong", False),
        ("none", "wrong", False),
    ],
)
def test_counting_examples_of_the_released_scorer(answer, strict, released):
    assert count(answer) == strict
    assert official.counting_right(answer, "3") is released


@pytest.mark.parametrize(
    ("answer", "strict", "released"),
    [
        ("Cattle", "wrong", True),
        ("There is no cat", "unparseable", True),
        ("cat, dog, person, car", "wrong", True),
        ("cat", "right", True),
        ("Cats.", "right", True),
        ("The cat.", "right", True),
        ("a dog", "wrong", False),
    ],
)
def test_name_examples_of_the_released_scorer(answer, strict, released):
    assert name(answer) == strict
    assert official.name_right(answer, "cat") is released


@pytest.mark.parametrize(
    ("answer", "f1"), [("cat, dog", 0.5), ("cat, dog.", 0.0), ("cat,dog", 0.0), ("cat\ndog", 0.0)]
)
def test_listing_examples_of_the_released_scorer(answer, f1):
    assert official.listing_score([(answer, "cat, dog")]).f1 == f1
    assert judge(case("listing", names=("cat", "dog")), answer, None, WORDS).kind == "right"


def test_the_leading_space_bug_can_be_left_out():
    assert official.listing_score([("cat", "cat")]).f1 == 0.0
    assert official.listing_score([("cat", "cat")], leading_space=False).f1 == 1.0
    assert official.listing_score([("cat, dog", "cat, dog")], leading_space=False).f1 == 1.0


@pytest.mark.parametrize(
    ("answer", "truth", "kind"),
    [
        ("zero", 0, "right"),
        ("none", 0, "right"),
        ("There are no dogs in these images.", 0, "right"),
        ("0", 0, "right"),
        ("nothing", 0, "right"),
        ("twenty-one", 21, "right"),
        ("There are 12 in total: 5 and 7", 12, "right"),
        ("The total number of dogs is 4.", 4, "right"),
        ("5 dogs altogether, 3 in the first image", 5, "right"),
        ("3 or 4", 3, "unparseable"),
        ("3-4", 3, "unparseable"),
        ("3.5", 3, "unparseable"),
        ("", 3, "unparseable"),
        ("I cannot see 3 dogs", 3, "unparseable"),
        ("several", 3, "unparseable"),
        ("**3**", 3, "right"),
        ("Answer: 3", 3, "right"),
        ("3 dogs, yes 3", 3, "right"),
        ("-3", 3, "unparseable"),
        ("v3x", 3, "unparseable"),
        ("99999999999999999999", 3, "unparseable"),
        ("so 3, so 4", 3, "unparseable"),
    ],
)
def test_counting_answers(answer, truth, kind):
    assert count(answer, truth) == kind


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("cat: 2, dog: 1", "right"),
        ("2 cats and 1 dog", "right"),
        ("2, 1", "right"),
        ("cats = two\ndogs = one", "right"),
        ("dog: 1, cat: 2", "right"),
        ("cat: 1, dog: 2", "wrong"),
        ("2", "unparseable"),
        ("cat: 2", "unparseable"),
        ("cat: 2, dog: 1 or 2", "right"),
        ("3 animals, 2, 1", "unparseable"),
        ("cat: 2, cat: 3, dog: 1", "unparseable"),
    ],
)
def test_counts_of_several_classes(answer, kind):
    assert judge(case(counts=(("cat", 2), ("dog", 1))), answer, None, WORDS).kind == kind


@pytest.mark.parametrize(
    ("answer", "kind", "f1"),
    [
        ("dog and cat", "right", 1.0),
        ("1. cat\n2. dogs", "right", 1.0),
        ("- Cat\n- Dog", "right", 1.0),
        ("The images show a cat and a dog.", "right", 1.0),
        ("cat", "wrong", 2 / 3),
        ("cat, dog, unicorn", "wrong", 0.8),
        ("none", "wrong", 0.0),
        ("cat, no dog", "unparseable", 0.0),
        ("hot dog", "wrong", 0.0),
        ("It is rather hard to say what these could be", "unparseable", 0.0),
        ("toy cat, dog", "wrong", 0.5),
    ],
)
def test_listing_answers(answer, kind, f1):
    outcome = judge(case("listing", names=("cat", "dog")), answer, None, WORDS)
    assert outcome.kind == kind
    assert outcome.f1 == pytest.approx(f1)


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ("mice", "mouse"),
        ("people", "person"),
        ("human", "person"),
        ("Traffic Lights", "traffic light"),
        ("automobile", None),
        ("hotdogs", "hot dog"),
    ],
)
def test_labels_go_by_table(written, truth):
    for known in CLASSES:
        assert name(written, known) == ("right" if known == truth else "wrong")


def test_plurals_and_spellings():
    assert [
        plural(word)
        for word in ("person", "bus", "knife", "sheep", "brush", "fire hydrant", "cherry", "toy")
    ] == ["people", "buses", "knives", "sheep", "brushes", "fire hydrants", "cherries", "toys"]
    table = spellings(("airplane", "plane"))
    assert table["plane"] == "plane", "a class's own name beats another's synonym"
    assert "aircraft" not in table, "a synonym of two classes says neither"


RENDERED = Vocabulary(tuple(SHAPES))
NAMES = st.sampled_from(sorted(SHAPES))


@given(st.dictionaries(NAMES, st.integers(0, 60), min_size=1, max_size=5))
def test_a_true_count_is_always_right(counts):
    asked = case(counts=tuple(counts.items()))
    assert judge(asked, asked.truth.text, None, RENDERED).kind == "right"
    shifted = Truth(counts=tuple((key, value + 1) for key, value in counts.items()))
    assert judge(asked, shifted.text, None, RENDERED).kind == "wrong"


@given(
    st.lists(NAMES, min_size=1, max_size=6, unique=True),
    st.sampled_from([", ", "\n", " and ", "; "]),
    st.booleans(),
)
def test_a_true_list_is_always_right(names, separator, plurals):
    asked = case("listing", names=tuple(names))
    answer = separator.join(plural(word) if plurals else word.capitalize() for word in names)
    outcome = judge(asked, answer, None, RENDERED)
    assert (outcome.kind, outcome.f1) == ("right", 1.0)


@given(st.text(max_size=80), st.sampled_from(["counting", "listing", "common"]))
def test_any_text_has_an_outcome(answer, task):
    asked = case(
        task,
        counts=(("cat", 3), ("key", 1)) if task == "counting" else (),
        names=() if task == "counting" else ("cat",),
    )
    assert judge(asked, answer, None, RENDERED).kind in ("right", "wrong", "unparseable")


@given(st.frozensets(st.sampled_from("abcdef")), st.frozensets(st.sampled_from("abcdef")))
def test_set_f1_is_the_harmonic_mean(predicted, true):
    hits = len(predicted & true)
    if not predicted and not true:
        expected = 1.0
    elif not hits:
        expected = 0.0
    else:
        precision, recall = hits / len(predicted), hits / len(true)
        expected = 2 * precision * recall / (precision + recall)
    assert set_f1(predicted, true) == pytest.approx(expected)


def test_an_error_is_an_outcome_of_its_own():
    outcome = judge(case(counts=(("cat", 1),)), None, "CUDA error", WORDS)
    assert (outcome.kind, outcome.answer) == ("error", "CUDA error")
