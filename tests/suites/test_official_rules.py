"""The official rules of BLINK, MMIU and MIRB, written down once more as plainly as can be, against
those that score; nothing is shared but the answers."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.suites.blink import BLINK
from mimic_checks.suites.item import SuiteItem, choice_of
from mimic_checks.suites.mirb import MIRB, SUBSETS
from mimic_checks.suites.mmiu import MMIU
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG
from mimic_checks.tasks import ShortText

PICTURES = (FilePicture(Path("a.png")),)
WORDS = "A B (A) (B) (C) b n N yes No 3 12 three Paris . ( ) -".split()
PIECES = st.sampled_from([*WORDS, *" \n\xa0", " ", "\n\n", ", ", "the answer is", "image none"])
ANSWERS = st.lists(PIECES, max_size=8).map("".join)
POINTS = {True: RIGHT, False: WRONG, None: JUDGED}


def choice_item(options, right, **more):
    asked = tuple((text,) for text in options)
    return SuiteItem("1", "c", ("?",), choice_of(right, asked), PICTURES, asked, **more)


def blink(answer, options, gold):
    if answer in list("ABCDE"):
        return f"({answer})" == gold
    if re.fullmatch(r"\([A-E]\)", answer):
        return answer == gold
    offered = [f"({letter})" for letter in "ABCDE"[:options]]

    def marks(text):
        return {word for word in text.split() if word in offered}

    everywhere, at_last = marks(answer), marks(answer.split("\n\n")[-1])
    if not everywhere:
        return None
    if len(everywhere) > 1 and len(at_last) != 1:
        return None
    mark = next(iter(at_last)) if len(at_last) == 1 else next(iter(everywhere))
    return mark == gold


@given(ANSWERS, st.integers(2, 4), st.integers(0, 1))
def test_blink(answer, options, right):
    item = choice_item("wxyz"[:options], right)
    expected = blink(answer, options, "(A)" if right == 0 else "(B)")
    assert BLINK.scores["official"].rule(item, answer) == POINTS[expected]


def mmiu(answer, gold):
    said = answer.strip()
    errors = {"image none", "image error", "model error", "model error or image error", ""}
    if said in errors:
        return False
    said = said.replace("\xa0", "").strip()
    while said and said[0] in ".,()":
        said = said[1:]
    while said and said[-1] in ".,()":
        said = said[:-1]
    said = said.strip().lower()
    if len(said) == 1 and "a" <= said <= "n":
        return said in gold.strip().lower()
    return None


@given(ANSWERS, st.integers(0, 3))
def test_mmiu(answer, right):
    item = choice_item("wxyz", right)
    expected = mmiu(answer, "ABCD"[right])
    assert MMIU.scores["official"].rule(item, answer) == POINTS[expected]


CARDINALS = "zero one two three four five six seven eight nine ten"
NUMBERS = {word: place for place, word in enumerate(CARDINALS.split())}
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth"
NUMBERS |= {word: place + 1 for place, word in enumerate(ORDINALS.split())}


def mirb(answer, subset, gold):
    said = answer.strip()
    if "\n" in said:
        said = said.split("\n")[0]
    elif "." in said and not said.startswith("."):
        said = said.split(".")[0]
    said, gold = said.lower(), gold.lower()
    if subset in ("analogy", "attribute", "sightseeing") and gold == "yes":
        return "yes" in said
    if subset in ("analogy", "attribute", "sightseeing") and gold == "no":
        return "yes" not in said
    if subset == "sightseeing":
        return gold in said
    if subset in ("count", "visual_chain", "3d_scene"):
        digits = re.findall(r"\d+", said)
        return (digits[0] if digits else str(NUMBERS.get(said, ""))) == gold
    return said == gold


@given(ANSWERS, st.sampled_from(SUBSETS), st.sampled_from(["Yes", "no", "3", "Paris", "B"]))
def test_mirb_generated(answer, subset, gold):
    if subset in ("analogy", "attribute") and gold.lower() not in ("yes", "no"):
        return  # refused when read
    item = SuiteItem("1", subset, ("?",), ShortText((gold,)), PICTURES, raw={"answer": gold})
    expected = mirb(answer, subset, gold)
    assert MIRB.scores["InternVL"].rule(item, answer) == POINTS[expected]
