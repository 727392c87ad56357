"""An answer's plain words: what every reader starts from."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"[*_`\"“”‘’#\[\](){}<>]|\\n")
_ANSWER_IS = re.compile(r"^(?:the )?(?:final )?answers?(?: is|:)\s*")
NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|cannot|can't|isn't|aren't|don't|doesn't)\b"
)


def plain_words(answer: str) -> str:
    """An answer in lower case without markup, closing punctuation and a leading "the answer is"."""
    text = _MARKUP.sub(" ", answer).strip().lower().rstrip(" .!,;:")
    return _ANSWER_IS.sub("", text).strip()
