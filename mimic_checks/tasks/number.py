"""A number: an amount, a measure, a year; an answer may be off by the truth's tolerance."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from mimic_checks.tasks.answer import NEGATION, RETRACTION, final_statements, last_line, unmarked
from mimic_checks.tasks.class_marks import ClassMarks
from mimic_checks.tasks.count_mentions import mentions_of
from mimic_checks.tasks.count_totals import total_of
from mimic_checks.tasks.number_words import in_digits
from mimic_checks.tasks.numerals import WORD, ascii_digits, word_value
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.stem_task import StemTask
from mimic_checks.tasks.task import Score
from mimic_checks.tasks.truth import Number, Truth, of_type
from mimic_checks.tasks.unread import BOUND, HEDGED, NO_ANSWER, REFUSED, SEVERAL, Unread, agreed
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording

_UNITS = r"(?:mm|cm|km|m|ft|in|kg|g|mg|lb|lbs|oz|ms|s|min|h|hrs?|ml|l|px|mph|km/h|m/s|c|f|usd|eur)"
_NUMBER = re.compile(
    r"(?<![\w.,:/^⁄–—-])(?P<digits>-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+)"
    rf"(?={_UNITS}\b|(?![\w+^⁄²³]|[.,:/–—-]\d|-\w))"
    rf"|(?<![\w.-])(?P<word>{WORD}|none|nothing)(?!\w|-\w)"
)
_ANY_DIGITS = re.compile(r"\d+")
# Bounds, ranges, multiples and fractions: the digits beside them are not the number meant.
_NOT_EXACT = re.compile(
    r"\b(?:at least|at most|more|less|fewer|greater than|over|under|above|below|up to|nearly|almost"
    r"|between|or so|minimum|maximum|several|few|couple|each|per (?:image|picture|photo)|minus"
    r"|negative|hundreds?|thousands?|millions?|billions?|dozens|half|halves|quarters?"
    r"|(?:a|one|two|three|four|five|six|seven)[ -](?:thirds?|fourths?|fifths?|sixths?|tenths?))\b"
    r"|\d\s*[+^±⁄]|\d\s*(?:k|mil|mln|bn)\b|!=|[<>≤≥±≠~≈²³¼½¾]"
)
_PRONOUN = re.compile(
    r"\b(?:the|this|that|every|which|another|other|left|right|first|second|third|last)\s+$"
)
_SEVERAL_SUMS = re.compile(r"=.{0,200}?\d\s*(?:[,;\n]|\band\b)", re.DOTALL)
"""Before the last "=" of a text: another one that came to an end."""
_MOST_BEFORE = 200
_ENDS = re.compile(r"\b(?:is|equals|makes|gives)\s+(\S+(?: \S+)?)\W*$")
_COUNTS = re.compile(r"\b(?:images?|pictures?|photos?|total|altogether)\b")
_NO_NAMES = ClassMarks({})
_MOST_COUNTED = 10_000
_AN_ITEM = re.compile(r"\b(?:image|picture|photo|figure|option|step|question)\s*#?\s*$")


class NumberTask(StemTask):
    """One number, in digits or words, with or without a unit."""

    name = "number"
    truth_type = Number
    wording = Wording(
        plain="{stem} Answer with a number.", instruct="{stem} Give only the number.", stem="{stem}"
    )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Number | Unread:
        """The only number that it states; a bound ("at least 3") or a range is none."""
        statements = final_statements(ascii_digits(answer))
        if isinstance(statements, Unread):
            return statements
        return agreed(_of_statement(_plain(part)) for part in statements)

    def score(self, prediction: Truth, truth: Truth) -> Score:
        """Right within the tolerance, bounds included, in decimals: 3.1 is 0.1 from 3."""
        said, true = of_type(prediction, Number), of_type(truth, Number)
        off = abs(Decimal(repr(said.number)) - Decimal(repr(true.number)))
        return Score(off <= Decimal(repr(true.tolerance)))

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Number]:
        """None, one, two, and the number of images."""
        numbers = {"none": 0, "one": 1, "two": 2, "number of images": images}
        return {name: Number(number) for name, number in numbers.items()}


NUMBER = NumberTask()


def _of_statement(part: str) -> Number | Unread:
    """The number of one statement, or of the line that ends its prose."""
    if refuses(part):
        return Unread(REFUSED)
    number = _read(part)
    if isinstance(number, Unread) and number.reason in (SEVERAL, BOUND):
        stated = _concluded(part)
        number = number if stated is None else stated
    line = last_line(part) if isinstance(number, Unread) else None
    last = Unread(NO_ANSWER) if line is None else _read(line)
    return number if isinstance(last, Unread) else last


def _plain(part: str) -> str:
    """A statement in lower case, its numbers in digits."""
    return in_digits(unmarked(in_digits(part.lower())))


def _concluded(part: str) -> Number | None:
    """The number that a text ends with ("..., so it is 7"), or that it states as the total of what
    it counts in its images."""
    if found := _ENDS.search(part[-100:]):
        number = _read(found[1])
        if isinstance(number, Number):
            return number
    if not _COUNTS.search(part):
        return None
    mentions = mentions_of(part[:_MOST_COUNTED], (), _NO_NAMES, any_noun=True)
    total = total_of(mentions, "", only_class=True)
    return None if isinstance(total, Unread) else Number(total)


def _read(part: str) -> Number | Unread:
    """The number of one statement; after the last "=", if it has one."""
    if "!=" not in part:
        first, _, part = part.rpartition("=")
        if _SEVERAL_SUMS.search(first):
            return Unread(SEVERAL)
    if NEGATION.search(part) or RETRACTION.search(part):
        return Unread(HEDGED)
    if _NOT_EXACT.search(part):
        return Unread(BOUND)
    values: set[float] = set()
    covered: set[int] = set()
    for match in _NUMBER.finditer(part):
        covered |= set(range(*match.span()))
        if match["word"] == "one" and last_words(_PRONOUN, part, match.start()):
            return Unread(NO_ANSWER)
        if not last_words(_AN_ITEM, part, match.start()):
            values.add(_value(match))
    unread = any(match.start() not in covered for match in _ANY_DIGITS.finditer(part))
    if unread or len(values) != 1:
        return Unread(SEVERAL if values else NO_ANSWER)
    value = values.pop()
    return Number(value) if math.isfinite(value) else Unread(NO_ANSWER)


def last_words(pattern: re.Pattern[str], text: str, end: int) -> re.Match[str] | None:
    """Where a pattern that ends in `$` stands right before a place. It looks back a limited way,
    so that the time for a long answer full of numbers does not grow with its square."""
    return pattern.search(text, max(0, end - _MOST_BEFORE), end)


def _value(match: re.Match[str]) -> float:
    digits = match["digits"]
    if digits is not None:
        return float(digits.replace(",", ""))
    return 0.0 if match["word"] in ("none", "nothing") else float(word_value(match["word"]))
