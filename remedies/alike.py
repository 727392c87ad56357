"""Images grouped by the set of classes that they show, for odd-one questions.

A set of classes is known by the sum of one random 56-bit number per class, so millions of images
are grouped by sorting numbers. Two sets share a sum with a chance of about 2^-56.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.presence import ManyRows, Presence
from mimic_checks.catalog.states import DOUBT, PRESENT

FEWEST_ALIKE = 2
"""Images of one set, at least, for it to be a background."""
_TRIES = 40
"""Random backgrounds looked at for one sample, before it is given up."""


class AlikeImages:
    """Rows by the leaf classes that they show.

    Where everything was looked for, rows with any doubt are left out; else what nobody verified
    counts as absent (training grade).
    """

    def __init__(self, presence: Presence) -> None:
        classes = len(presence.class_names)
        shown = (presence.states >= PRESENT) & presence.leaves[presence.classes]
        owner = np.repeat(np.arange(len(presence), dtype=np.int32), np.diff(presence.starts))
        # 56 bits, so that the sum of a set of up to 256 classes fits into 64.
        self._codes = np.random.default_rng(0).integers(1, 2**56, classes, dtype=np.uint64)
        keys = np.zeros(len(presence), dtype=np.uint64)
        np.add.at(keys, owner[shown], self._codes[presence.classes[shown]])
        # Key 0 is of no group. Of an image with doubt nobody knows which set it shows; on sparse
        # labels nearly every image has some, so there the doubt goes into the grade instead.
        if presence.exhaustive:
            keys[owner[presence.states == DOUBT]] = 0
        # Stable sorts, here and below: the same labels give the same groups on every machine.
        rows = np.flatnonzero(keys).astype(np.int32)
        self._rows = rows[np.argsort(keys[rows], kind="stable")]
        self._keys, self._starts, self._sizes = np.unique(
            keys[self._rows], return_index=True, return_counts=True
        )
        several = np.flatnonzero(self._sizes >= FEWEST_ALIKE)
        self._backgrounds = several[np.argsort(-self._sizes[several], kind="stable")]
        self._holds = self._members(presence, self._backgrounds)

    def odd_one(
        self, asked: int, held_out: NDArray[np.bool_], images: int, rng: np.random.Generator
    ) -> tuple[ManyRows, ManyRows] | None:
        """Rows that may be the odd image, and rows that may be the others; None if none were found.

        The others show one set of classes, without the asked one and without any that is held out
        with it (`held_out` [classes]); the odd image shows that set and the asked class or, unless
        there are only two images, the asked class alone.
        """
        # Backgrounds are sorted by size, so those with enough images for a sample come first.
        large = int(np.searchsorted(-self._sizes[self._backgrounds], -(images - 1), side="right"))
        forbidden = [asked, *np.flatnonzero(held_out).tolist()]
        for index in rng.integers(large, size=_TRIES).tolist() if large else ():
            if self._holds[index, forbidden].any():
                continue
            rest = int(self._backgrounds[index])
            code = self._codes[asked]
            # Of two images that show nothing in common, either could be called the odd one.
            odd_groups = [
                self._group_of(self._keys[rest] + code),
                self._group_of(code) if images > 2 else None,
            ]
            present = [odd for odd in odd_groups if odd is not None]
            if present:
                odd = present[int(rng.integers(len(present)))]
                return self._rows_of(odd), self._rows_of(rest)
        return None

    def _group_of(self, key: np.uint64) -> int | None:
        """The group of a set of classes; None if no image shows just that."""
        index = int(np.searchsorted(self._keys, key))
        return index if index < len(self._keys) and self._keys[index] == key else None

    def _rows_of(self, group: int) -> ManyRows:
        return self._rows[self._starts[group] : self._starts[group] + self._sizes[group]]

    def _members(self, presence: Presence, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which leaf classes the images of some groups show: [groups, classes]."""
        first = self._rows[self._starts[groups]]  # all images of a group show the same
        holds = np.zeros((len(groups), len(presence.class_names)), dtype=bool)
        for number, row in enumerate(first.tolist()):
            entries = slice(presence.starts[row], presence.starts[row + 1])
            holds[number, presence.classes[entries][presence.states[entries] >= PRESENT]] = True
        return holds & presence.leaves
