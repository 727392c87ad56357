"""Listing: which kinds of a super-category are in the images?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from mimic_checks.catalog.states import ABSENT, PRESENT, States
from mimic_checks.tasks import mimic_release
from mimic_checks.tasks.names import read_names
from mimic_checks.tasks.task import Score, Task, Template
from mimic_checks.tasks.truth import Names, Truth, of_type
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording, images_shown

_WORDING = Wording(
    plain="Which kinds of {category} are in {images}? Answer with a list of names.",
    instruct=(
        "List every kind of {category} in {images}. Give only the names, separated by commas."
    ),
    stem=(
        "Which kinds of {category} are in {images}? Please provide the list of category names"
        " directly."
    ),
)


class Listing(Task):
    """MIMIC's Listing task: right if the set of names is, with the set F1 as partial score."""

    name = "listing"
    truth_type = Names

    def question(self, template: Template, *, category: str, images: int) -> str:
        """Which kinds of a super-category there are.

        Raises:
            InvalidArgument: unknown template.
        """
        return _WORDING.text(
            template, category=category.replace("_", " "), images=images_shown(images)
        )

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Names | Unread:
        """All names in it; "none" is an answer."""
        return read_names(answer, vocabulary)

    def score(self, prediction: Truth, truth: Truth) -> Score:
        predicted, true = (frozenset(of_type(t, Names).names) for t in (prediction, truth))
        return Score(predicted == true, set_f1(predicted, true))

    @property
    def no_prediction(self) -> Score:
        return Score(False, 0.0)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Names]:
        """Every member of the category, and none."""
        members = {"all members": Names(tuple(offered))} if offered else {}
        return members | {"none": Names(())}

    def released_scores(self, answers: Sequence[tuple[str, Truth]]) -> Mapping[str, float]:
        """MIMIC's F1 over all answers: as meant, and as released, where a leading space keeps the
        first name of every answer from matching."""
        if not answers:
            return {}
        pairs = [(answer, truth.text) for answer, truth in answers]
        return {
            "mimic": mimic_release.listing_score(pairs, leading_space=False).f1,
            "mimic (as released)": mimic_release.listing_score(pairs).f1,
        }


LISTING = Listing()


def listed(shown: States, offered: Sequence[int]) -> list[int] | None:
    """Those of the offered classes that some image shows; None if one of them is neither shown nor
    ruled out everywhere. `shown`: [images, classes]."""
    columns = shown[:, list(offered)]
    present, absent = np.any(columns >= PRESENT, axis=0), np.all(columns == ABSENT, axis=0)
    if not np.all(present | absent):
        return None
    return [c for c, is_present in zip(offered, present, strict=True) if is_present]


def set_f1(predicted: AbstractSet[str], true: AbstractSet[str]) -> float:
    """F1 of a predicted set against the true one; 1 when both are empty."""
    if not predicted and not true:
        return 1.0
    return 2 * len(predicted & true) / (len(predicted) + len(true))
