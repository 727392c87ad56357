"""Which lettered option an answer takes.

In layers: option texts become tokens first, the longest before the shorter, so that their words are
no longer taken for letters or denials; then letters are looked for. Every mention of an option
narrows the choice, and one of them must be *firm*: stand where an answer stands. So two letters, or
a letter with the text of another option, are no prediction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimic_checks.tasks.answer import (
    NEGATION,
    RETRACTION,
    conclusion,
    final_statements,
    first_sentence,
    last_line,
    unmarked,
)
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.truth import LETTERS
from mimic_checks.tasks.unread import NO_ANSWER, REFUSED, SEVERAL, Unread, agreed

_TOKEN = "\ue000"
"""Stands where an option's text was: a character that no real answer uses."""

# "A" may be an article and "I" a pronoun: they are letters only where no noun or verb follows.
_LETTER = (
    r"(?<![\w'\-])(?:[B-HJ-Z](?![\w'\-])"
    r"|A(?![\w'\-]|\s+(?!(?:is|because|since|as|and|or|but)\b)\w)|I(?![\w'\-]|\s+\w))"
)
_ANY_LETTER = re.compile(_LETTER)
_SMALL_LETTER = re.compile(rf"(?<![\w'\-])(?<![\w{_TOKEN}]\()(?:[b-hj-z](?![\w'\-])|a(?=\W*$))")
_FIRM_LETTERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^[^\w{_TOKEN}]*([A-Za-z])(?!\+)[^\w{_TOKEN}]*$",
        rf"(?<![\w{_TOKEN}])[(\[{{<]\s*([A-Za-z])\s*[)\]}}>]",  # but not "dog(s)"
        r"\b(?i:options?|choices?|answers?|letter)\s*(?:is\s+)?[:=]?\s*([a-z])\W*$",
        rf"\b(?i:options?|choices?|answers?|letter)\s*(?:is\s+)?[:=]?\s*({_LETTER})",
        r"\b(?i:option|choice|letter)\s+([AI])\b",
        rf"\b(?i:is|be|it's|that's|choose|pick|select|chose|think|say|(?:go|going|agree) with)"
        rf"\s*:?\s+({_LETTER})",
        rf"({_LETTER})\s+(?i:is|seems)\s+(?i:the\s+)?(?i:most\s+)?(?i:correct|right|best|answer)",
        rf"({_LETTER})\s+(?:because|since|as)\b",
    )
)
_LEAD = re.compile(
    r"^[^\w(\[{<" + _TOKEN + r"]*(?:[(\[{<]\s*(?P<bracketed>[A-Za-z])\s*[)\]}>]\s*[.:,]?"
    r"|(?P<marked>[A-Za-z])\s*[.):](?=\s|$|" + _TOKEN + r")"
    r"|(?P<dashed>[A-HJ-Z])\s*(?:,|-|–|—)\s"
    r"|(?P<line>[A-Za-z])\s*(?:\n|$)"
    r"|(?P<spaced>[B-HJ-Z])\s+(?=" + _TOKEN + r"))"
)
_TEXT_LAST = re.compile(
    r"\b(?:is|are|was|were|be|shows?|contains?|depicts?)\s+" + _TOKEN + r"\W*$", re.IGNORECASE
)
_DENIAL = re.compile(
    rf"{NEGATION.pattern}|\b(?:none|wrong|incorrect|false|except|unlike|rather than|instead of"
    r"|unable|unclear|unsure|unlikely|impossible|(?:could|might|may) be|(?:is|are) out"
    r"|rul(?:ed?|ing) out|(?:eliminat|exclud|discard|reject|refus|avoid|disagree|lack)\w*)\b"
)
_ASKS = re.compile(r"\?\W*$")
_SIGN_BEFORE = re.compile(r"(?:[<>≤≥±≠~≈+*/^×÷]\s*|[–—])$")
_SIGN_AFTER = re.compile(r"\s*[+*/^×÷±½¼¾]")
_OF_OPTIONS = re.compile(r"\b(?:option|choice|answer|correct|right|wrong|incorrect|sure|true)\b")
_OPTION_NUMBER = re.compile(r"\b(?:option|choice)\s+#?(\d{1,2})(?![\w.,]\w|\w)", re.IGNORECASE)
_PLACES = "first second third fourth fifth sixth seventh eighth".split()
_OPTION_PLACE = re.compile(
    rf"\b({'|'.join(_PLACES)}|last)\s+(?:option|choice|answer)\b", re.IGNORECASE
)
_MOST_WORDS_OF_PLACE = 6
"""Of an answer that only says at which place its option is."""
_LIKELY = re.compile(r"^\W*(?:probably|most likely|likely|i guess|maybe)\b[\s,:]*", re.IGNORECASE)
_NOT_THE_OTHER = re.compile(
    r",\s*(?:and\s+|but\s+)?not\s+(?:option\s+)?\(?[A-Z]\)?(?=\s*[.,;!]|\s*$)"
)
_SAME_LETTER = re.compile(r"^([A-Za-z])(?:(?:[\s,.]+|\s+and only\s+)\1)+\W*$")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
_SINCE = re.compile(r"\b(?:since|because)\b", re.IGNORECASE)
_TEXT_FOLLOWS = re.compile(rf"[ \t\n(]*{_TOKEN}(?!\s+(?:is|are|was|can|has|appears?)\b)")
_SUBJECT = re.compile(rf"^\W*{_TOKEN}\s+(?:can be|is|are|appears?)\b", re.IGNORECASE)
_ONE_LETTER = {"", *LETTERS.lower()}
_FILLER = frozenset(
    """a an the it its it's that that's this these those is are there i think believe would say
    in of image images picture pictures photo photos shown shows show see we can option choice
    letter my answer so therefore thus and both all kind object s""".split()
)


def read_option(answer: str, options: Sequence[str]) -> int | Unread:
    """The place of the option that an answer takes. `options`: their texts, "" where an
    option is an image. Of options with equal texts, the first."""
    reader = _Reader(options)
    if (place := reader.as_a_whole(answer)) is not None:
        return place
    statements = final_statements(answer.replace(_TOKEN, " "))
    if isinstance(statements, Unread):
        return statements
    return agreed(_of_statement(unmarked(part), reader) for part in statements)


def _of_statement(part: str, reader: _Reader) -> int | Unread:
    """The option of one statement, or of the line that ends its prose."""
    place = reader.read(part)
    if not isinstance(place, Unread):
        return place
    if refuses(part):
        return Unread(REFUSED)
    for end in (conclusion(part), last_line(part)):
        if end is not None and not isinstance(last := reader.read(end), Unread):
            return last
    return place


class _Reader:
    """Reads statements about some options; all mentions are sets of places."""

    def __init__(self, options: Sequence[str]) -> None:
        self.given = options
        self.options = [" ".join(unmarked(text).split()).strip(" .").lower() for text in options]
        texts = sorted({text for text in self.options if text not in _ONE_LETTER}, key=len)[::-1]
        any_of = "|".join(r"\s+".join(map(re.escape, text.split())) for text in texts) or "(?!)"
        article = r"(?:(?<!option )(?<!choice )(?<!letter )(?:an?|the)\s+)?"
        # Not inside a longer word or number: "2" is not in "2.5", "dog" not in "dog-like".
        self.pattern = re.compile(
            rf"(?<![\w\-])(?<!(?<![A-Za-z])\.){article}(?P<text>{any_of})(?!\w|-\w|[.,:/]\d)",
            re.IGNORECASE,
        )

    def as_a_whole(self, answer: str) -> int | None:
        """The option whose text is the whole answer, whatever its words say; of equal ones, the
        first. A letter is one that the layers below read."""
        text = " ".join(answer.split())
        folded = text.casefold()
        places = [
            place
            for place, option in enumerate(self.given)
            if " ".join(option.split()).casefold() == folded
        ]
        one_text = len({self.given[place] for place in places}) == 1
        return places[0] if one_text and len(text) > 1 else None

    def read(self, part: str) -> int | Unread:
        """The option that one statement takes."""
        part = self._plain(part)
        found = [m for m in self.pattern.finditer(part) if not _in_a_sum(m)]
        named = [self._with_text(m["text"]) for m in found]
        text = self.pattern.sub(lambda m: m.group() if _in_a_sum(m) else _TOKEN, part)
        lead = _LEAD.match(text)
        mentions = self._led(text, lead, named) if lead else self._stated(text, named)
        if mentions or self._is_short(text):
            mentions += self._numbered(part)
        return self._only(frozenset.intersection(*mentions)) if mentions else Unread(NO_ANSWER)

    def _plain(self, part: str) -> str:
        """A statement without what only leads to its option, or denies another after it."""
        if not any(_UNSPACED.search(text) for text in self.options):
            part = _UNSPACED.sub(" ", part)
        part = _NOT_THE_OTHER.sub(" ", _LIKELY.sub("", part))
        return _SAME_LETTER.sub(r"\1", part.strip())

    def _is_short(self, text: str) -> bool:
        words = text.split()
        return len(words) <= _MOST_WORDS_OF_PLACE and not _DENIAL.search(text.lower())

    def _led(
        self, text: str, lead: re.Match[str], named: list[frozenset[int]]
    ) -> list[frozenset[int]]:
        """Mentions in a statement that begins with a letter: a text that follows at once must be
        that option's; what comes after explains, and may name other options by their texts, but
        not by their letters."""
        letter = next(group for group in lead.groups() if group)
        rest = text[lead.end() :]
        sentence, _ = first_sentence(rest)
        if "\n" not in lead.group() and _takes_back(sentence.lower()):
            return []
        if RETRACTION.search(rest):
            return []
        mentions = [self._with_letter(letter)]
        rest = _SINCE.split(rest)[0]
        if _TEXT_FOLLOWS.match(rest):
            mentions.append(named[0])
        return mentions + self._letters(rest)

    def _stated(self, text: str, named: list[frozenset[int]]) -> list[frozenset[int]]:
        """Mentions in any other statement: all count, and one must be firm."""
        if _DENIAL.search(text.lower()) or RETRACTION.search(text) or _ASKS.search(text):
            return []
        firm = [m[1] for pattern in _FIRM_LETTERS for m in pattern.finditer(text)]
        words = re.findall(r"[\w']+", _ANY_LETTER.sub(" ", text).lower())
        only_named = bool(named) and all(word in _FILLER for word in words)
        is_subject = len(set(named)) == 1 and _SUBJECT.match(text)
        if not (firm or only_named or is_subject or _TEXT_LAST.search(text)):
            return []
        return [*map(self._with_letter, firm), *named, *self._letters(text)]

    def _letters(self, text: str) -> list[frozenset[int]]:
        """Every letter of an option that stands alone, and every firm one of none."""
        letters = [
            m.group().upper()
            for pattern in (_ANY_LETTER, _SMALL_LETTER)
            for m in pattern.finditer(text)
        ]
        bracketed = [m[1] for m in _FIRM_LETTERS[1].finditer(text)]
        inside = [letter for letter in letters if LETTERS.index(letter) < len(self.options)]
        return [self._with_letter(letter) for letter in inside + bracketed]

    def _with_letter(self, letter: str) -> frozenset[int]:
        """The option of a letter, if there is one, and those whose text is that letter."""
        place = LETTERS.index(letter.upper())
        lettered = {place} if place < len(self.options) else set()
        return frozenset(lettered | self._with_text(letter))

    def _with_text(self, text: str) -> frozenset[int]:
        wanted = " ".join(text.split()).lower()
        return frozenset(k for k, option in enumerate(self.options) if option == wanted)

    def _numbered(self, text: str) -> list[frozenset[int]]:
        """Where "option 2" stands: the second, if it is no other's text."""
        found = [int(m[1]) - 1 for m in _OPTION_NUMBER.finditer(text)]
        for match in _OPTION_PLACE.finditer(text):
            word = match[1].lower()
            found.append(len(self.options) - 1 if word == "last" else _PLACES.index(word))
        return [frozenset({place}) for place in found]

    def _only(self, places: frozenset[int]) -> int | Unread:
        texts = {self.given[place] or place for place in places}
        return min(places) if len(texts) == 1 else Unread(SEVERAL)


def _in_a_sum(match: re.Match[str]) -> bool:
    """Whether an option that is a number stands in a sum or a bound: "1 + 1" and ">2" are no "1"
    and no "2"."""
    text, before, after = match["text"], match.string[: match.start()], match.end()
    return bool(
        (text[0].isdigit() and _SIGN_BEFORE.search(before[-20:]))
        or (text[-1].isdigit() and _SIGN_AFTER.match(match.string, after))
    )


def _takes_back(sentence: str) -> bool:
    """Whether the words after a letter deny it ("A is not correct"); an explanation may deny other
    things ("B. It is a cat, no dog")."""
    at_once = " ".join(sentence.split()[:3])
    return bool(
        _DENIAL.search(at_once) or (_DENIAL.search(sentence) and _OF_OPTIONS.search(sentence))
    )
