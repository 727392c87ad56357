"""What the suites share that have the form of Mantis's benchmark (2405.01483): their Parquet rows,
its prompt, and how it reads answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from mimic_checks.suites.folder import NO_ANSWER
from mimic_checks.suites.item import Piece, SuiteItem, Unusable, choice_of
from mimic_checks.suites.lettered import option_texts
from mimic_checks.suites.parquet import Row
from mimic_checks.suites.prompts import LETTER_DIRECTLY, joined, led
from mimic_checks.suites.scoring import RIGHT, WRONG, Points
from mimic_checks.tasks.truth import LETTERS, ShortText, Truth

MANTIS_COLUMNS = ("id", "question_type", "question", "options", "answer", "category")
_SHORT = (
    "Given the images, answer the following short answer vqa question:\nQ: {}"
    '\nYou can first give your analysis, and then give your final answer as "Final Answer:"'
)
_LEADS = ("final answer:", "the answer is", "answer:")
_ANSWER_LETTER = re.compile(r"Answer: ([A-Z])")
_LETTERED = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])[.:)])\s*")


def mantis_item(row: Row, category: str, group: str = "") -> SuiteItem:
    """The item of a row. `category`: of a row that has none.

    Raises:
        Unusable: it has no answer, or one that is no option, or more placeholders than images.
    """
    kind, answer = row.text("question_type"), row.text("answer").strip("()\n ")
    if not answer:
        raise Unusable(NO_ANSWER)
    if kind not in ("multi-choice", "short-answer"):
        raise Unusable(f"its question_type {kind!r} is neither 'multi-choice' nor 'short-answer'")
    originals = row.texts("options") if kind == "multi-choice" else ()
    bare = [text[len(_mark_of(text, at)) :].strip() for at, text in enumerate(originals)]
    question, *options = led([row.text("question"), *bare], len(row.pictures["images"]))
    truth: Truth = (
        ShortText((answer,)) if kind == "short-answer" else choice_of(_gold(answer, bare), options)
    )
    return SuiteItem(
        id=row.text("id"),
        category=row.text("category") or category,
        question=question,
        truth=truth,
        images=row.pictures["images"],
        options=tuple(options),
        group=group,
        raw={"question": row.text("question"), "options": json.dumps(originals)},
    )


def _mark_of(option: str, place: int) -> str:
    """The letter that an option begins with, if it is its own, with all marks around it."""
    found = _LETTERED.match(option)
    return found[0] if found and (found[1] or found[2]) == LETTERS[place : place + 1] else ""


def _gold(answer: str, options: Sequence[str]) -> int:
    """The place of the gold option: its letter is the answer, or the first one in it."""
    if not 2 <= len(options) <= len(LETTERS) or not all(options):
        raise Unusable(f"its options {list(options)!r:.200} are not 2 to {len(LETTERS)} texts")
    letter = answer
    if len(answer) != 1:
        letter = next((character for character in answer if character.isalpha()), "")
    place = LETTERS.find(letter.upper()) if letter else -1
    if not 0 <= place < len(options):
        last = LETTERS[len(options) - 1]
        raise Unusable(f"its gold {answer!r} is not one of its options A to {last}")
    return place


def mantis_prompt(item: SuiteItem) -> tuple[Piece, ...]:
    """The official prompt: options with the letters that the file gives them, `(A)` where it gives
    none."""
    if isinstance(item.truth, ShortText):
        return short_prompt(item)
    originals = json.loads(item.raw["options"])
    marks = [_mark_of(text, at) for at, text in enumerate(originals)]
    shown = [text[len(mark) :].strip() for text, mark in zip(originals, marks, strict=True)]
    if shown != option_texts(item):  # rotated
        marks = [""] * len(originals)
    lines: list[Piece] = []
    for letter, mark, option in zip(LETTERS, marks, item.options, strict=False):
        lines += [f"\n {mark.lstrip() or f'({letter}) '}", *option]
    return joined([*item.question, *lines, f"\n{LETTER_DIRECTLY}"])


def short_prompt(item: SuiteItem) -> tuple[Piece, ...]:
    """The official prompt of a question with a short answer."""
    (text,) = led([_SHORT.format(item.raw["question"])], len(item.images))
    return text


def mantis_letter(answer: str) -> str | None:
    """The first letter of the alphabet in what follows "final answer:", "the answer is" or
    "answer:", of a word too: "I think B" is I, "Based on" is B."""
    said = _after_lead(answer)
    if match := _ANSWER_LETTER.match(said):
        return match[1]
    return next((character.upper() for character in said if character.isalpha()), None)


def mantis_short(answer: str, truth: ShortText) -> Points:
    """Equal but for case; nothing is stripped from an answer without a lead."""
    return RIGHT if _after_lead(answer).lower() == truth.text.lower() else WRONG


def mantis_choice(answer: str, right: int, options: Sequence[str]) -> Points:
    """By letter; where that is no option, the whole answer must be the right option's text."""
    letter = mantis_letter(answer)
    if letter in list(LETTERS[: len(options)]):
        return RIGHT if letter == LETTERS[right] else WRONG
    return RIGHT if answer.strip() == options[right].strip() else WRONG


def mantis_true_false(answer: str, right: int, options: Sequence[str]) -> Points:
    """As `mantis_choice`, but a text counts by the word in it: "true" alone or "false" alone. So
    "True", whose T is no option, is read as it is meant, and "Based on it, true" is B."""
    letter = mantis_letter(answer)
    if letter in list(LETTERS[: len(options)]):
        return RIGHT if letter == LETTERS[right] else WRONG
    said = [word for word in ("true", "false") if word in answer.lower()]
    return RIGHT if len(said) == 1 and said[0] in options[right].lower() else WRONG


def _after_lead(answer: str) -> str:
    lowered = answer.lower()
    for lead in _LEADS:
        if lead in lowered:
            return answer[lowered.index(lead) + len(lead) :].strip()
    return answer
