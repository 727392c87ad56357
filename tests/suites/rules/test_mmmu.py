"""MMMU's reading of an answer, as MuirBench's script has it, against rules written down plainly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.suites.rules.mmmu import mmmu_letter

OPTIONS = ["a red boat", "two boats", "Boat", "none"]


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("(A)", "A"),
        ("(A) or (C)", "C"),
        ("(C) or (A) or (C)", "C"),
        ("A", "A"),
        ("A or B", "B"),
        ("'A'.", "A"),
        ("'A.'", None),  # each kind of mark comes off in its turn, the quotes last
        ("!A.", "A"),
        ("A.!", None),  # the full stop is tried before the exclamation mark is off
        ("A)", None),
        ("E", None),
        ("(E) and (B)", "B"),
        ("a", None),
        ("none", None),  # a text counts in more than five words only
        ("I can see none of them", "D"),
        ("there is a red boat, boat", "C"),  # the text that stands last
        ("one two three four five six", None),
        ("what I see: a red boat A", "A"),
        ("", None),
    ],
)
def test_by_hand(answer, letter):
    assert mmmu_letter(answer, OPTIONS) == letter


def plain(answer, options):
    """Step by step: off with marks at the ends, then three ways, each with its last find."""
    for mark in (",", ".", "!", "?", ";", ":", "'"):
        while answer.startswith(mark):
            answer = answer[1:]
        while answer.endswith(mark):
            answer = answer[:-1]
    padded = " " + answer + " "
    known = "ABCDEFGH"[: len(options)]
    if found := re.findall(rf"\(([{known}])\)", padded):
        return found[-1]
    if found := re.findall(rf"(?<= )([{known}])(?= )", padded):
        return found[-1]
    if len(padded.split()) > 5:
        places = []
        for letter, option in zip(known, options, strict=False):
            start = padded.lower().rfind(option.lower())
            if start >= 0:
                places.append((start, -ord(letter), letter))
        if places:
            return max(places)[2]
    return None


WORDS = ["A", "B", "(C)", "(A)", "D.", "(E)", ".", "'", ",", "BOAT", "none", "see", "I", "word"]
PARTS = st.sampled_from([*WORDS, " ", " ", " ", "\n", "a red boat", "two boats"])


@given(st.lists(PARTS, max_size=14).map("".join), st.integers(2, 4))
def test_like_the_plain_rules(answer, number):
    assert mmmu_letter(answer, OPTIONS[:number]) == plain(answer, OPTIONS[:number])
