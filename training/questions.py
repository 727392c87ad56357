"""Training questions of the built-in model, about one scene or two.

Data in: the counts of a `SceneSet`. Data out: (question, answer) pairs. Their truth is computed
here from the counts; nothing of `mimic_checks.cases` but the wording is used, so a fault in the
case generator is not trained in.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mimic_checks.cases.wording import TEMPLATES, Task, counts_text, names_text, question
from mimic_checks.catalog.shapes import SHAPES

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
            if ((self.counts[rows] > 0).all(axis=0)).sum() == 1 and rows[0] != rows[1]:
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
                return rows, index


def about_counts(
    counts: NDArray[np.int16], images: int, asked: int, rng: np.random.Generator
) -> list[QA]:
    """`asked` questions on the summed counts of the shown scenes: counting (one to three classes)
    and listing."""
    present, absent = np.flatnonzero(counts), np.flatnonzero(counts == 0)
    pairs = []
    for kind in rng.choice(4, size=asked, p=(0.5, 0.25, 0.05, 0.2)):
        if kind == 3:
            supercategory = SUPERCATEGORIES[int(rng.integers(len(SUPERCATEGORIES)))]
            if rng.random() < 0.85 and len(present):
                supercategory = SHAPES[NAMES[int(rng.choice(present))]].supercategory
            names = [NAMES[i] for i in _MEMBERS[supercategory] if counts[i]]
            pairs.append(
                (_ask("listing", images, rng, supercategory=supercategory), names_text(names))
            )
            continue
        wanted = int(kind) + 1
        if wanted == 1 and len(present) and rng.random() < 0.9:
            weights = _RARITY[np.minimum(counts[present], len(_RARITY) - 1)]
            chosen_class = int(rng.choice(present, p=weights / weights.sum()))
            pairs.append(
                (
                    _ask("counting", images, rng, classes=[NAMES[chosen_class]]),
                    str(int(counts[chosen_class])),
                )
            )
            continue
        pool = present if wanted > 1 and rng.random() < 0.6 and len(present) >= wanted else None
        if pool is None:
            pool = np.concatenate([absent, np.repeat(present, 3)]) if wanted > 1 else absent
        chosen = list(dict.fromkeys(int(i) for i in rng.permutation(pool)))[:wanted]
        classes = [NAMES[i] for i in chosen]
        answer = counts_text(
            {name: int(counts[i]) for name, i in zip(classes, chosen, strict=True)}
        )
        pairs.append((_ask("counting", images, rng, classes=classes), answer))
    return pairs


def about_identity(task: Task, index: int, rng: np.random.Generator) -> QA:
    """A common or odd-one question on two scenes."""
    return _ask(task, 2, rng), NAMES[index]


def _ask(task: Task, images: int, rng: np.random.Generator, **words: object) -> str:
    template = TEMPLATES[int(rng.integers(len(TEMPLATES)))]
    return question(task=task, template=template, images=images, **words)  # type: ignore[arg-type]
