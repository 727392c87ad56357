"""Which option an answer takes: by letter, by text, never by guess."""

from __future__ import annotations

import pytest

from mimic_checks.tasks import TASKS, Choice, Vocabulary

ANIMALS = ("dog", "cat", "hot dog", "None of the choices provided")
NUMBERS = ("1", "2", "2.5", "12")
PICTURES = ("", "", "", "")
NO_NAMES = Vocabulary(())


def letter(answer, options=ANIMALS):
    read = TASKS.get("multiple_choice").read(answer, Choice(0, options), (), NO_NAMES)
    return read and read.text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("A", "A"),
        ("A.", "A"),
        ("(A)", "A"),
        ("a", "A"),
        ("a)", "A"),
        ("**A**", "A"),
        ("A) dog", "A"),
        ("A. dog", "A"),
        ("B: cat", "B"),
        ("B cat", "B"),
        ("B - cat", "B"),
        ("cat (B)", "B"),
        ("Answer: A", "A"),
        ("Answer: (b)", "B"),
        ("option A", "A"),
        ("Option B.", "B"),
        ("the answer is A", "A"),
        ("The correct answer is (B)", "B"),
        ("The correct option is B.", "B"),
        ("The answer is B, cat.", "B"),
        ("I think B", "B"),
        ("It's B.", "B"),
        ("I would choose C", "C"),
        ("B is correct.", "B"),
        ("A because it barks", "A"),
        ("B because it purrs", "B"),
        ("$\\boxed{B}$", "B"),
        ("（B）", "B"),
        ("B\nIt is no dog at all.", "B"),
        ("B. cat. The dog is too small.", "B"),
        ("First a dog is shown, then a cat. The answer is B.", "B"),
        ("cat", "B"),
        ("A cat", "B"),
        ("A dog.", "A"),
        ("Hot Dog", "C"),
        ("The answer is a hot dog.", "C"),
        ("The images show a cat.", "B"),
        ("The animal in the first image is a dog.", "A"),
        ("None of the choices provided", "D"),
        ("D. None of the choices provided", "D"),
        ("There is no doubt that the answer is B", "B"),
        ("B. It is a cat, not a dog.", "B"),
        ("<answer>B</answer>", "B"),
        ("Answer: B</s>", "B"),
        ("[B]", "B"),
        ("<B>", "B"),
        ("B.cat", "B"),
        ("cat(s)", "B"),
        ("The image(s) show a cat", "B"),
    ],
)
def test_one_option(answer, expected):
    assert letter(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "?",
        "A horse",
        "A person holding a toy",
        "Based on the images, it is hard to say",
        "The correct one is shown",
        "not A",
        "It is not A.",
        "A is not correct",
        "A is wrong",
        "The answer is not B",
        "A or B",
        "A, B",
        "A and B",
        "Both A and B",
        "A/B",
        "A, B and C",
        "A. dog\nB. cat",
        "A. cat",
        "(A) cat",
        "cat (A)",
        "cat(A)",
        "A. Not correct",
        "A. That option is wrong",
        "A. I am not sure",
        "option A cat",
        "The answer is A, cat",
        "dog and cat",
        "cat or dog",
        "E",
        "(F)",
        "I",
        "I cannot see the images, A",
        "I'm sorry, I can't tell",
        "I do not know",
        "Vitamin C",
        "Plan B",
        "none of them",
        "None of the above",
        "The answer is A. The answer is B.",
        "Answer: A. Wait, it is B.",
        "If the answer is A, the dog barks",
        "Wrong answer: A",
        "hot dogs and dog-like things",
        "unlike a dog",
    ],
)
def test_no_option(answer):
    assert letter(answer) is None


@pytest.mark.parametrize(
    ("answer", "options", "expected"),
    [
        ("2", NUMBERS, "B"),
        ("2.", NUMBERS, "B"),
        ("2.5", NUMBERS, "C"),
        ("12", NUMBERS, "D"),
        ("3", NUMBERS, None),
        ("The answer is 2.5", NUMBERS, "C"),
        ("B. 2", NUMBERS, "B"),
        ("B. 1", NUMBERS, None),
        ("1", NUMBERS, "A"),
        ("B", PICTURES, "B"),
        ("Image B", PICTURES, None),
        ("The answer is image B", PICTURES, None),
        ("A picture", PICTURES, None),
        ("No", ("Yes", "No"), "B"),
        ("No, there is nothing", ("Yes", "No"), None),
        ("not visible", ("visible", "not visible"), "B"),
        ("It is not visible.", ("visible", "not visible"), "B"),
        ("same", ("same", "different", "same"), "A"),
        ("cat", ("Cat", "cat"), None),
        ("B", ("Cat", "cat"), "B"),
        ("C. same", ("same", "different", "same"), "C"),
        ("B", ("B", "A"), None),
        ("B. A", ("B", "A"), None),
        ("I", tuple(f"text {n}" for n in range(10)), "I"),
        ("The answer is I.", tuple(f"text {n}" for n in range(10)), "I"),
        ("I think so", tuple(f"text {n}" for n in range(10)), None),
        ("A red car.", ("a red car.", "a blue car."), "A"),
        ("the  blue\ncar", ("a red car.", "the blue car."), "B"),
    ],
)
def test_options_that_look_like_other_things(answer, options, expected):
    assert letter(answer, options) == expected
