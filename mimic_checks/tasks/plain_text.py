"""The characters of an answer as plain ones: what is only typography, or cannot be seen, says
nothing."""

from __future__ import annotations

import unicodedata

_CURLY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "\u00a0": " "})
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_INVISIBLE = dict.fromkeys(
    [0, 0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF]
)
_LINE_ENDS = dict.fromkeys([0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029], "\n")
_PLAIN = {**_CURLY, **_FULL_WIDTH, **_INVISIBLE, **_LINE_ENDS}


def plain_characters(text: str) -> str:
    """Composed characters; typographic quotes and full-width letters as plain ones; one kind of
    line end; nothing invisible."""
    return unicodedata.normalize("NFC", text).translate(_PLAIN)
