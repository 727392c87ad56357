"""Images where placeholders stand."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mimic_checks.suites.item import Unusable
from mimic_checks.suites.placeholders import placed

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<>"), max_size=8)


def test_by_hand() -> None:
    assert placed(["Which is <image>\nlike?", "<image>", "none"], 2) == [
        ("Which is ", 0, "\nlike?"),
        (1,),
        ("none",),
    ]
    assert placed(["Which?", "a"], 3) == [(0, 1, 2, "Which?"), ("a",)]
    assert placed(["Which?", ""], 0) == [("Which?",), ()]
    with pytest.raises(Unusable, match="it has no question"):
        placed([" ", "a"], 0)


@pytest.mark.parametrize(
    ("text", "images"), [("<image>", 2), ("<image><image>", 1), ("<image>", 0)]
)
def test_counts_must_fit(text: str, images: int) -> None:
    marks = text.count("<")
    with pytest.raises(Unusable, match=f"{marks} placeholders <image> and {images} images"):
        placed([text], images)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_image_stands_once_in_order_and_no_word_is_lost(texts: list[list[str]]) -> None:
    assume("<image>".join(texts[0]).strip())
    images = sum(len(words) - 1 for words in texts)
    found = placed(["<image>".join(words) for words in texts], images)
    assert len(found) == len(texts)
    shown = [piece for pieces in found for piece in pieces if isinstance(piece, int)]
    assert shown == list(range(images))
    for words, pieces in zip(texts, found, strict=True):
        back = "".join(piece if isinstance(piece, str) else "<image>" for piece in pieces)
        assert back == "<image>".join(words)


@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(0, 5))
def test_without_any_the_images_come_first(texts: list[str], images: int) -> None:
    assume(texts[0].strip())
    found = placed(texts, images)
    assert list(found[0][:images]) == list(range(images))
    assert ["".join(str(p) for p in found[0][images:]), *map("".join, found[1:])] == texts
