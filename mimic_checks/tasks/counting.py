"""Counting: how many instances of one class, or of each of several, are in all images together?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mimic_checks.catalog.labels import DEFAULT_LABELS, Labels
from mimic_checks.catalog.states import DOUBT, PRESENT, States
from mimic_checks.tasks import mimic_release
from mimic_checks.tasks.count_reader import read_counts
from mimic_checks.tasks.task import Task, Template
from mimic_checks.tasks.truth import Counts, Truth, of_type
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording, enumerated, images_shown

_ONE_CLASS = Wording(
    plain="How many {classes} are there in {images}? Answer with a number.",
    instruct="Count the {classes} in {images}. Give only the total number.",
    stem="How many {classes} are there in {images}?",
    singular="Count {each} in {images}. Give only the total number.",
)
_SEVERAL_CLASSES = Wording(
    plain="How many {classes} are there in {images}? Answer in the form {form}.",
    instruct="Count the {classes} in {images}. Give only the totals in the form {form}.",
    stem="How many {classes} are there in {images}, in the form {form}?",
    singular="Count {each} in {images}. Give only the totals in the form {form}.",
)


class Counting(Task):
    """MIMIC's Counting task."""

    name = "counting"
    truth_type = Counts

    def question(
        self,
        template: Template,
        *,
        classes: Sequence[str],
        images: int,
        labels: Labels = DEFAULT_LABELS,
    ) -> str:
        """How many there are of each of `classes`, as `labels` call them.

        Raises:
            InvalidArgument: unknown template.
        """
        return (_SEVERAL_CLASSES if len(classes) > 1 else _ONE_CLASS).text(
            template,
            classes=enumerated([labels.plural(name) for name in classes]),
            each=enumerated([f"every {labels.display(name)}" for name in classes]),
            form=", ".join(f"{labels.display(name)}: number" for name in classes),
            images=images_shown(images),
        )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Counts | Unread:
        """The stated totals, else sums over images that are each named, else the only number of
        each class; or as many bare numbers as classes, in their order."""
        asked = [name for name, _ in of_type(truth, Counts).counts]
        values = read_counts(answer, asked, vocabulary.counted(asked))
        if isinstance(values, Unread):
            return values
        return Counts(tuple(zip(asked, values, strict=True)))

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Counts]:
        """As many of every asked class, from none to three; one in every image, in every other, and
        two in every image."""
        asked = [name for name, _ in of_type(truth, Counts).counts]
        numbers = {
            "none": 0,
            "one of each": 1,
            "two of each": 2,
            "three of each": 3,
            "one per image": images,
            "one in every other image": (images + 1) // 2,
            "two per image": 2 * images,
        }
        return {
            name: Counts(tuple((asked_name, number) for asked_name in asked))
            for name, number in numbers.items()
        }

    def repeated(self, said: Truth, truth: Truth) -> Counts | None:
        """The same numbers of other classes, in their order."""
        numbers = [number for _, number in of_type(said, Counts).counts]
        asked = [name for name, _ in of_type(truth, Counts).counts]
        if len(numbers) != len(asked):
            return None
        return Counts(tuple(zip(asked, numbers, strict=True)))

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
