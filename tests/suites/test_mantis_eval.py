"""Mantis-Eval: options with letters of their own, short answers, and a parser that takes the first
letter for the answer."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import SuiteError
from mimic_checks.suites.item import Refused
from mimic_checks.suites.mantis import mantis_choice
from mimic_checks.suites.mantis_eval import MANTIS_EVAL
from mimic_checks.suites.rotation import rotations
from mimic_checks.tasks.truth import Choice, ShortText
from tests.suites import hub_parquet
from tests.suites.scenes import scene

COLUMNS = ("id", "question_type", "question", "options", "answer", "category", "data_source")
LETTERED = ["(A) a red car", "(B) a blue car", "(C) I"]


def row(id_, *pictures, **changes):
    made = {
        "id": id_,
        "question_type": "multi-choice",
        "question": "<image> and <image>: which?",
        "images": [scene(number) for number in pictures],
        "options": LETTERED,
        "answer": "B",
        "category": "compare",
        "data_source": "web",
    }
    return {**made, **changes}


def short(id_, *pictures, **changes):
    made = {"question_type": "short-answer", "question": "What is there?", "options": []}
    return row(id_, *pictures, **{**made, "answer": "Two dogs", **changes})


def write(folder, *rows, columns=COLUMNS):
    path = folder / "mantis_eval" / "test-00000-of-00001.parquet"
    values = {name: [one[name] for one in rows] for name in (*columns, "images")}
    hub_parquet.write(path, values, lists=["images"])
    return folder


def read(folder):
    return list(MANTIS_EVAL.read(folder))


def test_every_row_is_an_item_as_the_file_has_it(tmp_path):
    rows = [row("1", 1, 2), short("2", 3, question="Which? <image>"), row("3", 4, 5, answer="(C)")]
    for item, one in zip(read(write(tmp_path, *rows)), rows, strict=True):
        assert (item.id, item.category) == (one["id"], one["category"])
        assert [picture.read() for picture in item.images] == one["images"]
        words = "".join("<image>" if isinstance(part, int) else part for part in item.question)
        assert words.endswith(one["question"])
        assert [text for (text,) in item.options] == [
            re.sub(r"^\([A-C]\) ", "", option) for option in one["options"]
        ]
        if one["options"]:
            assert item.truth.text == one["answer"].strip("()")
        else:
            assert item.truth == ShortText((one["answer"],))


@pytest.mark.parametrize(
    ("question", "options", "pieces"),
    [
        ("Which?", ["(A) x", "(B) y"], [(0, 1, 2, "Which?"), ("x",), ("y",)]),
        ("<image>, which?", ["(A) <image>", "(B) y"], [(0, 1, ", which?"), (2,), ("y",)]),
        ("<image><image><image> Which?", ["A. x", "B. y"], [(0, 1, 2, " Which?"), ("x",), ("y",)]),
        ("Which?", ["<image>", "B: <image>"], [(0, "Which?"), (1,), (2,)]),
        ("Which?", ["B. x", "A. y"], [(0, 1, 2, "Which?"), ("B. x",), ("A. y",)]),
    ],
)
def test_images_without_a_mark_come_first(tmp_path, question, options, pieces):
    """Marks in the question, then in the options; letters are cut off where they are an option's
    own."""
    (item,) = read(write(tmp_path, row("1", 1, 2, 3, question=question, options=options)))
    assert [item.question, *item.options] == pieces


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"answer": "D"}, "its gold 'D' is not one of its options A to C"),
        ({"answer": "(?)"}, "its gold '?' is not one of its options A to C"),
        ({"answer": ""}, "it has no answer"),
        ({"question": "<image>" * 3}, "3 placeholders <image> and 2 images"),
        ({"options": ["(A) <image>", "(B) x"]}, "3 placeholders <image> and 2 images"),
        ({"options": ["(A) x"]}, "its options ['x'] are not 2 to 26 texts"),
        ({"options": ["(A) x", "(B)"]}, "its options ['x', ''] are not 2 to 26 texts"),
        ({"question_type": "essay"}, "its question_type 'essay' is neither 'multi-choice' nor"),
    ],
)
def test_an_impossible_row_is_refused(tmp_path, changes, said):
    good, bad = read(write(tmp_path, row("1", 1, 2), row("2", 1, 2, **changes)))
    assert good.id == "1"
    assert isinstance(bad, Refused)
    assert bad.id == "2"
    assert said in bad.reason


def test_hidden_answers_and_other_columns_are_refused_at_load(tmp_path):
    hidden = write(tmp_path / "hidden", row("1", 1, 2, answer=""), short("2", 1, answer=""))
    with pytest.raises(SuiteError, match="hides its answers"):
        read(hidden)
    columns = [name for name in COLUMNS if name != "question_type"]
    other = write(tmp_path / "other", row("1", 1, 2), columns=columns)
    with pytest.raises(SuiteError, match="no column 'question_type'"):
        read(other)


def test_categories(tmp_path):
    folder = write(tmp_path, row("1", 1, 2), row("2", 1, 2, category=""), row("3", 2, 1))
    assert MANTIS_EVAL.categories(folder) == ["compare", "questions"]
    assert [item.category for item in read(folder)] == ["compare", "questions", "compare"]


LETTER = "\nAnswer with the option's letter from the given choices directly."


def test_prompts_of_multiple_choice(tmp_path):
    (item,) = read(write(tmp_path, row("1", 1, 2, options=["(A) x", "B. y", "z"])))
    templates = {name: template(item) for name, template in MANTIS_EVAL.templates.items()}
    assert templates == {
        "official": (0, " and ", 1, f": which?\n (A) x\n B. y\n (C) z{LETTER}"),
        "ours": (*(0, " and ", 1), ": which?\nA. x\nB. y\nC. z\nAnswer with the option's letter."),
        "lmms-eval": (0, " and ", 1, f": which?{LETTER}['(A) x', 'B. y', 'z']"),
        "InternVL": (
            *("Image-1: ", 0, "\nImage-2: ", 1),
            f"\nImage-1 and Image-2: which?\n(A) x\nB. y\nz{LETTER}",
        ),
    }
    turned = rotations(item)[1]
    assert MANTIS_EVAL.templates["official"](turned)[-1] == (
        f": which?\n (A) y\n (B) z\n (C) x{LETTER}"
    )


def test_prompts_of_short_answers(tmp_path):
    (item,) = read(write(tmp_path, short("1", 1, 2, question="What is in <image>?")))
    templates = {name: template(item) for name, template in MANTIS_EVAL.templates.items()}
    official = (
        0,
        "Given the images, answer the following short answer vqa question:\nQ: What is in ",
        1,
        '?\nYou can first give your analysis, and then give your final answer as "Final Answer:"',
    )
    assert templates == {
        "official": official,
        "lmms-eval": official,
        "ours": (0, "What is in ", 1, "? Answer with a few words."),
        "InternVL": (
            *("Image-1: ", 0, "\nImage-2: ", 1),
            "\nWhat is in Image-1?\nAnswer the question using a single word or phrase.",
        ),
    }


@pytest.mark.parametrize(
    ("answer", "official", "internvl"),
    [
        ("B", 1, 1),
        ("(B)", 1, 1),
        ("(B) a blue car", 1, 1),
        ("B.", 1, 0),
        ("b", 1, 0),
        ("a blue car", 0, 0),  # the article is A
        ("Blue", 1, 0),  # its first letter is B
        ("Answer: B", 1, 0),
        ("The answer is (B).", 1, 0),
        ("A? No. Final answer: B", 1, 0),
        ("the answer is C. Final answer: B", 1, 0),  # "final answer:" goes first
        ("The correct answer is B", 0, 0),  # no lead, and T is no option
        ("I think B", 0, 0),
        ("It is B", 0, 0),  # I is no option: the whole text is compared
        ("", 0, 0),
        ("42", 0, 0),
    ],
)
def test_letters_of_multiple_choice(tmp_path, answer, official, internvl):
    (item,) = read(write(tmp_path, row("1", 1, 2, options=LETTERED[:2])))
    points = {name: score.rule(item, answer).expected for name, score in MANTIS_EVAL.scores.items()}
    assert points["official"] == points["lmms-eval"] == official
    assert points["InternVL"] == internvl


def test_an_answer_whose_first_letter_is_no_option_counts_by_its_text(tmp_path):
    options = ["(A) in the left image", "(B) in the right image"]
    (item,) = read(write(tmp_path, row("1", 1, 2, options=options)))
    rule = MANTIS_EVAL.scores["official"].rule
    assert rule(item, " in the right image\n").expected == 1
    assert rule(item, "in the left image").expected == 0
    assert rule(item, "In the right image").expected == 0  # exactly


@pytest.mark.parametrize(
    ("answer", "official", "internvl"),
    [
        ("two dogs", 1, 1),
        ("Two dogs.", 0, 0),
        ("There are two. Final Answer: TWO DOGS ", 1, 0),
        (" two dogs", 0, 0),  # stripped only after a lead
        ("dogs", 0, 0),
    ],
)
def test_short_answers(tmp_path, answer, official, internvl):
    (item,) = read(write(tmp_path, short("1", 1)))
    points = {name: score.rule(item, answer).expected for name, score in MANTIS_EVAL.scores.items()}
    assert points["official"] == points["lmms-eval"] == official
    assert points["InternVL"] == internvl


def test_both_kinds_are_counted_apart(tmp_path):
    items = read(write(tmp_path, row("1", 1, 2), row("2", 2, 1), row("3", 1, 3), short("4", 1)))
    assert {type(item.truth) for item in items} == {Choice, ShortText}
    scored = list(zip(items, [1, 1, 0, 0], strict=True))
    numbers = {name: score.aggregate(scored) for name, score in MANTIS_EVAL.scores.items()}
    assert numbers["official, multiple choice"] == pytest.approx(2 / 3)
    assert numbers["official, short answer"] == 0
    assert numbers["official"] == numbers["lmms-eval"] == 0.5
    alone = MANTIS_EVAL.scores["official, short answer"].aggregate(scored[:3])
    assert math.isnan(alone)


def oracle(answer, right, options):
    """Whether an answer is right by the description, step by step."""
    said = answer
    for lead in ("final answer:", "the answer is", "answer:"):
        _, found, rest = answer.lower().partition(lead)
        if found:
            said = answer[len(answer) - len(rest) :].strip()
            break
    place = None
    for character in said:
        if character.isalpha():
            place = ord(character.upper()) - ord("A")
            break
    if place is not None and place < len(options):
        return place == right
    return answer.strip() == options[right]


WORDS = st.sampled_from(
    ["A", "b", "(C)", "I", "think", "the answer is", "Final Answer:", "answer:", ".", "12", "dog"]
)


@given(st.lists(WORDS, max_size=6).map(" ".join), st.integers(0, 2))
def test_any_answer_is_scored_as_the_words_say(answer, right):
    options = ["dog", "12", "I think"]
    assert mantis_choice(answer, right, options).expected == oracle(answer, right, options)
