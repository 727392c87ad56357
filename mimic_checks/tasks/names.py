"""Names in an answer: which classes it says are there, which it denies, and what is no class.

Numbers, adjectives, articles and the images that an answer names around a class change nothing; a
compound that is another thing ("toy dog", "dog house") is one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mimic_checks.catalog.labels import is_known_thing
from mimic_checks.tasks.answer import final_statements, last_line, unmarked
from mimic_checks.tasks.class_marks import ClassMarks, without_marks
from mimic_checks.tasks.count_layout import laid_out
from mimic_checks.tasks.count_mentions import without_colour_pairs
from mimic_checks.tasks.count_tokens import Token, tokens_of
from mimic_checks.tasks.noun_phrases import (
    FUNCTION_WORDS,
    UNREAL,
    is_compound,
    is_participle,
    is_plural,
)
from mimic_checks.tasks.plain_text import plain_characters
from mimic_checks.tasks.refusal import refuses
from mimic_checks.tasks.truth import Names
from mimic_checks.tasks.unread import (
    DENIED,
    HEDGED,
    NO_ANSWER,
    REFUSED,
    SEVERAL,
    UNKNOWN_NAME,
    Unread,
)
from mimic_checks.tasks.vocabulary import Vocabulary

_NONE_ANSWERS = (
    "none|nothing|zero|none of them|no|there are none|0|there is none|no objects|nothing at all"
)
_NONE = frozenset(_NONE_ANSWERS.split("|"))
_FILLER = FUNCTION_WORDS | frozenset(
    """a an the some many several of all every one both image images picture pictures photo photos
    scene object objects kind kinds type types class classes name names category categories answer
    following common odd also only with different various question list item items thing things
    possibly probably maybe perhaps likely certainly clearly single pair pairs few couple
    based so therefore thus i see can we is's it's that's there's namely e.g i.e etc others such
    think believe say would looks look like seems seem given provided shared among main
    featured depicted displayed shown identified visible count number total unique
    than fewer more most less yes sure okay ok well however additionally respectively""".split()
)
_GENERIC = frozenset(
    """animal animals object objects vehicle vehicles food foods item items thing things furniture
    appliance appliances electronic electronics accessory accessories kitchen outdoor indoor sports
    person-like kind kinds type types any common matching relevant category categories""".split()
)
_DOUBTS = re.compile(
    r"\b(?:not (?:entirely |completely )?(?:sure|certain|clear)|unsure|unclear|uncertain|unknown"
    r"|(?:hard|difficult|impossible) to (?:say|tell|determine|see)"
    r"|(?:can't|cannot|can not|unable to) (?:tell|say|determine|know)"
    r"|(?:don't|do not) know|(?:could|might|may) be|no idea|depends on)\b|\?\s*$"
)
_IT_IS = re.compile(r"^(?:it is|it ' s|it's|that is|this is)\b")
_LEFT_OUT = frozenset("except excluding missing absent lacks lacking without excluded".split())
_IMAGE_OF = frozenset(
    """statue sculpture painting drawing figurine figure cartoon poster sticker logo toy model sign
    silhouette""".split()
)
_CHOOSES = frozenset(("or", "/", "vs", "versus"))
_SEPARATES = frozenset(("and", "but", "&", "/", "or", "nor", "plus", "while", "whereas", "then"))
_SEPARATES |= frozenset(("yet",))
_SEPARATES |= frozenset(("y", "und", "et", "e", "и", "和", "與", "与"))
_HASHTAG = re.compile(r"(?<!\S)#(?=[^\s\d#])")
_LETTER = re.compile(r"(?<!\S)\(?([a-h])\)\s+(?=\S)")
_ASKS = frozenset((":", "=", "?"))
"""What stands between a name and whether it is there."""
_TICKS, _FALSE = frozenset("✓✔✅☑"), frozenset((*"✗✘❌☒✖", "false"))
_HEADS = frozenset(("on", "in", "with", "near", "beside", "behind", "under", "next", "at", "by"))
_LONGEST_UNKNOWN = 3
"""Words of a noun phrase outside the vocabulary that still counts as a name; longer is prose."""
_MOST_CHARACTERS = 10_000


@dataclass(slots=True)
class _Item:
    """A part of an answer between commas, "and" and sentence ends."""

    tokens: list[Token]
    before: str
    after: str
    sentence: int
    in_brackets: bool = False


@dataclass(slots=True)
class _Said:
    """What the parts of an answer say so far."""

    names: dict[str, list[int]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    unknown: bool = False
    chooses: bool = False
    either: bool = False
    prose: bool = False
    denies_all: bool = False
    last_names: list[str] = field(default_factory=list)


def read_names(
    answer: str, vocabulary: Vocabulary, *, decides: re.Pattern[str] | None = None
) -> Names | Unread:
    """The names that an answer gives, in its order. `decides`: for a question that has one name for
    an answer, words of the sentence that gives it."""
    text = plain_characters(without_marks(answer)).lower()
    statements = final_statements(vocabulary.marks.mark(text))
    if isinstance(statements, Unread):
        return statements
    read = [_of_statement(part, vocabulary, decides) for part in statements]
    unread = next((one for one in read if isinstance(one, Unread)), None)
    if unread or not read:
        return unread or Unread(NO_ANSWER)
    names = [one for one in read if isinstance(one, Names)]
    return names[0] if len({one.value for one in names}) == 1 else Unread(SEVERAL)


def offered_names(offered: Sequence[str]) -> dict[str, Names]:
    """Answers that give the name at one place of those offered, whatever the images show."""
    return {f"name {place}": Names((name,)) for place, name in enumerate(offered, start=1)}


def _of_statement(
    part: str, vocabulary: Vocabulary, decides: re.Pattern[str] | None
) -> Names | Unread:
    marks = vocabulary.marks
    part = _HASHTAG.sub(", ", part)
    if len(letters := _LETTER.findall(part)) > 1 and letters == list("abcdefgh"[: len(letters)]):
        part = _LETTER.sub(", ", part)
    text = laid_out(marks.mark(unmarked(part)))[:_MOST_CHARACTERS].strip()
    if text.strip(" .!") in _NONE:
        return Names(())
    if refuses(text):
        return Unread(REFUSED)
    if _DOUBTS.search(text):
        return Unread(HEDGED)
    if decides is not None and (line := last_line(text)) is not None:
        last = _of_statement(line, vocabulary, decides)
        if isinstance(last, Names):
            return last
    items = list(_items(without_colour_pairs(tokens_of(text))))
    said = _Said()
    denies = False
    one = decides is not None and not any(item.sentence for item in items)
    for item in items:
        denies = _read_item(item, said, vocabulary, denies, one=one)
    return _concluded(said, items, decides, marks)


def _concluded(
    said: _Said, items: Sequence[_Item], decides: re.Pattern[str] | None, marks: ClassMarks
) -> Names | Unread:
    names = [name for name in said.names if name not in said.denied]
    if said.unknown:
        return Unread(UNKNOWN_NAME)
    if not names:
        if said.names:
            return Unread(SEVERAL)
        if said.denied:
            return Unread(DENIED)
        return Names(()) if said.denies_all else Unread(NO_ANSWER)
    if len(names) == 1:
        return Names(tuple(names))
    if decides is None:
        return Unread(SEVERAL) if said.either else Names(tuple(names))
    decided = _decided(items, names, decides, marks)
    if decided is not None:
        return Names((decided,))
    return Unread(SEVERAL) if said.chooses or said.prose else Names(tuple(names))


def _decided(
    items: Sequence[_Item], names: Sequence[str], decides: re.Pattern[str], marks: ClassMarks
) -> str | None:
    """The one name of several that an answer decides for: in a bare first sentence, outside
    brackets, or in words that say so."""
    first = [item for item in items if item.sentence == items[0].sentence and not item.in_brackets]
    if len(first) == 1 and _only_names(first[0].tokens) and _names_of(first[0], marks):
        rest = [item for item in items if item.sentence or item.in_brackets]
        if rest and all(len(item.tokens) > 1 or item.in_brackets for item in rest[:1]):
            return _names_of(first[0], marks)[0]
    if (stated := _stated(items, names, decides, marks)) is not None:
        return stated
    for says in (_IT_IS, decides):
        found = {
            name
            for item in items
            if says.search(" ".join(token.text for token in item.tokens))
            for name in _names_of(item, marks)
            if name in names
        }
        if len(found) == 1:
            return found.pop()
    return None


def _stated(
    items: Sequence[_Item], names: Sequence[str], decides: re.Pattern[str], marks: ClassMarks
) -> str | None:
    """The one name beside a colon whose other side decides: "common: dog", "dog: all images"."""
    found: set[str] = set()
    for before, item in itertools.pairwise(items):
        sides = [_names_of(one, marks) for one in (before, item)]
        words = " ".join(token.text for one in (before, item) for token in one.tokens)
        if item.before in (":", "=") and all(sides) is False and decides.search(words):
            listed = item.after not in (*".!;", "\n", "") or before.before in (",", "and")
            found.update((*sides[0], *sides[1], *([""] if listed else [])))
    return found.pop() if len(found) == 1 and found <= set(names) else None


def _names_of(item: _Item, marks: ClassMarks) -> list[str]:
    return [_name_at(item.tokens, place, marks) for place in _marks_in(item.tokens)]


def _items(tokens: Sequence[Token]) -> Iterator[_Item]:
    part: list[Token] = []
    before, sentence, depth = "", 0, 0
    for token in [*tokens, Token("break", "")]:
        splits = (
            token.kind in ("break", "comma", "link", "plus", "thus") or token.text in _SEPARATES
        )
        if token.kind == "link" and token.text in "-–—" and part and not before:
            splits = True
        if not splits:
            part.append(token)
            continue
        if part:
            yield _Item(part, before, token.text, sentence, depth > 0)
        part, before = [], token.text
        depth += 1 if token.text in "([{（" and token.text else 0
        depth -= 1 if token.text in ")]}）" and token.text and depth else 0
        sentence += token.kind == "break" or token.text in ("while", "whereas", "but", "however")


def _read_item(
    item: _Item, said: _Said, vocabulary: Vocabulary, denies: bool, *, one: bool
) -> bool:
    """Adds what one item says; returns whether it denies, which a following "or" goes on with."""
    tokens, marks = item.tokens, vocabulary.marks
    negation = next((k for k, t in enumerate(tokens) if t.kind in ("neg", "none")), None)
    left_out = next((k for k, t in enumerate(tokens) if t.text in _LEFT_OUT), None)
    if left_out is not None and any(t.kind == "image" for t in tokens[left_out:]):
        left_out = None  # "except image 3 that shows a cat": there is one
    denied_from = min((k for k in (negation, left_out) if k is not None), default=None)
    goes_on = item.before in ("or", "nor") or (
        item.before in (",", "、", "and", "/") and _only_names(tokens)
    )
    continues = denies and goes_on and denied_from is None
    if continues:
        denied_from = -1
    found = _marks_in(tokens)
    if item.before in _ASKS and not found and (denied_from == 0 or _is_no(tokens[0])):
        said.denied.update(said.last_names[-1:])
        return False
    said.last_names = _names_of(item, marks)
    if item.before in _CHOOSES and found and said.names:
        said.chooses = True
        said.either = said.either or (item.before == "or" and denied_from is None)
    if not found:
        return _without_names(item, said, denied_from, vocabulary) or (
            denies and _only_names(tokens)
        )
    for order, place in enumerate(found):
        if (denied_from is not None and place > denied_from) or _is_crossed(tokens, place):
            said.denied.add(marks.name(tokens[place].text))
        elif _is_modifier(tokens, place, marks) or (
            one and order and _in_the_background(tokens, found[order - 1], place)
        ):
            continue
        elif not _is_zero(tokens, place, item):
            name = _name_at(tokens, place, marks)
            said.names.setdefault(name, []).append(item.sentence)
    words = [t for t in tokens if t.kind == "word"]
    said.prose = said.prose or any(t.text in FUNCTION_WORDS for t in words)
    return denied_from is not None and (
        continues
        or item.before == ""
        or (item.before in (*".!;\n", "but", "while") and len(tokens) > 1)
        or _starts(item)
        or item.after in ("or", "nor")
    )


def _starts(item: _Item) -> bool:
    return len(item.tokens) > 2 and item.tokens[0].kind not in ("neg", "none")


def _only_names(tokens: Sequence[Token]) -> bool:
    return all(
        t.kind in ("mark", "article") or (t.kind == "word" and t.text not in FUNCTION_WORDS)
        for t in tokens
    )


def _is_no(token: Token) -> bool:
    """Whether what stands after "cat:" says that there is none."""
    return token.text in _FALSE or (token.kind == "number" and token.exact and token.value == 0)


def _is_crossed(tokens: Sequence[Token], place: int) -> bool:
    """Whether a name is marked as false: "dog ✓ cat ✗", or the sign first, where an item begins
    with one."""
    beside = place - 1 if tokens[0].text in _TICKS | _FALSE else place + 1
    return beside in range(len(tokens)) and tokens[beside].text in _FALSE


def _marks_in(tokens: Sequence[Token]) -> list[int]:
    return [k for k, token in enumerate(tokens) if token.kind == "mark"]


def _is_modifier(tokens: Sequence[Token], place: int, marks: ClassMarks) -> bool:
    """Whether a name only tells of which kind the next one is: "tv remote"."""
    mark = tokens[place].text
    follows = place + 1 < len(tokens) and tokens[place + 1].kind == "mark"
    return follows and not is_plural(marks.name(mark), marks.spelling(mark))


def _is_zero(tokens: Sequence[Token], place: int, item: _Item) -> bool:
    before = tokens[place - 1] if place else None
    return before is not None and before.kind == "number" and before.value == 0 and before.exact


def _in_the_background(tokens: Sequence[Token], first: int, second: int) -> bool:
    """Whether the second of two names only tells where the first is: "a dog on a couch"."""
    between = [token.text for token in tokens[first + 1 : second]]
    return any(word in _HEADS or is_participle(word) for word in between)


def _name_at(tokens: Sequence[Token], place: int, marks: ClassMarks) -> str:
    """The class at a place, or the compound that is another thing."""
    mark = tokens[place].text
    name, spelling = marks.name(mark), marks.spelling(mark)
    start = place
    while start and tokens[start - 1].kind == "word" and tokens[start - 1].text not in _FILLER:
        start -= 1
    before = [token.text for token in tokens[start:place]]
    depicted = {token.text for token in tokens[max(0, place - 4) : place]} & _IMAGE_OF
    follower = tokens[place + 1] if place + 1 < len(tokens) else None
    if (
        follower is not None
        and follower.kind == "word"
        and is_compound(name, spelling, follower.text)
    ):
        return " ".join([*before, spelling, follower.text])
    known = is_known_thing(" ".join([*before[-1:], spelling])) and bool(before)
    if not UNREAL.isdisjoint(before) or depicted or known:
        return " ".join([*(before or sorted(depicted)), spelling])
    return name


def _without_names(
    item: _Item, said: _Said, denied_from: int | None, vocabulary: Vocabulary
) -> bool:
    """An item without a class: a denial of everything, a name that is none, or prose."""
    tokens = item.tokens
    words = [t.text for t in tokens if t.kind in ("word", "junk", "more", "vague", "total")]
    content = [word for word in words if word not in _FILLER]
    general = {word for name in vocabulary.groups for word in _forms(name)} | _GENERIC
    specific = [word for word in content if word not in general]
    if denied_from is not None:
        # "I cannot see any" may be about the images: no claim that there is nothing.
        blind = tokens[denied_from].text in ("cannot", "can't", "couldn't") and set(content) <= {
            "any"
        }
        said.denies_all = said.denies_all or not (specific or blind)
        return False
    is_item = all(
        t.kind in ("word", "article", "number", "other", "image", "images", "vague", "single")
        for t in tokens
    )
    is_heading = item.after in (":", "(") or item.in_brackets or item.before in (":", "-", "–", "—")
    if not specific or not is_item or (is_heading and (said.names or item.after == ":")):
        if content and not specific and not said.names and item.after != ":":
            said.prose = True
        return False
    if len(specific) > _LONGEST_UNKNOWN or any(word in FUNCTION_WORDS for word in words[1:]):
        said.prose = True
        return False
    phrase = " ".join(specific)
    if meant := vocabulary.misspelled(phrase):
        said.names.setdefault(meant, []).append(item.sentence)
        return False
    if vocabulary.class_names and not (is_known_thing(phrase) or is_known_thing(specific[-1])):
        said.unknown = True
    else:
        said.names.setdefault(phrase, []).append(item.sentence)
    return False


def _forms(name: str) -> tuple[str, str]:
    return name.lower(), f"{name.lower()}s"
