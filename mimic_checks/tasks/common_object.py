"""Common: which kind of object is in all of the images?"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.states import ABSENT, PRESENT, States
from mimic_checks.tasks.naming import NamingTask
from mimic_checks.tasks.wording import Wording


class CommonObject(NamingTask):
    """MIMIC's Common task."""

    name = "common"
    wording = Wording(
        plain="Which kind of object is in all of {images}? Answer with its name.",
        instruct="Name the object that every one of {images} shows. Give only the name.",
        stem="Which kind of object is in all of {images}?",
    )
    decides = re.compile(r"\b(?:all|both|every|each|common|shared)\b")


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
