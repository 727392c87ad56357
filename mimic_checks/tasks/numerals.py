"""Numbers in words and digits of several languages, as far as answers to short questions need
them."""

from __future__ import annotations

import re
import unicodedata

_UNIT_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen
fourteen fifteen sixteen seventeen eighteen nineteen"""
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_UNITS, _TENS = _UNIT_WORDS.split(), _TEN_WORDS.split()
ENGLISH: dict[str, int] = {word: value for value, word in enumerate(_UNITS)}
ENGLISH |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
ENGLISH |= {
    f"{ten}-{unit}": 10 * t + u
    for t, ten in enumerate(_TENS, start=2)
    for u, unit in enumerate(_UNITS[:10])
    if u
}

# Words that are English ones too ("once", "due", "on", "sex") are left out.
_FOREIGN = {
    0: "cero zéro nul ноль صفر शून्य 영",
    1: "uno eins jeden jedna один одна واحد एक 하나 한 ひとつ 一つ",
    2: "dos deux zwei zwo dois duas twee två dwa dwie два две iki اثنان दो 둘 두 ふたつ 二つ",
    3: "tres trois drei tre três drie trzy три üç ثلاثة ثلاث तीन 셋 세 みっつ 三つ",
    4: "cuatro quatre vier quattro quatro fyra cztery четыре dört أربعة أربع चार 넷 네 四つ",
    5: "cinco cinq fünf cinque vijf pięć пять beş خمسة خمس पाँच पांच 다섯 五つ",
    6: "seis sechs sei zes sześć шесть altı ستة ست छह 여섯",
    7: "siete sept sieben sette sete zeven sju siedem семь yedi سبعة سبع सात 일곱",
    8: "ocho huit acht otto oito åtta osiem восемь sekiz ثمانية ثمان आठ 여덟",
    9: "nueve neuf neun nove negen nio dziewięć девять dokuz تسعة تسع नौ 아홉",
    10: "diez dix zehn dieci dez tien tio dziesięć десять عشرة عشر दस 열",
    11: "onze elf undici",
    12: "doce douze zwölf dodici doze twaalf tolv двенадцать",
}
FOREIGN = {word: value for value, words in _FOREIGN.items() for word in words.split()}
FOREIGN_ARTICLES = frozenset("un une una ein eine einen einem einer uma een ett".split())
WORDS = {**ENGLISH, **FOREIGN}

_ANY_WORD = "|".join(re.escape(word) for word in sorted(WORDS, key=len, reverse=True))
_TEN = "|".join(_TENS)
_UNIT = "|".join(_UNITS[1:10])
WORD = (
    rf"(?<![\w-])(?:half a dozen|half dozen|(?:{_TEN})\s(?:{_UNIT})(?![\w-])"
    rf"|(?:(?:a|one|two|three|four|five|six|\d+)\s)?dozen(?!s)|{_ANY_WORD})(?!\w|-\w)"
)
"""A number in words, in lower-case text."""

CHINESE = r"[零〇一二两兩三四五六七八九十百]+"
_CHINESE = {char: value for value, char in enumerate("零一二三四五六七八九")}
_CHINESE |= {"〇": 0, "两": 2, "兩": 2}


def word_value(word: str) -> int:
    """The value of a text that `WORD` matched."""
    first, _, last = word.partition(" ")
    if word.startswith("half"):
        return 6
    if word.endswith("dozen"):
        return 12 * (1 if first in ("a", "dozen") else WORDS.get(first) or int(first))
    return WORDS[first] + WORDS[last] if last else WORDS[word]


def chinese_value(word: str) -> int | None:
    """The value of a numeral of Chinese and Japanese up to 999, or None where the characters make
    none."""
    total = unit = 0
    for char in word:
        if char in "十百":
            total += max(unit, 1) * (10 if char == "十" else 100)
            unit = 0
        elif unit:
            return None
        else:
            unit = _CHINESE[char]
    return total + unit


def ascii_digits(text: str) -> str:
    """The same text with the decimal digits of every script, and digits in key caps and circles, as
    0 to 9."""
    if text.isascii():
        return text
    return "".join(map(_as_digit, text))


def _as_digit(char: str) -> str:
    if char in "\ufe0f\u20e3":
        return ""
    if char.isascii():
        return char
    if (value := unicodedata.decimal(char, None)) is not None:
        return str(value)
    if "\u2460" <= char <= "\u2473" or "\u2776" <= char <= "\u277f":
        return f" {int(unicodedata.numeric(char))} "
    return char
