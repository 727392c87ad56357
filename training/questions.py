"""Training questions of the built-in model, about one scene or two.

The questions and their truth are those of the suite's tasks; which scenes and classes are asked
about is decided here, not by the case generator.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.catalog.states import ABSENT, States
from mimic_checks.tasks.common_object import common
from mimic_checks.tasks.counting import COUNTING, count
from mimic_checks.tasks.listing import LISTING, listed
from mimic_checks.tasks.naming import NamingTask
from mimic_checks.tasks.odd_one import odd_one
from mimic_checks.tasks.task import MIXED_TEMPLATES, Template
from mimic_checks.tasks.truth import Counts, Names

NAMES = tuple(SHAPES)
SUPERCATEGORIES = tuple(dict.fromkeys(shape.supercategory for shape in SHAPES.values()))
_MEMBERS = {
    sup: [i for i, shape in enumerate(SHAPES.values()) if shape.supercategory == sup]
    for sup in SUPERCATEGORIES
}
QA = tuple[str, str]
_RARITY = np.array(
    [0, 1, 1.6, 2.6, 4, 5, 6, 7, 8.0]
)  # a class shown often is asked for more often, as it is rarer in scenes


class Pairs:
    """Finds pairs of scenes for two-image questions: with one class in common, and with one odd
    class."""

    def __init__(self, counts: NDArray[np.int16]) -> None:
        self.counts = counts
        self.by_set: dict[frozenset[int], list[int]] = defaultdict(list)
        self.by_class: dict[int, list[int]] = defaultdict(list)
        for row, scene in enumerate(counts):
            present = np.flatnonzero(scene).tolist()
            self.by_set[frozenset(present)].append(row)
            for index in present:
                self.by_class[index].append(row)

    def any(self, rng: np.random.Generator) -> list[int]:
        return [int(row) for row in rng.integers(len(self.counts), size=2)]

    def common(self, rng: np.random.Generator) -> tuple[list[int], int]:
        """Two scenes that share exactly one class."""
        while True:
            index = int(rng.integers(len(NAMES)))
            rows = [
                self.by_class[index][int(i)]
                for i in rng.integers(len(self.by_class[index]), size=2)
            ]
            if rows[0] != rows[1] and common(_states(self.counts[rows])) is not None:
                return rows, index

    def odd(self, rng: np.random.Generator) -> tuple[list[int], int]:
        """Two scenes, the same classes in both but for one that only one of them shows."""
        while True:
            row = int(rng.integers(len(self.counts)))
            present = np.flatnonzero(self.counts[row]).tolist()
            if len(present) < 2:
                continue
            index = int(rng.choice(present))
            others = self.by_set.get(frozenset(present) - {index}, [])
            if others:
                rows = [row, others[int(rng.integers(len(others)))]]
                rng.shuffle(rows)
                assert odd_one(_states(self.counts[rows])) == index
                return rows, index


def about_counts(
    counts: NDArray[np.int16], images: int, asked: int, rng: np.random.Generator
) -> list[QA]:
    """`asked` questions on the summed counts of the shown scenes: counting (one to three classes)
    and listing."""
    pairs = []
    for kind in rng.choice(4, size=asked, p=(0.5, 0.25, 0.05, 0.2)):
        if kind == 3:
            pairs.append(_list(counts, images, rng))
        elif kind == 0 and counts.any() and rng.random() < 0.9:
            pairs.append(_count(counts, images, [_shown_class(counts, rng)], rng))
        else:
            pairs.append(_count(counts, images, _some_classes(counts, int(kind) + 1, rng), rng))
    return pairs


def about_identity(task: NamingTask, index: int, rng: np.random.Generator) -> QA:
    """A common or odd-one question on two scenes."""
    return task.question(_template(rng), images=2), NAMES[index]


def _shown_class(counts: NDArray[np.int16], rng: np.random.Generator) -> int:
    present = np.flatnonzero(counts)
    weights = _RARITY[np.minimum(counts[present], len(_RARITY) - 1)]
    return int(rng.choice(present, p=weights / weights.sum()))


def _some_classes(counts: NDArray[np.int16], number: int, rng: np.random.Generator) -> list[int]:
    """Up to `number` classes: one alone is absent, several are mostly present."""
    present, absent = np.flatnonzero(counts), np.flatnonzero(counts == 0)
    pool = absent
    if number > 1:
        only_present = rng.random() < 0.6 and len(present) >= number
        pool = present if only_present else np.concatenate([absent, np.repeat(present, 3)])
    return list(dict.fromkeys(int(i) for i in rng.permutation(pool)))[:number]


def _count(
    counts: NDArray[np.int16], images: int, classes: list[int], rng: np.random.Generator
) -> QA:
    names = [NAMES[i] for i in classes]
    totals = count(_states(counts[np.newaxis]), classes)
    assert totals is not None, "all is known of a scene"
    question = COUNTING.question(_template(rng), classes=names, images=images)
    return question, Counts(tuple(zip(names, totals, strict=True))).text


def _list(counts: NDArray[np.int16], images: int, rng: np.random.Generator) -> QA:
    present = np.flatnonzero(counts)
    category = SUPERCATEGORIES[int(rng.integers(len(SUPERCATEGORIES)))]
    if rng.random() < 0.85 and len(present):
        category = SHAPES[NAMES[int(rng.choice(present))]].supercategory
    members = listed(_states(counts[np.newaxis]), _MEMBERS[category])
    assert members is not None, "all is known of a scene"
    question = LISTING.question(_template(rng), category=category, images=images)
    return question, Names(tuple(NAMES[i] for i in members)).text


def _states(counts: NDArray[np.int16]) -> States:
    """What is certain of scenes: everything."""
    return np.where(counts > 0, counts, ABSENT)


def _template(rng: np.random.Generator) -> Template:
    return MIXED_TEMPLATES[int(rng.integers(len(MIXED_TEMPLATES)))]
