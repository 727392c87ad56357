"""VLMEvalKit's matcher: cases by hand, and a second one that shares no code with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.suites.rules.vlmevalkit import vlmevalkit_letter

OPTIONS = ["a red car", "a blue car", "two dogs", "none of these"]


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("Answer: C", "C"),
        ("I am sure that it must be C", "C"),
        ("B because I say so", None),  # not among the last four words
        ("B as I say", "B"),
        ("A car that is blue: B", None),  # the article makes two letters
        ("It is a car", None),
        ("A dog", "A"),  # the article alone
        ("b", None),  # small letters do not stand alone
        ("E", None),  # no option
        ("B or C", None),
        ("B B", "B"),
        ("The correct answer is **B**. Here is why: the car is blue.", "B"),
        ("The answer is c, as far as one sees from here", "C"),
        ("The answer is blue, as far as one sees", "B"),  # the b of blue
        ("The answer is a dog that sits there", "A"),
        ("two dogs", "C"),
        ("There are Two Dogs.", "C"),
        ("a red car and two dogs", None),
        ("two dogs" + ", I say" * 20, None),  # longer than twice all options
        ("Sorry, I can't help with images of people yet.", "Z"),
        ("Cannot determine the answer: B", "Z"),
        ("Z", "Z"),
        ("Failed to obtain answer via API", None),
        ("Failed to obtain answer via API: B", None),
        ("", None),
    ],
)
def test_the_letter_by_hand(answer, letter):
    assert vlmevalkit_letter(answer, OPTIONS) == letter


def test_only_a_to_d_are_stated():
    options = [str(number) * 30 for number in range(1, 7)]
    said = "The answer is {}, which is what I see here"
    assert vlmevalkit_letter(said.format("D"), options) == "D"
    assert vlmevalkit_letter(said.format("E"), options) is None
    assert vlmevalkit_letter(said.format("D"), options[:3]) is None


def test_the_text_counts_up_to_twice_all_options():
    options = ["cat", "dog"]
    assert vlmevalkit_letter("it: dog" + "!" * 5, options) == "B"
    assert vlmevalkit_letter("it: dog" + "!" * 6, options) is None


def oracle(answer, options):
    """The description in words, word by word."""
    letters = [chr(ord("A") + number) for number in range(len(options))]
    plain = "".join(" " if mark in ".()[],:;!*#{}" else mark for mark in answer)
    words = [word for word in plain.split() if word]
    alone = {word for word in words if word in letters}
    if len(alone) == 1:
        (letter,) = alone
        first = min(place for place, word in enumerate(words) if word == letter)
        if first in range(max(0, len(words) - 4), len(words)):
            return letter
    if not alone and "Z" in words:
        return "Z"
    lowered = answer.lower()
    starts = [at for at in range(len(answer)) if lowered.startswith("answer", at)]
    for at in starts:
        rest = lowered[at + len("answer") :]
        if rest[:1].isspace() and rest.lstrip().startswith("is"):
            after = rest.lstrip()[2:]
            if after[:1].isspace():
                stated = after.lstrip().lstrip("*")[:1]
                if stated in ("a", "b", "c", "d"):
                    if stated.upper() in letters:
                        return stated.upper()
                    break
    if len(answer) <= 2 * len("".join(options)):
        held = [x for x, text in zip(letters, options, strict=True) if text.lower() in lowered]
        if len(held) == 1:
            return held[0]
    return None


WORDS = st.sampled_from(
    "A B C D E Z a b (A) B. **C** the answer is correct blue dog cat I , : is* * \t".split(" ")
)
OPTION = st.sampled_from(["blue dog", "cat", "the", "dog"])


@given(
    st.lists(WORDS, max_size=9).map(" ".join), st.lists(OPTION, min_size=2, max_size=4, unique=True)
)
def test_any_answer_is_read_as_the_words_say(answer, options):
    assert vlmevalkit_letter(answer, options) == oracle(answer, options)
