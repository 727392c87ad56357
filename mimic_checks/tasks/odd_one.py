"""Odd one: which kind of object is in fewer of the images than the others?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.states import ABSENT, PRESENT, States
from mimic_checks.tasks import mimic_release
from mimic_checks.tasks.names import offered_names, read_names
from mimic_checks.tasks.task import Task, Template
from mimic_checks.tasks.truth import Names, Truth
from mimic_checks.tasks.vocabulary import Vocabulary
from mimic_checks.tasks.wording import Wording, images_shown

_WORDING = Wording(
    plain=("Which kind of object is in fewer of {images} than the others? Answer with its name."),
    instruct="Name the object that the fewest of {images} show. Give only the name.",
    stem="Which kind of object is in fewer of {images} than the others?",
)


class OddOne(Task):
    """MIMIC's Odd-One task."""

    name = "odd_one"
    truth_type = Names

    def question(self, template: Template, *, images: int) -> str:
        """Which kind of object the fewest images show.

        Raises:
            InvalidArgument: unknown template.
        """
        return _WORDING.text(template, images=images_shown(images))

    def stem(self, *, images: int) -> str:
        """The bare question, for a form with options."""
        return _WORDING.stem.format(images=images_shown(images))

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Names | None:
        """All names in it: two names are a wrong answer, not an unreadable one."""
        return read_names(answer, vocabulary)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Names]:
        """The offered name at each place, if names were offered."""
        return offered_names(offered)

    def released_scores(self, answers: Sequence[tuple[str, Truth]]) -> Mapping[str, float]:
        """The share of right answers by MIMIC's scorer."""
        return mimic_release.share_right(
            mimic_release.name_right(answer, truth.text) for answer, truth in answers
        )


ODD_ONE = OddOne()


def odd_one(shown: States) -> int | None:
    """The one class that exactly one image shows, every other class being in more than half of them
    or in none. `shown`: [images, classes]."""
    once = np.flatnonzero(_only_once(shown))
    if len(once) != 1:
        return None
    settled = in_most(shown) | (shown == ABSENT).all(axis=0)
    settled[once] = True
    return int(once[0]) if settled.all() else None


def is_odd(shown: States, answer: int) -> bool:
    """Whether a class is certainly in exactly one image: the odd one, among options that are
    `in_most`."""
    return bool(_only_once(shown)[answer])


def in_most(shown: States) -> NDArray[np.bool_]:
    """Classes that are certainly in more than half of the images."""
    most: NDArray[np.bool_] = (shown >= PRESENT).sum(axis=0) > len(shown) / 2
    return most


def _only_once(shown: States) -> NDArray[np.bool_]:
    once: NDArray[np.bool_] = ((shown >= PRESENT).sum(axis=0) == 1) & (
        (shown == ABSENT).sum(axis=0) == len(shown) - 1
    )
    return once
