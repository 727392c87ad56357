"""Numbers of any form in an answer, as decimal digits: fractions, signs, thousands, multiples,
Chinese numerals."""

from __future__ import annotations

import re
from collections.abc import Callable

from mimic_checks.tasks.numerals import CHINESE, ENGLISH, chinese_value

_FRACTIONS = {"½": 0.5, "¼": 0.25, "¾": 0.75, "⅓": 1 / 3, "⅔": 2 / 3, "⅛": 0.125, "⅕": 0.2}
_PARTS = {"half": 2, "halves": 2, "third": 3, "fourth": 4, "quarter": 4, "fifth": 5, "tenth": 10}
_MULTIPLES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_MULTIPLE = "|".join(_MULTIPLES)
_ENGLISH = "|".join(sorted(ENGLISH, key=len, reverse=True))
_SMALL = r"(?:\d+(?:\.\d+)?|" + _ENGLISH + ")"
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(-?\d{1,9})\s*\}\s*\{\s*(\d{1,9})\s*\}")
_MIXED = re.compile(
    r"^(?P<sign>-?)(?:(?P<whole>\d{1,9})\s+)?(?P<over>\d{1,9})\s*[/⁄]\s*(?P<under>\d{1,9})$"
)
_VULGAR = re.compile(rf"(\d{{0,9}})\s?([{''.join(_FRACTIONS)}])")
_AND_A_HALF = re.compile(rf"\b({_SMALL})\s+and\s+a\s+half\b")
_OF_PARTS = re.compile(
    rf"^(?:(?P<many>an?|{_ENGLISH})\s+)?"
    r"(?P<part>half|halves|thirds?|fourths?|quarters?|fifths?|tenths?)$"
)
_SIGN = re.compile(rf"(?:(?<=^)|(?<=is )|(?<=: ))(?:minus|negative)\s+({_SMALL})(?!\w)")
_POINT = re.compile(r"\b(\d+)\s+point\s+(\d+)\b")
_DOTS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{3}){2,}(?![\d.])")
_SPACES = re.compile(r"(?<![\d.,])\d{1,3}(?:[ \u202f\u00a0'’]\d{3})+(?![\d.,])")
_LARGE = re.compile(
    rf"\b(?:(?:a|{_SMALL})\s+(?:{_MULTIPLE})\b(?:\s+(?:and\s+)?|$|(?=\W)))+(?:{_ENGLISH})?\b"
)
_LARGE_WORD = re.compile(rf"\d+(?:\.\d+)?|\b(?:{_ENGLISH}|{_MULTIPLE}|a)\b")
_CHINESE_ONLY = re.compile(rf"^({CHINESE})[つ个個只隻枚張张]?$")


def in_digits(text: str) -> str:
    """A lower-case statement with its numbers in decimal digits, where it writes them otherwise."""
    text = _FRACTION.sub(lambda m: _ratio(m[1], m[2]) or m[0], text.strip())
    bare = text.strip(" .!$")
    for pattern, make in _WHOLE:
        if match := pattern.match(bare):
            return make(match) or text
    text = _SPACES.sub(lambda m: re.sub(r"\D", "", m[0]), _DOTS.sub(_without_dots, text))
    text = _VULGAR.sub(lambda m: _plain(int(m[1] or 0) + _FRACTIONS[m[2]]), text)
    text = _AND_A_HALF.sub(lambda m: _plain(_value(m[1]) + 0.5), text)
    text = _POINT.sub(r"\1.\2", text)
    text = _LARGE.sub(lambda m: f"{_plain(_large(m[0]))} ", text)
    return _SIGN.sub(_signed, text)


def _signed(match: re.Match[str]) -> str:
    word = match[1]
    return f"-{word if word[0].isdigit() else ENGLISH[word]}"


def _without_dots(match: re.Match[str]) -> str:
    return match.group().replace(".", "")


def _mixed(match: re.Match[str]) -> str | None:
    if not int(match["under"]):
        return None
    value = int(match["whole"] or 0) + int(match["over"]) / int(match["under"])
    return match["sign"] + _plain(value)


def _of_parts(match: re.Match[str]) -> str:
    many = match["many"]
    number = 1 if many in (None, "a", "an") else ENGLISH[many]
    part = match["part"]
    return _plain(number / (_PARTS.get(part) or _PARTS[part.removesuffix("s")]))


def _chinese(match: re.Match[str]) -> str | None:
    value = chinese_value(match[1])
    return None if value is None else str(value)


_WHOLE: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = (
    (_MIXED, _mixed),
    (_OF_PARTS, _of_parts),
    (_CHINESE_ONLY, _chinese),
)
"""Read only where they are the whole statement: "1/2" within a text may be a date or a rate."""


def _ratio(over: str, under: str) -> str | None:
    return _plain(int(over) / int(under)) if int(under) else None


def _value(word: str) -> float:
    return float(word) if word[0].isdigit() else float(ENGLISH[word])


def _large(text: str) -> float:
    """The value of "two thousand and fifteen"."""
    total = part = 0.0
    for word in _LARGE_WORD.findall(text):
        if word in _MULTIPLES:
            part = max(part, 1) * _MULTIPLES[word]
            if word != "hundred":
                total, part = total + part, 0.0
        elif word != "a":
            part += _value(word)
    return total + part


def _plain(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
