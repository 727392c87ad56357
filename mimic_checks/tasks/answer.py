"""Layers that readers of answers share: plain words, and where an answer states itself."""

from __future__ import annotations

import re
import unicodedata

NEGATION = re.compile(r"\b(?:no|not|without|neither|nor|never|cannot)\b|n't\b")
RETRACTION = re.compile(
    r"\b(?:wait|actually|correction|oops|sorry|i mean|scratch that|on second thoughts?)\b",
    re.IGNORECASE,
)
"""Words after which an answer may take back what it said."""

# ">3" keeps its sign, which says that 3 is not meant.
_MARKUP = re.compile(r"<[bipsu]>|[*_`\"#$\[\](){}]|[<>](?!\s*\d)|\\n")
_ANSWER_IS = re.compile(r"^(?:the )?(?:final )?answers?(?: is|:)\s*")

_CURLY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "\u00a0": " "})
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_INVISIBLE = dict.fromkeys(
    [0, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF]
)
_LINE_ENDS = dict.fromkeys([0x0B, 0x0C, 0x85, 0x2028, 0x2029], "\n")
_PLAIN = {**_CURLY, **_FULL_WIDTH, **_INVISIBLE, **_LINE_ENDS}
_STRUCK_OUT = re.compile(r"~~.{1,300}?~~|<(del|strike)>.{0,300}?</\1>", re.DOTALL)
_FRAME = re.compile(
    r"\\(?:[fm]?box(?:ed)?|text[a-z]*|math[a-z]+|emph|bf)\b|\\(?=[()\[\]%$])"
    r"|</?(?:answer|em|strong|code|eos)>|</[a-zA-Z]+>|<\|\w+\|>"
)
_EMPHASIS = re.compile(r"</?[a-zA-Z]{2,}>|[*_`\"#$]")
_STATES = re.compile(
    r"(?:\b(?:the|my)\s+)?(?:\bfinal\s+)?"
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
    text = _MARKUP.sub(" ", said(answer)).strip().lower().rstrip(" .!,;:")
    return _ANSWER_IS.sub("", text).strip()


def said(answer: str) -> str:
    """An answer without what is no part of it: reasoning before `</think>` (all, where it never
    ends), words struck out, LaTeX frames, a model's own tokens, invisible characters; typographic
    quotes and full-width letters as plain ones."""
    text = answer.rpartition("</think>")[2]
    if text.lstrip().startswith("<think>"):
        return ""
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    return _FRAME.sub(" ", _STRUCK_OUT.sub(" ", text))


def unmarked(answer: str) -> str:
    """What an answer says, without emphasis and tags; brackets and case are kept, for they tell
    "(A)" from "a"."""
    return _EMPHASIS.sub(" ", said(answer.replace("\\n", "\n"))).strip()


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


def first_sentence(text: str) -> tuple[str, str]:
    """A text's first sentence, and what comes after it."""
    end = _SENTENCE_END.search(text)
    return (text[: end.end()], text[end.end() :]) if end else (text, "")


def _clause_before(text: str, start: int) -> str:
    """The words of the sentence that an answer is stated in, or the last of them."""
    near = text[max(0, start - _MOST_BEFORE) : start]
    return _SENTENCE_END.split(near)[-1]
