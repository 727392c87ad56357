"""Which characters of foreign text an output can hold; the only place that replaces any.

Answers, error messages, class names and file names may be any sequence of code points. Kept as it
came is everything that UTF-8 can hold; what is read by people shows control characters as signs.
"""

from __future__ import annotations

_SIGNS: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n\r"},
    0x7F: "\u2421",
    # C1: some terminals obey them as they obey an escape sequence.
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    # Ends of lines for some readers of a log, and for none of its writers.
    0x2028: "\\u2028",
    0x2029: "\\u2029",
    # Neither XML nor HTML can hold these.
    0xFFFE: "\\ufffe",
    0xFFFF: "\\uffff",
}


def whole(text: str) -> str:
    """The text as UTF-8 can hold it: two halves of a character are joined, a lone one (which JSON
    of a server, or a file name that is no UTF-8, may bring) becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def visible(text: str) -> str:
    """The text as people may read it in a terminal, in XML and in HTML: control characters as
    signs, so that none is obeyed and none makes a file that no parser takes."""
    return whole(text).translate(_SIGNS)
