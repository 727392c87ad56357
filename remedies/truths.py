"""What is certain about a few images: the answers that training data may give.

Data in: `shown` [images, classes], the states of all classes in the images of one sample
(`catalog/presence.py`). Data out: an answer, or None where the labels do not settle it. The rules
are those of the cases, stated on states instead of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.presence import ABSENT, DOUBT, PRESENT, States


def count(shown: States, asked: Sequence[int]) -> list[int] | None:
    """Instances of every asked class in all images together; None if one image leaves one of them
    open."""
    columns = shown[:, list(asked)]
    if ((columns == PRESENT) | (columns == DOUBT)).any():
        return None
    return [int(total) for total in np.maximum(columns, 0).sum(axis=0)]


def listed(shown: States, offered: Sequence[int]) -> list[int] | None:
    """Those of the offered classes that some image shows; None if one of them is neither shown nor
    ruled out everywhere."""
    columns = shown[:, list(offered)]
    there, gone = np.any(columns >= PRESENT, axis=0), np.all(columns == ABSENT, axis=0)
    if not np.all(there | gone):
        return None
    return [c for c, found in zip(offered, there, strict=True) if found]


def common(shown: States) -> int | None:
    """The one class that every image shows, every other being certainly absent from at least one of
    them."""
    everywhere = np.flatnonzero((shown >= PRESENT).all(axis=0))
    if len(everywhere) != 1:
        return None
    refuted = (shown == ABSENT).any(axis=0)
    refuted[everywhere] = True
    return int(everywhere[0]) if refuted.all() else None


def odd_one(shown: States) -> int | None:
    """The one class that exactly one image shows, every other class being in more than half of them
    or in none."""
    once = np.flatnonzero(_only_once(shown))
    if len(once) != 1:
        return None
    settled = in_most(shown) | (shown == ABSENT).all(axis=0)
    settled[once] = True
    return int(once[0]) if settled.all() else None


def common_wrong(shown: States, answer: int) -> NDArray[np.bool_]:
    """Classes that may be offered beside the common one: certainly absent from at least one
    image."""
    wrong: NDArray[np.bool_] = (shown == ABSENT).any(axis=0)
    wrong[answer] = False
    return wrong


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


def believed(shown: States) -> States:
    """The states if what nobody verified were absent: good enough to train on, never to judge
    by."""
    return np.where(shown == DOUBT, ABSENT, shown)
