"""Odd one: which kind of object is in fewer of the images than the others?"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.states import ABSENT, PRESENT, States
from mimic_checks.tasks.naming import NamingTask
from mimic_checks.tasks.wording import Wording


class OddOne(NamingTask):
    """MIMIC's Odd-One task."""

    name = "odd_one"
    wording = Wording(
        plain=(
            "Which kind of object is in fewer of {images} than the others? Answer with its name."
        ),
        instruct="Name the object that the fewest of {images} show. Give only the name.",
        stem="Which kind of object is in fewer of {images} than the others?",
    )
    decides = re.compile(
        r"\b(?:odd|only|just|fewe(?:r|st)|least|once|unique|exclusively|single|different)\b"
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
