"""Counting: how many instances of one class, or of each of several, are in all images together?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from mimic_checks.catalog.labels import plural
from mimic_checks.catalog.states import DOUBT, PRESENT, States
from mimic_checks.tasks import mimic_release, numbers
from mimic_checks.tasks.answer import NEGATION, plain_words
from mimic_checks.tasks.task import Task, Template
from mimic_checks.tasks.truth import Counts, Truth, of_type
from mimic_checks.tasks.unread import NO_ANSWER, Unread
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording, enumerated, images_shown

_ONE_CLASS = Wording(
    plain="How many {classes} are there in {images}? Answer with a number.",
    instruct="Count the {classes} in {images}. Give only the total number.",
    stem="How many {classes} are there in {images}?",
)
_SEVERAL_CLASSES = Wording(
    plain="How many {classes} are there in {images}? Answer in the form {form}.",
    instruct="Count the {classes} in {images}. Give only the totals in the form {form}.",
    stem="How many {classes} are there in {images}, in the form {form}?",
)


class Counting(Task):
    """MIMIC's Counting task."""

    name = "counting"
    truth_type = Counts

    def question(self, template: Template, *, classes: Sequence[str], images: int) -> str:
        """How many there are of each of `classes`.

        Raises:
            InvalidArgument: unknown template.
        """
        return (_SEVERAL_CLASSES if len(classes) > 1 else _ONE_CLASS).text(
            template,
            classes=enumerated([plural(name) for name in classes]),
            form=", ".join(f"{name}: number" for name in classes),
            images=images_shown(images),
        )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Counts | Unread:
        """One class: the only number, or the one given as the total. Several: a number at each name
        (`apple: 2`, `2 apples`), or as many bare numbers as classes, in their order."""
        asked = [name for name, _ in of_type(truth, Counts).counts]
        text = plain_words(answer)
        values = _several(text, asked) if len(asked) > 1 else _one(text, asked[0])
        if values is None:
            return Unread(NO_ANSWER)
        return Counts(tuple(zip(asked, values, strict=True)))

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Counts]:
        """One of every asked class, and one in every image. What is usual in a catalog is no answer
        to a single case: the best constant over all cases covers it."""
        asked = [name for name, _ in of_type(truth, Counts).counts]
        return {
            "one of each": Counts(tuple((name, 1) for name in asked)),
            "one per image": Counts(tuple((name, images) for name in asked)),
        }

    def released_scores(self, answers: Sequence[tuple[str, Truth]]) -> Mapping[str, float]:
        """The share of right answers by MIMIC's scorer, which knows one class only."""
        if any(len(of_type(truth, Counts).counts) > 1 for _, truth in answers):
            return {}
        return mimic_release.share_right(
            mimic_release.counting_right(answer, truth.text) for answer, truth in answers
        )


COUNTING = Counting()


def count(shown: States, asked: Sequence[int]) -> list[int] | None:
    """Instances of every asked class in all images together; None if one image leaves one of them
    open. `shown`: [images, classes]."""
    columns = shown[:, list(asked)]
    if ((columns == PRESENT) | (columns == DOUBT)).any():
        return None
    return [int(total) for total in np.maximum(columns, 0).sum(axis=0)]


def _one(text: str, name: str) -> list[int] | None:
    total = _zero(text, name) if NEGATION.search(text) else numbers.total(text)
    return None if total is None else [total]


def _zero(text: str, name: str) -> int | None:
    """Zero where the class is denied ("there are no dogs"); any other negation with a number in it
    says nothing certain."""
    names = "|".join(re.escape(form) for form in (plural(name), name))
    denied = re.search(rf"\b(?:no|not any) (?:\w+ )?(?:{names})\b", text)
    return 0 if denied and not [n for n in numbers.find(text) or () if n.value] else None


def _several(text: str, asked: Sequence[str]) -> list[int] | None:
    stated = numbers.find(text)
    if stated is None or NEGATION.search(text) or not all(number.exact for number in stated):
        return None
    by_label = [_labelled(text, stated, name) for name in asked]
    if all(len(values) == 1 for values in by_label):
        return [next(iter(values)) for values in by_label]
    bare = re.sub(r"[\s,;]|\band\b", "", numbers.NUMBER.sub("", text)) == ""
    if bare and len(stated) == len(asked):
        return [number.value for number in stated]
    return None


def _labelled(text: str, stated: Sequence[numbers.Stated], name: str) -> set[int]:
    """The values that a text ties to a label: `apple: 2`, `apples = 2`, `2 apples`."""
    forms = sorted({name.lower(), plural(name.lower())}, key=len, reverse=True)
    label = "|".join(map(re.escape, forms))
    before = re.compile(rf"\b(?:{label})\s*(?::|=|-|–|is|are)\s*$")
    after = re.compile(rf"\s*(?:{label})\b(?!\s*(?::|=))")
    return {
        number.value
        for number in stated
        if after.match(text, number.end)
        or (
            numbers.last_words(before, text, number.start)
            and not numbers.TERM.match(text, number.end)
        )
    }
