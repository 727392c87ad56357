"""Kinds of answers that were once read wrong in silence: no line of them may be, whatever share of
the corpora might."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.read_answers import lines_of, read_line, verdict
from mimic_checks.tasks import Counts, Names, Vocabulary
from tests.tasks.reading import kind
from tests.tasks.test_corpora import FOLDER

KINDS = ("groups of images", "denials and sums")
ANIMALS = ("dog", "cat", "horse", "bird", "cow")
VOCABULARY = Vocabulary((*ANIMALS, "cup", "wine glass", "car"))
LINES = [
    line
    for name in ("answers", "odd_one")
    for line in lines_of(str(FOLDER / f"{name}.jsonl"))
    if line.kind in KINDS
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.answer[:40])
def test_what_is_not_read_as_it_is_meant_is_not_read(line):
    reading = read_line(line, VOCABULARY)
    assert verdict(line, reading, VOCABULARY) != "misread", reading


@given(
    noun=st.sampled_from(["images", "pictures", "photos", "Images"]),
    group=st.lists(st.integers(3, 20), min_size=2, max_size=4, unique=True).map(sorted),
    join=st.sampled_from(["-", "–", " to ", " through ", " and ", ", and ", " & ", " or "]),
    number=st.integers(1, 9),
    form=st.sampled_from(
        [
            "Image 1: {n} dogs; {g}: none",
            "{g}: none. Image 1: {n} dogs.",
            "Image 1 has {n} dogs. There are no dogs in {g}.",
            "No dogs in {g}, but {n} dogs in image 1.",
        ]
    ),
)
def test_the_numbers_of_images_are_no_counts(noun, group, join, number, form):
    places = f"{', '.join(map(str, group[:-1]))}{join}{group[-1]}"
    answer = form.format(n=number, g=f"{noun} {places}")
    assert kind("counting", answer, Counts((("dog", number),)), VOCABULARY) == "right"
    for there in (f"{noun} {places}: {number} dogs", f"There are {number} dogs in {noun} {places}"):
        assert kind("counting", there, Counts((("dog", number),)), VOCABULARY) == "unparseable"


@given(
    said=st.sampled_from(ANIMALS),
    denied=st.lists(st.sampled_from(ANIMALS), min_size=2, max_size=4, unique=True),
    form=st.sampled_from(["There is a {s} but no {d}.", "I see a {s}, but there are no {d}."]),
    last=st.sampled_from([" or ", ", or "]),
)
def test_a_denial_reaches_every_name_of_its_list(said, denied, form, last):
    denied = [f"{name}s" for name in denied if name != said] or ["cups"]
    answer = form.format(s=said, d=last.join(filter(None, (", ".join(denied[:-1]), denied[-1]))))
    assert kind("listing", answer, Names((said,)), VOCABULARY) == "right"


@given(
    named=st.lists(st.sampled_from(ANIMALS), min_size=1, max_size=4, unique=True),
    nothing=st.sampled_from(["none", "nothing", "(none)", "No animals visible.", "0"]),
    form=st.sampled_from(["lines", "table", "json"]),
)
def test_an_image_with_nothing_takes_nothing_from_another(named, nothing, form):
    rows = [*named, nothing]
    answer = {
        "lines": "\n".join(f"Image {k}: {row}" for k, row in enumerate(rows, 1)),
        "table": "| Image | Animals |\n|---|---|\n"
        + "\n".join(f"| {k} | {row} |" for k, row in enumerate(rows, 1)),
        "json": "{" + ", ".join(f'"image {k}": "{row}"' for k, row in enumerate(rows, 1)) + "}",
    }[form]
    assert kind("listing", answer, Names(tuple(named)), VOCABULARY) == "right"


@given(
    there=st.dictionaries(st.sampled_from(ANIMALS), st.booleans(), min_size=2),
    words=st.sampled_from([("2", "0"), ("True", "False"), ("yes", "no"), ("✓", "✗")]),
    form=st.sampled_from(["{}: {}\n", "| {} | {} |\n"]),
)
def test_a_class_said_not_to_be_there_is_not(there, words, form):
    answer = "".join(form.format(name, words[not true]) for name, true in there.items())
    if form.startswith("|"):
        answer = f"| Animal | Count |\n|---|---|\n{answer}"
    if not any(there.values()):
        return
    truth = Names(tuple(name for name, true in there.items() if true))
    assert kind("listing", answer, truth, VOCABULARY) == "right"
