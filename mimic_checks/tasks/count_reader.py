"""How many of each asked class an answer says there are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimic_checks.tasks.answer import final_statements, last_line, unmarked
from mimic_checks.tasks.class_marks import MARK, ClassMarks, without_marks
from mimic_checks.tasks.count_layout import laid_out
from mimic_checks.tasks.count_mentions import mentions_of
from mimic_checks.tasks.count_tokens import tokens_of
from mimic_checks.tasks.count_totals import total_of
from mimic_checks.tasks.numerals import ascii_digits
from mimic_checks.tasks.plain_text import plain_characters
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.unread import BOUND, HEDGED, REFUSED, SEVERAL, Unread, agreed

_DOUBTS = re.compile(
    r"\b(?:not (?:entirely |completely |100% )?(?:sure|certain|clear)|unsure|unclear|uncertain"
    r"|(?:hard|difficult|impossible) to (?:say|tell|count|determine|see)"
    r"|(?:can't|cannot|can not|unable to) (?:tell|say|count|determine|know)"
    r"|(?:don't|do not) know|(?:could|might|may) be|no idea|depends on"
    r"|(?:twice|half|double|triple) (?:as many|that))\b"
)
# "Except for one dog in image 2, there are none" is not zero.
_EXCEPT = re.compile(
    r"\b(?:except|other than|apart from|besides|aside from|but for)\b[^.;\n]{0,80}?"
    rf"(?:{MARK}|\bimage)"
)
_GLUED = re.compile(r"\d+(?:,\d+)+")
_AND = frozenset({"and", "y", "und"})
_MOST_CHARACTERS = 10_000
"""Longer answers are read by their end: a count stands there, after whatever was thought."""


def read_counts(answer: str, asked: Sequence[str], marks: ClassMarks) -> list[int] | Unread:
    """The count of each asked class, in their order."""
    text = ascii_digits(plain_characters(without_marks(answer))).lower()
    statements = final_statements(marks.mark(text))
    if isinstance(statements, Unread):
        return statements
    return agreed(_of_statement(part, asked, marks) for part in statements)


def _of_statement(part: str, asked: Sequence[str], marks: ClassMarks) -> list[int] | Unread:
    if refuses(part):
        return Unread(REFUSED)
    text = marks.mark(unmarked(part))[-_MOST_CHARACTERS:]
    if _DOUBTS.search(text):
        return Unread(HEDGED)
    values = _values(laid_out(text), asked, marks)
    if not isinstance(values, Unread) and not any(values) and _EXCEPT.search(text):
        return Unread(SEVERAL)
    line = last_line(text) if isinstance(values, Unread) else None
    if line is None:
        return values
    last = _values(line, asked, marks)
    return values if isinstance(last, Unread) else last


def _values(text: str, asked: Sequence[str], marks: ClassMarks) -> list[int] | Unread:
    bare = _bare(text, len(asked))
    if bare is not None:
        return bare
    mentions = mentions_of(text, asked, marks)
    values: list[int] = []
    for name in asked:
        value = total_of(mentions, name, only_class=len(asked) == 1)
        if isinstance(value, Unread):
            return value
        values.append(value)
    return values


def _bare(text: str, asked: int) -> list[int] | Unread | None:
    """Numbers and nothing else: one for each asked class. None where the text has other words.

    How many images were shown is not known here, so that numbers are no list of one for each: a
    sum would turn "3 3 3 3", said of one image, into 12. Only "1, 1" and "1 and 1" are a sum, as
    nobody says so of one image."""
    glued = _GLUED.fullmatch(text.strip())
    if glued and asked > 1:
        text = glued.group().replace(",", ", ")
    everything = tokens_of(text)
    tokens = [
        token
        for token in everything
        if token.kind not in ("comma", "break", "other") and token.text not in _AND
    ]
    if asked > 1 and len(tokens) == 1 and tokens[0].kind == "none":
        return [0] * asked
    if len(tokens) < 2 or any(token.kind != "number" for token in tokens):
        return None
    if not all(token.exact for token in tokens):
        return Unread(BOUND)
    values = [token.value or 0 for token in tokens]
    if asked > 1:
        return values if len(values) == asked else Unread(SEVERAL)
    if len(set(values)) > 1:
        return Unread(SEVERAL)
    # "3 (three)" says it twice.
    if len({token.text[0].isdigit() for token in tokens}) > 1:
        return [values[0]]
    joined = everything[1].kind == "comma" or everything[1].text in _AND
    return [sum(values)] if len(values) == 2 and joined else Unread(SEVERAL)
