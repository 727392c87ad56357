"""Images where the placeholders of a text stand."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.suites.item import Piece, Unusable

MARK = "<image>"


def placed(texts: Sequence[str], images: int, mark: str = MARK) -> list[tuple[Piece, ...]]:
    """The texts with image 0, 1, ... where `mark` stands, in reading order over all of them (the
    question, then its options); without any mark, all images before the first text.

    Raises:
        Unusable: there is no question, or more marks than images, or fewer.
    """
    if not texts[0].strip():
        raise Unusable("it has no question")
    marks = sum(text.count(mark) for text in texts)
    if marks and marks != images:
        raise Unusable(f"{marks} placeholders {mark} and {images} images")
    found: list[tuple[Piece, ...]] = []
    following = 0
    for text in texts:
        pieces: list[Piece] = []
        for number, words in enumerate(text.split(mark)):
            if number:
                pieces.append(following)
                following += 1
            if words:
                pieces.append(words)
        found.append(tuple(pieces))
    if not marks:
        found[0] = (*range(images), *found[0])
    return found
