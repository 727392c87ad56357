"""True answers as values: their text, what they claim, and what cannot be one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import Choice, Counts, Names, Number, ShortText, YesNo


@pytest.mark.parametrize(
    ("truth", "text"),
    [
        (Counts((("dog", 3),)), "3"),
        (Counts((("dog", 3), ("cat", 0))), "dog: 3, cat: 0"),
        (Names(("dog", "cat")), "dog, cat"),
        (Names(()), "none"),
        (Choice(1, ("x", "")), "B"),
        (YesNo(True), "yes"),
        (YesNo(False), "no"),
        (Number(3), "3"),
        (Number(-0.5), "-0.5"),
        (Number(1e20), "100000000000000000000"),
        (Number(1e-7), "0.0000001"),
        (Number(-0.0), "0"),
        (ShortText(("Eiffel Tower", "tower")), "Eiffel Tower"),
    ],
)
def test_text_is_what_a_model_should_write(truth, text):
    assert truth.text == text


def test_value_is_what_is_claimed():
    assert Names(("a", "b")).value == Names(("b", "a")).value
    assert Counts((("a", 1), ("b", 2))).value == Counts((("b", 2), ("a", 1))).value
    assert Choice(0, ("x", "y")).value == Choice(1, ("y", "x")).value
    assert Choice(0, ("", "")).value != Choice(1, ("", "")).value
    assert Number(3).value == Number(3.0, 0.5).value
    assert ShortText(("Dog",)).value == ShortText(("dog", "hound")).value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_with_all_its_digits(number):
    assert float(Number(number).text) == number
    assert "e" not in Number(number).text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Choice(2, ("a", "b")),
        lambda: Choice(-1, ("a", "b")),
        lambda: Choice(26, tuple(f"text {n}" for n in range(27))),
        lambda: Number(math.nan),
        lambda: Number(math.inf),
        lambda: Number(1, -0.1),
        lambda: ShortText(()),
        lambda: ShortText(("dog", " ")),
    ],
)
def test_what_no_answer_can_be_is_refused(make):
    with pytest.raises(InvalidArgument, match="is not allowed; allowed:"):
        make()
