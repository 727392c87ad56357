"""Common: which kind of object is in all of the images?"""

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
    plain="Which kind of object is in all of {images}? Answer with its name.",
    instruct="Name the object that every one of {images} shows. Give only the name.",
    stem="Which kind of object is in all of {images}?",
)


class CommonObject(Task):
    """MIMIC's Common task."""

    name = "common"
    truth_type = Names

    def question(self, template: Template, *, images: int) -> str:
        """Which kind of object all images show.

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


COMMON = CommonObject()


def common(shown: States) -> int | None:
    """The one class that every image shows, every other being certainly absent from at least one of
    them. `shown`: [images, classes]."""
    everywhere = np.flatnonzero((shown >= PRESENT).all(axis=0))
    if len(everywhere) != 1:
        return None
    refuted = (shown == ABSENT).any(axis=0)
    refuted[everywhere] = True
    return int(everywhere[0]) if refuted.all() else None


def common_wrong(shown: States, answer: int) -> NDArray[np.bool_]:
    """Classes that may be offered beside the common one: certainly absent from at least one
    image."""
    wrong: NDArray[np.bool_] = (shown == ABSENT).any(axis=0)
    wrong[answer] = False
    return wrong
