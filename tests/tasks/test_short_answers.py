"""Yes or no, numbers and short texts: what is said clearly is read, nothing else."""

from __future__ import annotations

import pytest

from mimic_checks.tasks import TASKS, Number, ShortText, Unread, Vocabulary, YesNo
from tests.tasks.reading import kind

NO_NAMES = Vocabulary(())


def yes(answer):
    read = TASKS.get("yes_no").read(answer, YesNo(True), (), NO_NAMES)
    return None if isinstance(read, Unread) else read.text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("yes", "yes"),
        ("Yes.", "yes"),
        ("**No**", "no"),
        ("No!", "no"),
        ("'no'", "no"),
        ("True", "yes"),
        ("False.", "no"),
        ("Yes, there is a dog.", "yes"),
        ("No, there is a cat instead.", "no"),
        ("No, there isn't.", "no"),
        ("no there is not", "no"),
        ("No - the images differ", "no"),
        ("Answer: yes", "yes"),
        ("The answer is no.", "no"),
        ("The first shows a dog, the second shows none. Final answer: No", "no"),
        ("There is no doubt that the answer is yes", "yes"),
        ("I think yes", "yes"),
        ("I would say no.", "no"),
        ("Of course not.", "no"),
        ("Definitely", "yes"),
        ("It is.", "yes"),
        ("It is not.", "no"),
        ("They don't", "no"),
        ("It isn't", "no"),
        ("They are", "yes"),
        ("Yes\nThe dog is on the left.", "yes"),
        ("No. The dog is on the left.", "no"),
        ("<answer>no</answer>", "no"),
        ("Yes (there is)", "yes"),
        ("\\boxed{Yes}", "yes"),
        ("$\\text{no}$", "no"),
        ("~~Yes~~ No", "no"),
        ("<think>\nno\n</think>\n\nyes", "yes"),
        ("\ufeffYes\u200b", "yes"),
        ("No—there is a cat", "no"),
        ("Yes, there is no dog", "yes"),
        ("Yes, wait, no", "no"),
    ],
)
def test_yes_and_no(answer, expected):
    assert yes(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "No doubt there is a dog",
        "No dogs are missing",
        "There is no dog in the image",
        "no one knows",
        "No problem! Which image do you mean?",
        "yes and no",
        "Yes or no",
        "yes/no",
        "Yes. No.",
        "No. Yes.",
        "yes, no",
        "maybe",
        "not sure",
        "I cannot tell",
        "neither",
        "Yesterday",
        "Nobody",
        "The answer is yes and no",
        "The answer is yes. The answer is no.",
        "I don't know whether the answer is yes",
        "No, the answer is yes",
        "No.1",
        "No. 1 is a dog",
        "A dog",
        "3",
        "It is not clear",
        "knows",
        "Yes, if it is a dog",
        "Yes. Wait, I see two cats",
        "No, unless it is a dog",
        "Yes, maybe",
        "Yes, nothing",
        "No, I can't answer that",
        "No, I cannot help with that",
        "No. of dogs: 3",
        "no-one",
        "Yes\u2028No",
        "<think>yes",
    ],
)
def test_neither_yes_nor_no(answer):
    assert yes(answer) is None


def number(answer):
    read = TASKS.get("number").read(answer, Number(0), (), NO_NAMES)
    return None if isinstance(read, Unread) else read.number


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("3", 3),
        ("3.", 3),
        ("-3", -3),
        ("−3", -3),
        ("3.25", 3.25),
        (".5", 0.5),
        ("1,234", 1234),
        ("1,234,567.5", 1234567.5),
        ("three", 3),
        ("Twenty-one.", 21),
        ("a dozen", 12),
        ("none", 0),
        ("5 cm", 5),
        ("5cm", 5),
        ("$5", 5),
        ("5 (five)", 5),
        ("x = 3", 3),
        ("only one", 1),
        ("50%", 50),
        ("45°", 45),
        ("about 12 metres", 12),
        ("The answer is 7", 7),
        ("Answer: **7.5**", 7.5),
        ("2 + 1 = 3", 3),
        ("There are 4 dogs in image 2", 4),
        ("4, yes 4", 4),
        ("In the first there are 2, in the second 3. The answer is 5.", 5),
        ("1989", 1989),
        ("\\boxed{3}", 3),
        ("x = 2 + 1 = 3", 3),
        ("~~3~~ 4", 4),
        ("<think>2 or 3</think> 3", 3),
        ("3 and a half", 3.5),
        ("3½", 3.5),
        ("1/2", 0.5),
        ("one half", 0.5),
        ("two thirds", 2 / 3),
        ("one fourth", 0.25),
        ("3 million", 3_000_000),
        ("two hundred", 200),
        ("half a dozen", 6),
        ("minus 5", -5),
        ("3, wait, 4", 4),
        ("3, sorry", 3),
    ],
)
def test_numbers(answer, expected):
    assert number(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "several",
        "at least 3",
        "more than 3",
        "up to 3",
        "3 or 4",
        "3-4",
        "3 to 4",
        "between 3 and 4",
        "3+",
        ">3",
        "~3",
        "3²",
        "10^3",
        "3:30",
        "2021-05-03",
        "3,5",
        "1.2.3",
        "v3x",
        "3rd",
        "not 3",
        "I cannot see 3 dogs",
        "The answer is 3. The answer is 4.",
        "9" * 400,
        "3 dozen",
        "a few dozen",
        "image 3",
        "12,34",
        "the one in the middle",
        "3 each",
        "3 more",
        "3 != 4",
        "5 out of 10",
        "- 3 dogs and 2 cats",
        "x = 3, y = 4",
        "3, the 4th is hidden",
        "–3",
        "3–4",
        "≈3",
        "3-ish",
        "a 3-legged dog",
        "5 k",
        "It wasn't 3",
        "There weren’t 3",
    ],
)
def test_no_number(answer):
    assert number(answer) is None


@pytest.mark.parametrize(
    ("said", "true", "tolerance", "right"),
    [
        ("3", 3, 0, True),
        ("3.0", 3, 0, True),
        ("3.1", 3, 0.1, True),
        ("3.3", 3, 0.3, True),
        ("0.3", 0.1, 0.2, True),
        ("3.11", 3, 0.1, False),
        ("2.9", 3, 0.1, True),
        ("2.89", 3, 0.1, False),
        ("-3", 3, 0, False),
    ],
)
def test_a_tolerance_counts_in_decimals(said, true, tolerance, right):
    assert kind("number", said, Number(true, tolerance)) == ("right" if right else "wrong")


WEEKDAY = ShortText(("the Eiffel Tower", "Tour Eiffel", "C#"))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("the Eiffel Tower", "right"),
        ("Eiffel Tower", "right"),
        ("eiffel tower.", "right"),
        ("EIFFEL TOWER", "right"),
        ("An Eiffel Tower", "right"),
        ('"Eiffel Tower"', "right"),
        ("**Eiffel Tower**", "right"),
        ("“Eiffel  Tower”", "right"),
        ("The answer is the Eiffel Tower.", "right"),
        ("Answer: Eiffel Tower", "right"),
        ("It has four legs. The answer is: Tour Eiffel!", "right"),
        ("tour eiffel", "right"),
        ("C#", "right"),
        ("\nEiffel Tower\n", "right"),
        ("C", "wrong"),
        ("C++", "wrong"),
        ("\\boxed{Eiffel Tower}", "right"),
        ("$\\boxed{\\text{Eiffel Tower}}$", "right"),
        ("<answer>Eiffel Tower</answer>", "right"),
        ("Eiffel Tower</s>", "right"),
        ("Eiffel Tower<|im_end|>", "right"),
        ("\ufeffEiffel Tower\u200b\x00", "right"),
        ("Ｅiffel Tower", "right"),
        ("«Eiffel Tower»", "right"),
        ("<think>Big Ben?</think>\nEiffel Tower", "right"),
        ("~~Big Ben~~ Eiffel Tower", "right"),
        ("~~Eiffel Tower~~", "unparseable"),
        ("<think>The answer is the Eiffel Tower", "unparseable"),
        ("Eiffel", "wrong"),
        ("Not the Eiffel Tower", "wrong"),
        ("Eiffel Towers", "wrong"),
        ("Eiffel Tower and Big Ben", "wrong"),
        ("Big Ben", "wrong"),
        ("The answer is Big Ben", "wrong"),
        ("", "unparseable"),
        ("  \n ", "unparseable"),
        ("I cannot see any image.", "unparseable"),
        ("I'm sorry, I can't help with that", "unparseable"),
        ("As an AI, I see nothing", "unparseable"),
        ("Eiffel Tower\nBig Ben", "unparseable"),
        ("The answer is Big Ben. The answer is the Eiffel Tower.", "unparseable"),
        ("I doubt that the answer is the Eiffel Tower", "unparseable"),
        (" ".join(["word"] * 41), "unparseable"),
    ],
)
def test_short_texts(answer, expected):
    assert kind("short_text", answer, WEEKDAY) == expected


@pytest.mark.parametrize(
    ("answer", "accepted", "expected"),
    [
        (".5", "5", "wrong"),
        ("5", ".5", "wrong"),
        (".5.", ".5", "right"),
        ("$5", "5", "wrong"),
        ("$5$", "5", "right"),
        ("-5", "5", "wrong"),
        ("cafe\u0301", "caf\u00e9", "right"),
        ("rock'n'roll", "rock’n’roll", "right"),
        ("東京。", "東京", "right"),
        ("STRASSE", "Straße", "right"),
        ("<html>", "<html>", "right"),
        ("<body>", "<html>", "wrong"),
        ("?", "!", "unparseable"),
    ],
)
def test_marks_that_say_something_are_kept(answer, accepted, expected):
    assert kind("short_text", answer, ShortText((accepted,))) == expected


def test_a_short_text_has_forty_words_at_most():
    longest = " ".join(["word"] * 40)
    assert kind("short_text", longest, ShortText((longest,))) == "right"
