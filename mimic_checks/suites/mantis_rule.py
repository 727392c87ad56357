"""How Mantis's benchmark reads and scores answers, its own suite's and NLVR2's."""

from __future__ import annotations

import re

from mimic_checks.suites.item import SuiteItem
from mimic_checks.suites.prompts import IMAGE
from mimic_checks.suites.scoring import RIGHT, WRONG, Points
from mimic_checks.tasks.truth import LETTERS, Choice, ShortText

_LEADS = ("final answer:", "the answer is", "answer:")
_ANSWER_LETTER = re.compile(r"Answer: ([A-Z])")


def mantis_letter(answer: str) -> str | None:
    """The first letter of the alphabet in what follows "final answer:", "the answer is" or
    "answer:", of a word too: "I think B" is I, "Based on" is B."""
    said = _after_lead(answer)
    if match := _ANSWER_LETTER.match(said):
        return match[1]
    return next((character.upper() for character in said if character.isalpha()), None)


def mantis_short(answer: str, accepted: ShortText) -> Points:
    """Equal but for case; nothing is stripped of an answer without a lead."""
    return RIGHT if _after_lead(answer).lower() == accepted.text.strip("()\n ").lower() else WRONG


def mantis_choice(answer: str, right: int, options: list[str]) -> Points:
    """By letter; where that is no option, the whole answer must be the right option's text."""
    letter = mantis_letter(answer)
    if letter in list(LETTERS[: len(options)]):
        return RIGHT if letter == LETTERS[right] else WRONG
    return RIGHT if answer.strip() == options[right].strip() else WRONG


def mantis_true_false(answer: str, right: int, options: list[str]) -> Points:
    """As `mantis_choice`, but the text counts by the word it has: "true" alone or "false" alone. So
    "True", whose T is no option, is read as it is meant, and "Based on it, true" is B."""
    letter = mantis_letter(answer)
    if letter in list(LETTERS[: len(options)]):
        return RIGHT if letter == LETTERS[right] else WRONG
    said = [word for word in ("true", "false") if word in answer.lower()]
    return RIGHT if len(said) == 1 and said[0] in options[right].lower() else WRONG


def option_texts(item: SuiteItem) -> list[str]:
    """The options as the file has them, without their letters."""
    return [
        "".join(IMAGE if isinstance(piece, int) else piece for piece in option)
        for option in item.options
    ]


def mantis_eval_rule(item: SuiteItem, answer: str) -> Points:
    """Multiple choice by letter or text, short answers by text."""
    if isinstance(item.truth, Choice):
        return mantis_choice(answer, item.truth.index, option_texts(item))
    assert isinstance(item.truth, ShortText)
    return mantis_short(answer, item.truth)


def _after_lead(answer: str) -> str:
    lowered = answer.lower()
    for lead in _LEADS:
        if lead in lowered:
            return answer[lowered.index(lead) + len(lead) :].strip()
    return answer
