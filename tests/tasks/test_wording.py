"""The wording of questions, written out: a changed word is a changed benchmark."""

from __future__ import annotations

import pytest

from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import TASKS, TEMPLATES

COUNTING = {
    "plain": "How many dogs are there in this image? Answer with a number.",
    "instruct": "Count the dogs in this image. Give only the total number.",
    "mimic": "Question: How many dogs are there in this image?\nAnswer:",
    "singular": "Count every dog in this image. Give only the total number.",
}
SEVERAL = {
    "plain": "How many dogs, people and keys are there in these images? Answer in the form"
    " dog: number, person: number, key: number.",
    "instruct": "Count the dogs, people and keys in these images. Give only the totals in the form"
    " dog: number, person: number, key: number.",
    "mimic": "Question: How many dogs, people and keys are there in these images, in the form"
    " dog: number, person: number, key: number?\nAnswer:",
    "singular": "Count every dog, every person and every key in these images. Give only the totals"
    " in the form dog: number, person: number, key: number.",
}
LISTING = {
    "plain": "Which kinds of animal are in these images? Answer with a list of names.",
    "instruct": "List every kind of animal in these images. Give only the names, separated by"
    " commas.",
    "mimic": "Question: Which kinds of animal are in these images? Please provide the list of"
    " category names directly.\nAnswer:",
    "singular": "List every kind of animal in these images. Give only the names, separated by"
    " commas.",
}
COMMON = {
    "plain": "Which kind of object is in all of these images? Answer with its name.",
    "instruct": "Name the object that every one of these images shows. Give only the name.",
    "mimic": "Question: Which kind of object is in all of these images?\nAnswer:",
    "singular": "Name the object that every one of these images shows. Give only the name.",
}
ODD_ONE = {
    "plain": "Which kind of object is in fewer of these images than the others? Answer with its"
    " name.",
    "instruct": "Name the object that the fewest of these images show. Give only the name.",
    "mimic": "Question: Which kind of object is in fewer of these images than the others?\nAnswer:",
    "singular": "Name the object that the fewest of these images show. Give only the name.",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_questions_of_mimic(template):
    counting, listing = TASKS.get("counting"), TASKS.get("listing")
    assert counting.question(template, classes=["dog"], images=1) == COUNTING[template]
    classes = ["dog", "person", "key"]
    assert counting.question(template, classes=classes, images=4) == SEVERAL[template]
    assert listing.question(template, category="animal", images=2) == LISTING[template]
    assert TASKS.get("common").question(template, images=3) == COMMON[template]
    assert TASKS.get("odd_one").question(template, images=3) == ODD_ONE[template]


def test_options_in_text_are_one_piece():
    ask = TASKS.get("multiple_choice").question
    stem = TASKS.get("common").stem(images=2)
    assert ask("mimic", stem=stem, options=["dog", "hot dog"]) == (
        "Question: Which kind of object is in all of these images?\nA. dog\nB. hot dog"
        "\nAnswer with the option's letter.",
    )
    assert ask("plain", stem="Which?", options=["1", "2", "3"]) == (
        "Which?\nA. 1\nB. 2\nC. 3\nAnswer with the option's letter.",
    )


def test_images_stand_between_the_letters_of_their_options():
    pieces = TASKS.get("multiple_choice").question(
        "instruct", stem="Which is darker?", options=[None, None, "neither"]
    )
    assert pieces == (
        "Which is darker?\nA. ",
        None,
        "\nB. ",
        None,
        "\nC. neither\nGive only the letter of the right option.",
    )


@pytest.mark.parametrize("options", [["dog"], [], ["dog", ""], ["x"] * 27])
def test_options_that_no_letters_can_name_are_refused(options):
    with pytest.raises(InvalidArgument, match="2 to 26 texts"):
        TASKS.get("multiple_choice").question("plain", stem="?", options=options)


@pytest.mark.parametrize("task", ["yes_no", "number", "short_text"])
def test_a_stem_may_hold_anything(task):
    ask = TASKS.get(task).question
    for template in TEMPLATES:
        assert "Is {x} %s a {}?" in ask(template, stem="Is {x} %s a {}?")
    assert ask("mimic", stem="Is it?") == "Question: Is it?\nAnswer:"


def test_an_unknown_template_names_the_known_ones():
    with pytest.raises(InvalidArgument, match="template='plane' is not allowed.*did you mean"):
        TASKS.get("common").question("plane", images=2)
    with pytest.raises(InvalidArgument, match="template="):
        TASKS.get("multiple_choice").question("any", stem="?", options=["a1", "b1"])
