"""What an answer says about numbers of things: who is counted, where, and whether that is all.

Every number becomes a `Mention`: the class it counts (or another thing), the image it is about, and
whether the answer calls it the total. What follows from several is `count_totals`' business.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mimic_checks.catalog.labels import is_known_thing
from mimic_checks.tasks.class_marks import ClassMarks
from mimic_checks.tasks.count_tokens import Token, tokens_of
from mimic_checks.tasks.noun_phrases import (
    COLOURS,
    FUNCTION_WORDS,
    UNREAL,
    is_compound,
    is_participle,
    is_plural,
)

_SPLITS = frozenset("and but while whereas however then though although y und et e и plus".split())
_PARTICIPANTS = frozenset("more additional further other others another".split())
_ANYTHING = frozenset("any animals objects such instances items things them".split())
_COUNTED_AS_SUCH = frozenset(
    """instances items ones individuals total visible of them things objects altogether here
    distinct different more""".split()
)
_SKIPPED = frozenset("of the these those such different distinct visible clearly more".split())
_LEADS_TO_NOUN = frozenset("are is were which them of those".split())
_BETWEEN = frozenset("between from zwischen entre".split())
_OR = frozenset("or to oder o ou bis или or maybe perhaps possibly".split())
_MULTIPLE = re.compile(r"(?:hundred|thousand|million|billion|dozen|ten)s?$|half$|quarter$")
_LONGEST_PHRASE = 5
_LONGEST_SEGMENT = 80
"""Tokens; bounds the time that a long answer without punctuation takes."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A number that an answer gives. `name`: the class it counts, None where it does not say;
    `other`: it counts something else. `image`: the image it is about, `each`, or "" for all
    together; `images`: how many `each` is. `total`: called so; `concludes`: after "so", "thus".
    `weak`: an article or a pronoun. `by`: the words that tell it from another number of the same
    class."""

    value: int
    exact: bool = True
    name: str | None = None
    other: bool = False
    image: str = ""
    images: int | None = None
    total: bool = False
    concludes: bool = False
    weak: bool = False
    more: bool = False
    denied: bool = False
    in_digits: bool = True
    sentence: int = 0
    by: str = ""
    detail: bool = False
    """It tells more about a number given before: "3 dogs: 2 brown, ..."."""


@dataclass(slots=True)
class _Segment:
    tokens: list[Token]
    sentence: int
    starts: bool
    """The first of its sentence."""
    heading: str = ""
    thus: bool = False
    separator: str = ""
    found: list[Mention] = field(default_factory=list)


def mentions_of(
    text: str, asked: Collection[str], marks: ClassMarks, *, any_noun: bool = False
) -> list[Mention]:
    """The mentions in a lower-case text whose class names are marked, in its order. `any_noun`:
    whatever is counted is what was asked for."""
    tokens = _with_bounds(_without_terms(without_colour_pairs(tokens_of(text))))
    reader = _Reader(asked, marks, foreign=any_noun or _is_foreign(text))
    return reader.read(_segments(tokens))


def _is_foreign(text: str) -> bool:
    """Whether a text is in another language than English, so that its nouns are not known."""
    letters = [char for char in text[:2000] if char.isalpha()]
    if any(ord(char) > 0x24F for char in letters):
        return True
    words = set(re.findall(r"[^\W\d_]+", text[:2000]))
    return not words.isdisjoint(_FOREIGN_WORDS)


_FOREIGN_WORDS = frozenset(
    """es sind gibt auf bildern bild im der das ich sehe hay en las los imágenes imagen veo il y
    dans les sur je vois ci sono nelle immagini vedo há nas imagens vejo er zijn op afbeeldingen
    jest są det finns""".split()
)


def without_colour_pairs(tokens: Sequence[Token]) -> list[Token]:
    """Of "black and white", the white: "and" joins no two things there."""
    kept: list[Token] = []
    for token in tokens:
        joined = len(kept) > 1 and kept[-1].text in ("and", ",") and kept[-2].text in COLOURS
        if joined and token.text in COLOURS:
            del kept[-2:]
        kept.append(token)
    return kept


def _without_terms(tokens: list[Token]) -> list[Token]:
    """Without the terms of sums: of "2 + 1 = 3", the 3. A sum that comes to nothing has no exact
    number."""
    kept: list[Token] = []
    since, has_plus = 0, False
    outside: list[tuple[int, bool]] = []
    for token in tokens:
        if token.text in ("(", "（"):  # "2 (first image) + 1 (second image)" is one sum
            outside.append((since, has_plus))
            kept.append(token)
            since, has_plus = len(kept), False
        elif token.text in (")", "）") and outside:
            _close_sum(kept, since, has_plus)
            kept.append(token)
            since, has_plus = outside.pop()
        elif token.kind in ("break", "comma") or token.text == ":":
            _close_sum(kept, since, has_plus)
            kept.append(token)
            since, has_plus = len(kept), False
        elif token.kind == "plus" or token.text == "plus":
            has_plus = True
            kept.append(token)
        elif has_plus and (token.text in ("=", "＝") or token.kind == "total"):
            del kept[since:]
            kept.append(Token("total", token.text))
            has_plus = False
        else:
            kept.append(token)
    _close_sum(kept, since, has_plus)
    return kept


def _close_sum(kept: list[Token], since: int, has_plus: bool) -> None:
    if has_plus:
        for token in kept[since:]:
            token.exact = False


def _with_bounds(tokens: list[Token]) -> list[Token]:
    """Numbers beside bounds and alternatives are not exact."""
    numbers = [place for place, token in enumerate(tokens) if token.kind == "number"]
    for place in numbers:
        before = tokens[place - 1] if place else None
        if before and before.kind == "article" and place > 1:
            before = tokens[place - 2]
        if before and before.kind in ("bound", "vague"):
            tokens[place].exact = False
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if after and (after.kind == "after_bound" or _MULTIPLE.match(after.text)):
            tokens[place].exact = False
    for first, second in itertools.pairwise(numbers):
        between = tokens[first + 1 : second]
        words = [token.text for token in between]
        opened = first > 0 and tokens[first - 1].text in _BETWEEN
        joined = 0 < len(words) <= 3 and (
            all(word in _OR for word in words)
            or (len(words) == 1 and words[0] in ("-", "–", "—", "/"))
            or (opened and words in (["and"], ["to"], ["und"], ["y"], ["et"]))
        )
        if joined:
            tokens[first].exact = tokens[second].exact = False
    return tokens


def _segments(tokens: Sequence[Token]) -> Iterator[_Segment]:
    """The tokens between commas, "and", brackets and sentence ends."""
    sentence, starts, thus, separator = 0, True, False, ""
    part: list[Token] = []
    for token in [*tokens, Token("break", "")]:
        splits = token.kind in ("break", "comma", "thus") or token.text in _SPLITS
        if not splits and len(part) < _LONGEST_SEGMENT:
            part.append(token)
            continue
        if part:
            yield _Segment(part, sentence, starts, thus=thus, separator=separator)
            part, starts, thus = [], False, False
        separator = token.text
        thus = thus or token.kind == "thus"
        if token.kind == "break":
            yield _Segment([], sentence, False, separator=token.text)
            sentence, starts, thus = sentence + 1, True, False


class _Reader:
    """Reads segments one after another; what a heading or a list began goes on in the next."""

    def __init__(self, asked: Collection[str], marks: ClassMarks, *, foreign: bool) -> None:
        self.asked, self.marks, self.foreign = asked, marks, foreign
        self.found: list[Mention] = []
        self.heading = self.line_heading = ""
        self.last: Mention | None = None
        self.in_denial = self.total_next = self.in_detail = False
        self.images_counted = False

    def read(self, segments: Iterator[_Segment]) -> list[Mention]:
        for segment in segments:
            if not segment.tokens:
                self._end_sentence(segment)
            else:
                self._read(segment)
        return self.found

    def _end_sentence(self, segment: _Segment) -> None:
        self.heading = self.line_heading
        self.last, self.in_denial, self.in_detail = None, False, False
        self.images_counted = False
        if segment.separator != "\n":
            self.total_next = False

    def _read(self, segment: _Segment) -> None:
        tokens = segment.tokens
        if segment.separator in ("(", "[", "（") and self.last:
            self.in_detail = True
        elif segment.separator in (")", "]", "）"):
            self.in_detail = False
        numbers = [
            k
            for k, token in enumerate(tokens)
            if token.kind in ("number", "pair") or self._is_vague(tokens, k)
        ]
        kinds = {token.kind for token in tokens}
        totals = bool(kinds & {"total", "post_total", "whole"})
        if totals and self.found and "image" not in kinds:
            self.heading = self.line_heading = ""
        images = [token for token in tokens if token.kind == "image"]
        if images and not numbers:
            self._open_heading(segment, images[0])
        elif "share" in kinds:
            self.heading = "each"
        self.images_counted = self.images_counted or any(
            token.kind == "images" and token.value for token in tokens
        )
        before = len(self.found)
        denial = next((k for k, t in enumerate(tokens) if t.kind in ("neg", "none")), None)
        if denial is not None and self._denies(segment, denial, numbers):
            self._mark_total(totals, before)
            return
        if self.in_denial and not numbers and not any(t.kind == "article" for t in tokens):
            self._deny_marks(segment, tokens)
            return
        self.in_denial = False
        self._count(segment, numbers)
        self._articles(segment, numbers)
        self._mark_totals(segment, numbers, before)

    def _is_vague(self, tokens: Sequence[Token], place: int) -> bool:
        if tokens[place].kind != "vague":
            return False
        if len(tokens) == 1:
            return True
        return any(token.kind == "mark" for token in tokens[place + 1 : place + 3])

    def _open_heading(self, segment: _Segment, image: Token) -> None:
        """An image that is named before what is said of it."""
        if segment.starts or segment.separator in _SPLITS or not self.last:
            self.heading = image.image
        only = all(token.kind in ("image", "link", "other") for token in segment.tokens)
        if segment.starts and only:
            self.line_heading = image.image

    def _denies(self, segment: _Segment, place: int, numbers: Sequence[int]) -> bool:
        """Reads a denial; false where its segment says something else beside it."""
        tokens = segment.tokens
        after = tokens[place + 1 :]
        words = {token.text for token in after}
        if any(token.kind == "some" for token in tokens) and not numbers:
            return True
        elsewhere = any(token.kind == "image" for token in tokens)
        if words & _PARTICIPANTS and not numbers and not elsewhere:
            return True
        later = [k for k in numbers if k > place]
        if later and all(
            token.kind in ("word", "article") for token in tokens[place + 1 : later[0]]
        ):
            number = tokens[later[0]]
            if number.value == 1 and not number.text.isdigit():
                self._deny_marks(segment, after)
            else:
                self._add(segment, number, Mention(number.value or 0, denied=True))
            return len(numbers) == 1
        if numbers and not later:
            self._deny_marks(segment, after)
            return False
        if later:
            return False
        denied = self._deny_marks(segment, after)
        if not denied and (tokens[place].kind == "none" or words & _ANYTHING):
            if not any(token.kind == "mark" for token in tokens):
                self._add(segment, tokens[place], Mention(0, in_digits=False))
            elif tokens[place].kind == "none":
                denied = self._deny_marks(segment, tokens)
        self.in_denial = denied
        return True

    def _deny_marks(self, segment: _Segment, tokens: Sequence[Token]) -> bool:
        found = False
        for token in tokens:
            if token.kind == "mark":
                name = self.marks.name(token.text)
                found = True
                if name in self.asked:
                    mention = Mention(0, name=name, in_digits=False)
                    self._add(segment, token, mention)
        return found

    def _count(self, segment: _Segment, numbers: Sequence[int]) -> None:
        tokens = segment.tokens
        used: set[int] = set()
        for order, place in enumerate(numbers):
            end = numbers[order + 1] if order + 1 < len(numbers) else len(tokens)
            start = numbers[order - 1] + 1 if order else 0
            number = tokens[place]
            value = number.value or 0
            mention = Mention(
                value, number.exact and number.kind != "vague", in_digits=number.text[:1].isdigit()
            )
            mention, noun = self._noun(mention, tokens, place, end)
            if noun is None and not mention.other:
                mention = self._label(mention, tokens, start, place, used)
            if noun is not None:
                used.add(noun)
            if number.kind == "pair":
                is_one = noun is not None and self._comes_in_pairs(tokens[noun])
                mention = replace(mention, value=value if is_one else 2 * value)
            if number.text == "one" and self._is_pronoun(tokens, place):
                mention = replace(mention, weak=True)
            mention = self._of_detail(mention, tokens, start, place)
            self._add(segment, number, self._placed(mention, tokens, start, place, end))

    def _of_detail(
        self, mention: Mention, tokens: Sequence[Token], start: int, place: int
    ) -> Mention:
        """Whether a number tells more about one before: after a colon, "of them", "the other 2"."""
        between = tokens[start:place] if start else []
        if any(t.text == ":" for t in between) and not any(t.kind == "more" for t in between):
            self.in_detail = True
        after = [token.text for token in tokens[place + 1 : place + 3]]
        of_them = after[:1] == ["of"] and after[1:] in (["them"], ["which"], ["these"], ["those"])
        if of_them and self.images_counted and not mention.name:
            self.heading = "each"
            return replace(mention, other=True)
        before = tokens[place - 1].text if place else ""
        is_rest = before in ("other", "others", "remaining")
        return replace(mention, detail=self.in_detail or of_them or is_rest)

    def _comes_in_pairs(self, mark: Token) -> bool:
        name = self.marks.name(mark.text)
        return name.endswith("s") and self.marks.spelling(mark.text) == name.lower()

    def _is_pronoun(self, tokens: Sequence[Token], place: int) -> bool:
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        return (
            before in ("other", "another", "the", "this", "that", "which", "each")
            or after
            in ("is", "has", "of", "being", "sits", "stands", "lies", "looks", "seems", "appears")
            or is_participle(after)
        )

    def _noun(
        self, mention: Mention, tokens: Sequence[Token], place: int, end: int
    ) -> tuple[Mention, int | None]:
        """What a number counts, by the words after it."""
        phrase: list[str] = []
        for k in range(place + 1, min(end, place + 2 + _LONGEST_PHRASE)):
            token = tokens[k]
            if token.kind == "mark":
                return self._with_noun(mention, tokens, k, end, phrase), k
            if token.kind == "more":
                mention = replace(mention, more=True)
            elif token.kind not in ("word", "post_total", "total"):
                break
            elif token.text not in _SKIPPED and (phrase or token.text not in _LEADS_TO_NOUN):
                if token.text in FUNCTION_WORDS or token.kind != "word":
                    break
                phrase.append(token.text)
        if not phrase or self.foreign or phrase[0] in _COUNTED_AS_SUCH or is_participle(phrase[0]):
            return mention, None
        return replace(mention, other=True), None

    def _with_noun(
        self, mention: Mention, tokens: Sequence[Token], place: int, end: int, phrase: list[str]
    ) -> Mention:
        mark = tokens[place].text
        name, spelling = self.marks.name(mark), self.marks.spelling(mark)
        if place + 1 < end and tokens[place + 1].kind == "mark" and not is_plural(name, spelling):
            return self._with_noun(mention, tokens, place + 1, end, [*phrase, spelling])
        follower = tokens[place + 1] if place + 1 < end else None
        other = name not in self.asked or not UNREAL.isdisjoint(phrase)
        other = other or bool(phrase and is_known_thing(f"{phrase[-1]} {spelling}"))
        if follower is not None and follower.kind == "word":
            other = other or is_compound(name, spelling, follower.text)
        other = other or (follower is not None and follower.text == "'")
        by = " ".join([*phrase, spelling])
        return replace(mention, name=None if other else name, other=other, by=by)

    def _label(
        self, mention: Mention, tokens: Sequence[Token], start: int, place: int, used: set[int]
    ) -> Mention:
        """What a number counts, by the name before it: "dogs: 3", "the number of dogs is 3"."""
        for k in range(place - 1, start - 1, -1):
            if tokens[k].kind == "mark" and k not in used:
                used.add(k)
                name = self.marks.name(tokens[k].text)
                if k == place - 1 and len(self.asked) == 1 and self._enumerates(tokens[k]):
                    return replace(mention, other=True)
                other = name not in self.asked
                return replace(mention, name=None if other else name, other=other)
        return mention

    def _enumerates(self, mark: Token) -> bool:
        """Whether "dog 2" is the second dog: a number right after the singular."""
        return not self.marks.spelling(mark.text).endswith("s")

    def _placed(
        self, mention: Mention, tokens: Sequence[Token], start: int, place: int, end: int
    ) -> Mention:
        """The mention with the image that it is about."""
        is_total = any(token.kind in ("total", "post_total", "whole") for token in tokens)
        near = [*tokens[place + 1 : end], *reversed(tokens[start:place])]
        for token in near:
            if token.kind == "image":
                return replace(mention, image=token.image)
            if token.kind == "share":
                return replace(mention, image="each")
            if token.kind == "each":
                return replace(mention, image="each", images=token.value)
            if token.kind == "both" and not (is_total or token.text.startswith("across")):
                return replace(mention, image="both", images=2)
        return mention

    def _articles(self, segment: _Segment, numbers: Sequence[int]) -> None:
        """ "a dog" is one, where no number says how many."""
        tokens = segment.tokens
        for place, token in enumerate(tokens):
            if token.kind != "article" or place + 1 in numbers:
                continue
            end = next((k for k in numbers if k > place), len(tokens))
            mention, noun = self._noun(Mention(1, weak=True), tokens, place, end)
            if noun is None or mention.other:
                continue
            start = max((k + 1 for k in numbers if k < place), default=0)
            mention = replace(mention, in_digits=False, more=token.text == "another")
            mention = self._placed(mention, tokens, start, noun, end)
            self._add(segment, token, mention)

    def _add(self, segment: _Segment, token: Token, mention: Mention) -> None:
        """Keeps a mention, with what the sentence before it says of its image and its class."""
        if not mention.image:
            own = next((t for t in segment.tokens if t.kind == "image"), None)
            # What follows from all of it is about no image of its own.
            around = "" if segment.thus else self.heading
            image = own.image if own and mention.value == 0 else around
            mention = replace(mention, image=image)
        elif mention.image not in ("each", "both") and self._leads(segment, token):
            self.heading = mention.image
        is_total = any(t.kind in ("total", "post_total", "whole") for t in segment.tokens)
        inherits = self.last is not None and not is_total
        if mention.name is None and not mention.other and self.last and inherits:
            mention = replace(mention, name=self.last.name, other=self.last.other)
        mention = replace(mention, sentence=segment.sentence, concludes=segment.thus)
        if mention.name or mention.other:
            self.last = mention
        self.found.append(mention)

    def _leads(self, segment: _Segment, token: Token) -> bool:
        """Whether a segment names its image before its number."""
        for one in segment.tokens:
            if one is token:
                return False
            if one.kind == "image":
                return True
        return False

    def _mark_total(self, totals: bool, before: int) -> None:
        if totals:
            self.found[before:] = [replace(one, total=True) for one in self.found[before:]]

    def _mark_totals(self, segment: _Segment, numbers: Sequence[int], before: int) -> None:
        """Which of the new mentions the segment calls the total."""
        tokens = segment.tokens
        new = list(range(before, before + len(numbers)))
        if self.total_next and new:
            self._set_total(new[0])
            self.total_next = False
        for place, token in enumerate(tokens):
            if token.kind not in ("total", "post_total", "whole"):
                continue
            earlier = [k for k, number in enumerate(numbers) if number < place]
            later = [k for k, number in enumerate(numbers) if number > place]
            close = earlier and self._close(tokens, numbers[earlier[-1]], place)
            if close or (earlier and token.kind == "post_total" and not later):
                self._set_total(new[earlier[-1]])
            elif later:
                self._set_total(new[later[0]])
            elif numbers or not self.found or segment.starts:
                self.total_next = not numbers
            elif token.kind == "post_total":
                self._set_total(len(self.found) - 1)
            else:
                self.total_next = True

    def _close(self, tokens: Sequence[Token], number: int, place: int) -> bool:
        between = tokens[number + 1 : place]
        return len(between) <= 3 and all(
            token.kind in ("word", "mark", "more") for token in between
        )

    def _set_total(self, place: int) -> None:
        self.found[place] = replace(self.found[place], total=True)
