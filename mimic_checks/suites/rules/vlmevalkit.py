"""VLMEvalKit's matching of an answer to a letter, as it is without a judge."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimic_checks.tasks.truth import LETTERS

NO_OPTION = "Z"
"""The letter of answers that refuse: never right."""
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_FAILED = "Failed to obtain answer via API"
_MARKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_LAST_WORDS = 4
_STATED = re.compile(r"answer\s+is\s+\**([ABCD])", re.IGNORECASE)
"""In any case, and of any word: "the answer is blue" is B. In VLMEvalKit since June 2026."""


def vlmevalkit_letter(answer: str, options: Sequence[str]) -> str | None:
    """The letter that it takes, `NO_OPTION` for a refusal; None: the exact matching calls that
    wrong, the matching with a judge asks.

    One option letter alone in the whole answer, first found among the last four words; else what
    "answer is" states, A to D; else the only option whose text the answer contains, if the answer
    is not longer than all options twice. An article "A" counts as a letter.
    """
    letters = LETTERS[: len(options)]
    if _FAILED not in answer:
        if any(refusal in answer for refusal in _REFUSALS):
            return NO_OPTION
        if letter := _letter_alone(answer, letters):
            return letter
    return _option_contained(answer.lower(), letters, [option.lower() for option in options])


def _letter_alone(answer: str, letters: str) -> str | None:
    words = answer.translate(_MARKS).split()
    found = [letter for letter in letters if letter in words]
    if len(found) == 1 and words.index(found[0]) >= len(words) - _LAST_WORDS:
        return found[0]
    if not found and NO_OPTION in words:
        return NO_OPTION
    stated = _STATED.search(answer)
    return stated[1].upper() if stated and stated[1].upper() in letters else None


def _option_contained(answer: str, letters: str, options: Sequence[str]) -> str | None:
    if len(answer) > 2 * sum(map(len, options)):
        return None
    found = [letter for letter, text in zip(letters, options, strict=True) if text in answer]
    return found[0] if len(found) == 1 else None
