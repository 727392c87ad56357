"""Layers that readers of answers share: plain words, and where an answer states itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|cannot|can't|isn't|aren't|don't|doesn't)\b"
)
RETRACTION = re.compile(
    r"\b(?:wait|actually|correction|oops|sorry|i mean|scratch that|on second thoughts?)\b",
    re.IGNORECASE,
)
"""Words after which an answer may take back what it said."""

_MARKUP = re.compile(r"[*_`\"“”‘’#\[\](){}<>]|\\n")
_ANSWER_IS = re.compile(r"^(?:the )?(?:final )?answers?(?: is|:)\s*")

_CURLY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "\u00a0": " "})
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_EMPHASIS = re.compile(
    r"\\(?:boxed|text|mathrm|mathbf)\b|</?[a-zA-Z]{2,}>|</[a-z]>|<\|\w+\|>|[*_`\"#$]"
)
_STATES = re.compile(
    r"\b(?:answer|(?:correct|right|best) (?:option|choice|letter))\s*"
    r"(?:(?:is|was|would be|should be|must be)(?![\w'])|[:=])\s*:?\s*",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"\b(?:if|whether|wrong|incorrect|unlikely|unsure|unclear|not sure|cannot say|can't say"
    r"|(?:do not|don't) (?:think|believe|know)|(?<!no )doubt that)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?]\s|\n")
_MOST_BEFORE = 300


def plain_words(answer: str) -> str:
    """An answer in lower case without markup, closing punctuation and a leading "the answer is"."""
    text = _MARKUP.sub(" ", answer).strip().lower().rstrip(" .!,;:")
    return _ANSWER_IS.sub("", text).strip()


def unmarked(answer: str) -> str:
    """An answer as it stands, but for emphasis, tags, typographic quotes and full-width letters;
    brackets and case are kept, for they tell "(A)" from "a"."""
    text = answer.replace("\\n", "\n").translate(_CURLY).translate(_FULL_WIDTH)
    return _EMPHASIS.sub(" ", text).strip()


def stated(text: str) -> list[str]:
    """What follows each "the answer is", "final answer:" and the like, up to the next; the whole
    text where it has none. Reasoning before the first is left out. Nothing where the text doubts
    its own answer."""
    marks = list(_STATES.finditer(text))
    if not marks:
        return [text]
    if any(_DOUBTS.search(_clause_before(text, mark.start())) for mark in marks):
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return [part for part in parts if part]


def agreed(values: Iterable[T | None]) -> T | None:
    """The one value that all statements of an answer have; None where one has none, or two
    differ."""
    known = list(values)
    return known[0] if known and all(value == known[0] for value in known) else None


def first_sentence(text: str) -> tuple[str, str]:
    """A text's first sentence, and what comes after it."""
    end = _SENTENCE_END.search(text)
    return (text[: end.end()], text[end.end() :]) if end else (text, "")


def _clause_before(text: str, start: int) -> str:
    """The words of the sentence that an answer is stated in, or the last of them."""
    near = text[max(0, start - _MOST_BEFORE) : start]
    return _SENTENCE_END.split(near)[-1]
