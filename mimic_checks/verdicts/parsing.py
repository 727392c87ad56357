"""From a model's text to a prediction, strictly.

Data in: an answer, the case, the vocabulary of the case set. Data out: a `Prediction`, or None
where the text does not say one thing. Never a guess: negated labels, two different numbers, missing
parts are no prediction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mimic_checks.cases import Case
from mimic_checks.catalog.labels import plural, spellings
from mimic_checks.verdicts import numbers

_MARKUP = re.compile(r"[*_`\"“”‘’#\[\](){}<>]|\\n")
_NEGATION = re.compile(
    r"\b(?:no|not|without|neither|nor|never|cannot|can't|isn't|aren't|don't|doesn't)\b"
)
_NONE = {"none", "nothing", "zero", "none of them", "no", "there are none", "0"}
_ITEM_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)]|\(?[a-z]\))\s+")
_SEPARATOR = re.compile(r"[,;\n/&|]|\band\b|\bas well as\b")
_FILLER_WORDS = """a an the some many several of in is are it there these this all each every one
both image images picture pictures photo photos scene object objects kind
kinds type types class classes name names category answer show shows shown
showing contain contains containing include includes present appear appears
visible see i can we following common odd that which only also with its
different various and question list"""
_FILLER = frozenset(_FILLER_WORDS.split())
_LONGEST_UNKNOWN = 3
"""Words of a noun phrase outside the vocabulary that still counts as a label (a wrong one); longer
is prose."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an answer says: `counts` in the order asked, or `names` (class names, or phrases outside
    the vocabulary)."""

    counts: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()


class Vocabulary:
    """The class names of a case set with every accepted spelling."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self.class_names = class_names
        self.spellings = spellings(class_names)
        longest = sorted(self.spellings, key=len, reverse=True)
        self.pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, longest)) + r")\b")


def parse(case: Case, answer: str, vocabulary: Vocabulary) -> Prediction | None:
    """The prediction that an answer makes for a case, or None."""
    text = _MARKUP.sub(" ", answer).strip().lower().rstrip(" .!,;:")
    text = re.sub(r"^(?:the )?(?:final )?answers?(?: is|:)\s*", "", text).strip()
    if not text:
        return None
    if case.task != "counting":
        return _names(text, vocabulary)
    asked = [name for name, _ in case.truth.counts]
    if len(asked) > 1:
        return _several(text, asked)
    count = _zero(text, asked[0]) if _NEGATION.search(text) else numbers.total(text)
    return None if count is None else Prediction(counts=(count,))


def _zero(text: str, name: str) -> int | None:
    """ "There are no dogs" is zero; any other negation with a number in it says nothing certain."""
    names = "|".join(re.escape(form) for form in (plural(name), name))
    denied = re.search(rf"\b(?:no|not any) (?:\w+ )?(?:{names})\b", text)
    return 0 if denied and not [n for n in numbers.find(text) or () if n.value] else None


def _several(text: str, asked: list[str]) -> Prediction | None:
    found = numbers.find(text)
    if found is None or _NEGATION.search(text):
        return None
    by_label = [_labelled(text, found, name) for name in asked]
    if all(len(values) == 1 for values in by_label):
        return Prediction(counts=tuple(next(iter(values)) for values in by_label))
    bare = re.sub(r"[\s,;]|\band\b", "", numbers.NUMBER.sub("", text)) == ""
    if bare and len(found) == len(asked):
        return Prediction(counts=tuple(number.value for number in found))
    return None


def _labelled(text: str, found: list[numbers.Number], name: str) -> set[int]:
    """The values that a text ties to a label: `apple: 2`, `apples = 2`, `2 apples`."""
    forms = sorted({name.lower(), plural(name.lower())}, key=len, reverse=True)
    label = "|".join(map(re.escape, forms))
    before = re.compile(rf"\b(?:{label})\s*(?::|=|-|–|is|are)\s*$")
    after = re.compile(rf"^\s*(?:{label})\b(?!\s*(?::|=))")
    return {n.value for n in found if before.search(text[: n.start]) or after.match(text[n.end :])}


def _names(text: str, vocabulary: Vocabulary) -> Prediction | None:
    if text in _NONE:
        return Prediction()
    if _NEGATION.search(text):
        return None
    names: set[str] = set()
    for item in _SEPARATOR.split(text):
        item = _ITEM_MARK.sub("", item).strip(" .:!?'-")
        if not item:
            continue
        labels = {
            vocabulary.spellings[match.group()] for match in vocabulary.pattern.finditer(item)
        }
        left = [
            word
            for word in re.findall(r"[\w'-]+", vocabulary.pattern.sub(" ", item))
            if word not in _FILLER
        ]
        if labels and not left:
            names |= labels
        elif not labels and len(left) <= _LONGEST_UNKNOWN:
            names |= {" ".join(left)} if left else set()
        elif labels and len(re.findall(r"\w+", item)) <= _LONGEST_UNKNOWN:
            names.add(item)  # "toy car" is not "car": a label of its own
        else:
            return None
    return Prediction(names=frozenset(names)) if names else None
