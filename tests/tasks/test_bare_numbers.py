"""Answers of numbers alone: a list is summed only where nobody would say it of one image."""

from __future__ import annotations

import pytest

from mimic_checks.read_answers import Line, coco_classes, read_line
from mimic_checks.tasks import Unread, Vocabulary
from mimic_checks.tasks.counting import Counting
from mimic_checks.tasks.unread import TOO_LONG

VOCABULARY = Vocabulary(coco_classes())


def read(answer, *classes):
    said = Line(1, "counting", answer, classes or ("dog",), (), "", has_fair=False, fair=None)
    return read_line(said, VOCABULARY)


@pytest.mark.parametrize(
    "answer",
    ["1 1", "3 3 3 3", "2 and 3", "2, 3", "1, 1, 1", "4\n4", "3.\n3.\n3.", "1 2 3 4", "1 " * 8000],
)
def test_numbers_of_one_class_are_several_values(answer):
    assert "several values" in str(read(answer))


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ("1, 1", 2),
        ("1 and 1", 2),
        ("3 (three)", 3),
        ("2 dogs, 2 dogs", 2),
        ("Image 1: 2\nImage 2: 3", 5),
    ],
)
def test_pairs_restatements_and_named_images_are_read(answer, count):
    assert read(answer) == read(f"There are {count} dogs in total.")


def test_an_answer_without_end_is_not_read_at_all(monkeypatch):
    monkeypatch.setattr(Counting, "read", lambda *given: pytest.fail("was read"))
    assert read("<think>" + "1 " * 2_000_000 + "2") == Unread(TOO_LONG)


def test_one_number_for_each_asked_class_is_a_list():
    assert read("2 and 1", "dog", "cat") == read("2 dogs, 1 cat", "dog", "cat")
    assert "several values" in str(read("2 1 2 1", "dog", "cat"))
