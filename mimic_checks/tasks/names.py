"""Names in an answer: class names, and phrases that stand where one was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimic_checks.tasks.answer import NEGATION, plain_words
from mimic_checks.tasks.truth import Names
from mimic_checks.tasks.unread import NO_ANSWER, Unread
from mimic_checks.tasks.vocabulary import Vocabulary

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
_NO_LABEL = frozenset(
    """i'm sorry unknown unsure unclear maybe perhaps probably possibly likely think believe except
    but excluding missing absent""".split()
)
"""Words of prose, however short: what they stand beside is doubted, or left out."""
_LONGEST_UNKNOWN = 3
"""Words of a noun phrase outside the vocabulary that still counts as a label (a wrong one); longer
is prose."""


def read_names(answer: str, vocabulary: Vocabulary) -> Names | Unread:
    """The names that an answer gives, in its order; unread where a part of it is no name, or it
    denies one."""
    text = plain_words(answer)
    if text in _NONE:
        return Names(())
    if not text or NEGATION.search(text):
        return Unread(NO_ANSWER)
    names: dict[str, None] = {}
    for item in _SEPARATOR.split(text):
        found = _item_names(_ITEM_MARK.sub("", item).strip(" .:!?'-"), vocabulary)
        if found is None:
            return Unread(NO_ANSWER)
        names |= dict.fromkeys(found)
    return Names(tuple(names)) if names else Unread(NO_ANSWER)


def offered_names(offered: Sequence[str]) -> dict[str, Names]:
    """Answers that give the name at one place of those offered, whatever the images show."""
    return {f"name {place}": Names((name,)) for place, name in enumerate(offered, start=1)}


def _item_names(item: str, vocabulary: Vocabulary) -> list[str] | None:
    """The names in one item of a list; none in an empty item, None where it is prose."""
    labels = [vocabulary.spellings[match.group()] for match in vocabulary.pattern.finditer(item)]
    others = re.findall(r"[\w'-]+", vocabulary.pattern.sub(" ", item))
    unknown = [word for word in others if word not in _FILLER]
    if not _NO_LABEL.isdisjoint(unknown):
        return None
    if labels and not unknown:
        return labels
    if not labels and len(unknown) <= _LONGEST_UNKNOWN:
        return [" ".join(unknown)] if unknown else []
    if labels and len(re.findall(r"\w+", item)) <= _LONGEST_UNKNOWN:
        return [item]  # "toy car" is not "car": a label of its own
    return None
