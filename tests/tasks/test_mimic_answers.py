"""Reading MIMIC's tasks: strict on every example of the released scorers, right on every true
answer, never a guess.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog.labels import plural, spellings
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.tasks import TASKS, Counts, Names, Vocabulary, mimic_release
from mimic_checks.tasks.listing import set_f1
from tests.tasks.reading import judged, kind

CLASSES = ("cat", "dog", "person", "car", "traffic light", "hot dog", "mouse")
WORDS = Vocabulary(CLASSES)


def count(answer, truth=3, name="dog"):
    return kind("counting", answer, Counts(((name, truth),)), WORDS)


def name(answer, truth="cat", task="common"):
    return kind(task, answer, Names((truth,)), WORDS)


# strict verdict, released verdict: the table of the reference on the released scorers, truth 3
@pytest.mark.parametrize(
    ("answer", "strict", "released"),
    [
        ("3", "right", True),
        ("3.", "right", True),
        ("three", "right", True),
        ("3.0", "right", True),
        ("There are 3 dogs in 5 images", "right", True),
        ("two and one", "unparseable", True),  # a list: no sum is said
        ("Three dogs and two cats", "right", False),
        ("In 5 images there are 3 dogs", "right", False),
        ("2 + 1 = 3", "right", False),
        ("I see 2 in the first and 1 in the second, so 3", "right", False),
        ("a dozen", "wrong", False),
        ("none", "wrong", False),
    ],
)
def test_counting_examples_of_the_released_scorer(answer, strict, released):
    assert count(answer) == strict
    assert mimic_release.counting_right(answer, "3") is released


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
        ("\\boxed{cat}", "right", True),
        ("<answer>cat</answer>", "right", True),
        ("<b>cat</b>", "right", True),
        ("ｃａｔ", "right", False),
        ("<think>a dog</think>cat", "right", True),
        ("~~cat~~ dog", "wrong", True),
        ("maybe a cat", "right", True),
        ("small red tractor", "wrong", False),
        ("very small red tractor", "unparseable", False),
        ("cat beside some yellow yarn", "right", True),
        ("all except cat", "unparseable", True),
        ("missing cat", "unparseable", True),
        ("I'm sorry", "unparseable", False),
    ],
)
def test_name_examples_of_the_released_scorer(answer, strict, released):
    assert name(answer) == strict
    assert mimic_release.name_right(answer, "cat") is released


@pytest.mark.parametrize(
    ("answer", "f1"), [("cat, dog", 0.5), ("cat, dog.", 0.0), ("cat,dog", 0.0), ("cat\ndog", 0.0)]
)
def test_listing_examples_of_the_released_scorer(answer, f1):
    assert mimic_release.listing_score([(answer, "cat, dog")]).f1 == f1
    assert kind("listing", answer, Names(("cat", "dog")), WORDS) == "right"


def test_the_leading_space_bug_can_be_left_out():
    assert mimic_release.listing_score([("cat", "cat")]).f1 == 0.0
    assert mimic_release.listing_score([("cat", "cat")], leading_space=False).f1 == 1.0
    assert mimic_release.listing_score([("cat, dog", "cat, dog")], leading_space=False).f1 == 1.0


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
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
        ("I can’t see 3 dogs", 3, "unparseable"),
        ("There weren't 3 dogs", 3, "unparseable"),
        ("more than 3", 3, "unparseable"),
        ("10000000000", 3, "unparseable"),
        ("There are no dogs but 3 cats", 0, "right"),
        ("> 3", 3, "unparseable"),
        ("≥3", 3, "unparseable"),
        ("~3", 3, "unparseable"),
        ("3+", 3, "unparseable"),
        ("3 or more", 3, "unparseable"),
        ("−3", 3, "unparseable"),
        ("minus 3", 3, "unparseable"),
        ("3–4", 3, "unparseable"),
        ("two hundred", 2, "unparseable"),
        ("half a dozen", 12, "wrong"),
        ("3 = 2 + 1", 2, "unparseable"),
        ("3 in total, at least 1 in each image", 3, "right"),
        ("over 2 images there are 3 dogs", 3, "right"),
        ("\\boxed{3}", 3, "right"),
        ("~~2~~ 3", 3, "right"),
        ("<think>2 + 2</think>3", 3, "right"),
        ("<think>3", 3, "unparseable"),
    ],
)
def test_counting_answers(answer, truth, expected):
    assert count(answer, truth) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("cat: 2, dog: 1", "right"),
        ("2 cats and 1 dog", "right"),
        ("2, 1", "right"),
        ("cats = two\ndogs = one", "right"),
        ("dog: 1, cat: 2", "right"),
        ("cat: 1, dog: 2", "wrong"),
        ("2", "unparseable"),
        ("cat: 2", "unparseable"),
        ("cat: 2, dog: 1 or 2", "unparseable"),
        ("3 animals, 2, 1", "unparseable"),
        ("cat: 2, cat: 3, dog: 1", "unparseable"),
        ("cat: 2 + 1 = 3, dog: 1", "wrong"),
        ("cat: 2+, dog: 1", "unparseable"),
        ("2 birds, 1 bus", "unparseable"),
        ("cat: >2, dog: 1", "unparseable"),
    ],
)
def test_counts_of_several_classes(answer, expected):
    assert kind("counting", answer, Counts((("cat", 2), ("dog", 1))), WORDS) == expected


@pytest.mark.parametrize(
    ("answer", "expected", "f1"),
    [
        ("dog and cat", "right", 1.0),
        ("1. cat\n2. dogs", "right", 1.0),
        ("- Cat\n- Dog", "right", 1.0),
        ("The images show a cat and a dog.", "right", 1.0),
        ("cat", "wrong", 2 / 3),
        ("cat, dog, unicorn", "wrong", 0.8),
        ("none", "wrong", 0.0),
        ("cat, no dog", "wrong", 2 / 3),
        ("hot dog", "wrong", 0.0),
        ("It is rather hard to say what these could be", "unparseable", 0.0),
        ("toy cat, dog", "wrong", 0.5),
    ],
)
def test_listing_answers(answer, expected, f1):
    assert judged("listing", answer, Names(("cat", "dog")), WORDS) == (expected, pytest.approx(f1))


@pytest.mark.parametrize(
    ("written", "truth"),
    [
        ("mice", "mouse"),
        ("people", "person"),
        ("human", "person"),
        ("Traffic Lights", "traffic light"),
        ("automobile", "car"),
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
    truth = Counts(tuple(counts.items()))
    assert kind("counting", truth.text, truth, RENDERED) == "right"
    shifted = Counts(tuple((key, value + 1) for key, value in counts.items()))
    assert kind("counting", shifted.text, truth, RENDERED) == "wrong"


@given(
    st.lists(NAMES, min_size=1, max_size=6, unique=True),
    st.sampled_from([", ", "\n", " and ", "; "]),
    st.booleans(),
)
def test_a_true_list_is_always_right(names, separator, plurals):
    answer = separator.join(plural(word) if plurals else word.capitalize() for word in names)
    assert judged("listing", answer, Names(tuple(names)), RENDERED) == ("right", 1.0)


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


def test_names_are_kept_in_the_order_of_the_answer():
    read = TASKS.get("listing").read("dogs, cat and a unicorn, dog", Names(()), (), WORDS)
    assert read == Names(("dog", "cat", "unicorn"))


def test_counts_are_kept_in_the_order_asked():
    truth = Counts((("cat", 0), ("dog", 0)))
    read = TASKS.get("counting").read("dog: 1, cat: 2", truth, (), WORDS)
    assert read == Counts((("cat", 2), ("dog", 1)))


def test_without_a_vocabulary_a_name_is_a_phrase():
    assert name("cat") == "right"
    assert kind("common", "the cat", Names(("cat",))) == "right"
    assert kind("common", "cats", Names(("cat",))) == "wrong"


@pytest.mark.parametrize("answer", ["9" * 400, "9" * 5000, "0" * 5000 + "3"])
def test_numbers_of_any_length_are_read_without_an_error(answer):
    assert count(answer) in ("right", "unparseable")
    assert mimic_release.counting_right(answer, "7") is False
