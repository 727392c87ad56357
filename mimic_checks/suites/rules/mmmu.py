"""MMMU's reading of multiple choice, which MuirBench's official script took over."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.tasks.truth import LETTERS

_MARKS = ",.!?;:'"
_FEW_WORDS = 5


def mmmu_letter(answer: str, options: Sequence[str]) -> str | None:
    """The letter that stands last in an answer: as `(X)`; where there is none, between spaces;
    where there is none and it has more than five words, that of the option whose text stands last.
    None: the script draws one at random.

    Marks of sentences are taken off both ends only; a space is put there.
    """
    text = answer
    for mark in _MARKS:
        text = text.strip(mark)
    text = f" {text} "
    letters = LETTERS[: len(options)]
    for form in ("({})", " {} "):
        found = {letter: text.rfind(form.format(letter)) for letter in letters}
        if last := _last(found):
            return last
    if len(text.split()) <= _FEW_WORDS:
        return None
    said = text.lower()
    return _last({x: said.rfind(text.lower()) for x, text in zip(letters, options, strict=False)})


def _last(places: dict[str, int]) -> str | None:
    """The letter with the last place; of two in one place the first; None if none is found."""
    found = [letter for letter, place in places.items() if place >= 0]
    return max(found, key=places.__getitem__) if found else None
