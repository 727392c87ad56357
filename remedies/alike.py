"""Images grouped by the set of classes that they show, for odd-one questions.

Data in: a `Presence`. Data out: for a class, two groups: images that show it beside (or instead of)
exactly what all images of the other group show. A set of classes is a sum of one random 56-bit
number per class, so millions of images are grouped by sorting numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.presence import DOUBT, PRESENT, ManyRows, Presence

FEWEST_ALIKE = 2
"""Images of one set, at least, for it to be a background."""
_TRIES = 40


class AlikeImages:
    """Rows by the leaf classes they show. Where everything was looked for, rows with any doubt are
    left out; else what nobody verified counts as absent (training grade)."""

    def __init__(self, presence: Presence) -> None:
        classes = len(presence.class_names)
        shown = (presence.states >= PRESENT) & presence.leaves[presence.classes]
        owner = np.repeat(np.arange(len(presence), dtype=np.int32), np.diff(presence.starts))
        self._words = np.random.default_rng(0).integers(
            1, 2**56, classes, dtype=np.uint64
        )  # 128 of them fit
        keys = np.zeros(len(presence), dtype=np.uint64)
        np.add.at(keys, owner[shown], self._words[presence.classes[shown]])
        if presence.exhaustive:
            keys[owner[presence.states == DOUBT]] = 0
        rows = np.flatnonzero(keys).astype(np.int32)
        self._rows = rows[np.argsort(keys[rows], kind="stable")]
        self._keys, self._starts, self._sizes = np.unique(
            keys[self._rows], return_index=True, return_counts=True
        )
        several = np.flatnonzero(self._sizes >= FEWEST_ALIKE)
        self._backgrounds = several[np.argsort(-self._sizes[several], kind="stable")]
        self._holds = self._members(presence, self._backgrounds)

    def odd_one(
        self, asked: int, held: NDArray[np.bool_], images: int, rng: np.random.Generator
    ) -> tuple[ManyRows, ManyRows] | None:
        """(rows of the odd image, rows of all others): the others show one set of classes, without
        the asked one and without any that is held out with it; the odd image shows that set and the
        asked class or, not of two, the asked class alone."""
        large = int(np.searchsorted(-self._sizes[self._backgrounds], -(images - 1), side="right"))
        barred = [asked, *np.flatnonzero(held).tolist()]
        for place in rng.integers(large, size=_TRIES).tolist() if large else ():
            if self._holds[place, barred].any():
                continue
            rest = int(self._backgrounds[place])
            word = self._words[asked]
            shown = [
                self._place(self._keys[rest] + word),
                self._place(word) if images > 2 else None,
            ]
            there = [odd for odd in shown if odd is not None]
            if there:
                return self._group(there[int(rng.integers(len(there)))]), self._group(rest)
        return None

    def _place(self, key: np.uint64) -> int | None:
        place = int(np.searchsorted(self._keys, key))
        return place if place < len(self._keys) and self._keys[place] == key else None

    def _group(self, place: int) -> ManyRows:
        return self._rows[self._starts[place] : self._starts[place] + self._sizes[place]]

    def _members(self, presence: Presence, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which leaf classes the images of a group show: [groups, classes]."""
        first = self._rows[self._starts[places]]
        holds = np.zeros((len(places), len(presence.class_names)), dtype=bool)
        for number, row in enumerate(first.tolist()):
            entries = slice(presence.starts[row], presence.starts[row + 1])
            holds[number, presence.classes[entries][presence.states[entries] >= PRESENT]] = True
        return holds & presence.leaves
