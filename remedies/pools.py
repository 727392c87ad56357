"""Where samples take their images from: rows that show a class, that lack it, or that leave one
class in the minority. What costs more than a moment is made once per class.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.presence import ManyRows, Presence
from mimic_checks.catalog.states import ABSENT
from mimic_checks.errors import EmptyPool
from remedies.alike import AlikeImages

_TRIES = 60
"""Random rows looked at for one that is needed, before the sample is given up."""
MOST_LOOKED_AT = 20_000
"""Rows of one class whose verified negatives are sorted, at most: what bounds time and memory on
millions of images."""
FEWEST = 2
"""Images that an asked class must have."""


class Pools:
    """The images of a catalog by what samples need; `held_out` [classes, classes] are the
    pairs that stay apart."""

    def __init__(self, presence: Presence, held_out: NDArray[np.bool_]) -> None:
        self.presence, self.held_out = presence, held_out
        classes = range(len(presence.class_names))
        self.countable = [
            c for c in classes if len(presence.counts(c)) and len(presence.showing(c)) >= FEWEST
        ]
        shown = {c for c in classes if len(presence.showing(c))}
        self.listable = [
            name
            for name, members in presence.groups.items()
            if len(members) > 1 and shown.intersection(members)
        ]
        self._common: dict[int, ManyRows] = {}
        self._lacking: dict[int, tuple[NDArray[np.int64], list[ManyRows], NDArray[np.int64]]] = {}
        if not self.countable:
            raise EmptyPool(
                f"catalog={presence.name!r}: no class has {FEWEST} images in which it can be"
                " counted; use a larger catalog"
            )

    def pick(self, rows: ManyRows, rng: np.random.Generator, taken: list[int]) -> int | None:
        """One of some rows that is not taken yet."""
        if not len(rows):
            return None
        for _ in range(4):
            row = int(rows[rng.integers(len(rows))])
            if row not in taken:
                return row
        return None

    def several(self, rows: ManyRows, number: int, rng: np.random.Generator) -> list[int] | None:
        """`number` different rows."""
        if len(rows) < number:
            return None
        if len(rows) > 4 * number:
            several = rows[rng.integers(len(rows), size=2 * number)].tolist()
            different = list(dict.fromkeys(several))[:number]
            if len(different) == number:
                return different
        return rng.choice(rows, size=number, replace=False).tolist()  # type: ignore[no-any-return]

    def any(self, number: int, rng: np.random.Generator, taken: list[int]) -> list[int] | None:
        """`number` further rows, whatever they show."""
        rows = dict.fromkeys(rng.integers(len(self.presence), size=2 * number + 2).tolist())
        for row in taken:
            rows.pop(row, None)
        return list(rows)[:number] if len(rows) >= number else None

    def absent(
        self, class_index: int, number: int, rng: np.random.Generator, taken: list[int]
    ) -> list[int] | None:
        """`number` further rows that certainly lack a class."""
        if number == 0:
            return []
        if not self.presence.exhaustive:
            rows = self.several(
                self.presence.verified_absent(class_index), number + len(taken), rng
            )
            left = [row for row in rows or () if row not in taken]
            return left[:number] if len(left) >= number else None
        absent: list[int] = []
        for row in rng.integers(len(self.presence), size=_TRIES + 4 * number).tolist():
            if (
                row not in taken
                and row not in absent
                and self.presence.state(row, class_index) == ABSENT
            ):
                absent.append(row)
                if len(absent) == number:
                    return absent
        return None

    def common(self, class_index: int) -> ManyRows:
        """Rows that show a class and no class that is held out with it."""
        if class_index not in self._common:
            rows = self.presence.showing(class_index)
            barred = np.zeros(len(self.presence), dtype=bool)
            for partner in np.flatnonzero(self.held_out[class_index]):
                barred[self.presence.showing(int(partner))] = True
            self._common[class_index] = rows[~barred[rows]]
        return self._common[class_index]

    def odd_one(
        self, images: int, rng: np.random.Generator, *, open_form: bool
    ) -> tuple[int, list[int]] | None:
        """A class and `images` rows of which exactly one shows it, another class being in all the
        others."""
        if self.presence.exhaustive or open_form:
            return self._odd_alike(images, rng)
        return self._odd_verified(images, rng)

    def _odd_alike(self, images: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
        """All other images show one and the same set of classes; the odd one shows it too, or (not
        of two) its own class alone."""
        asked = int(rng.integers(len(self.presence.class_names)))
        groups = self.alike.odd_one(asked, self.held_out[asked], images, rng)
        if groups is None:
            return None
        odd_rows, other_rows = groups
        odd = int(odd_rows[rng.integers(len(odd_rows))])
        rest = self.several(other_rows, images - 1, rng)
        return (asked, [odd, *rest]) if rest else None

    @cached_property
    def alike(self) -> AlikeImages:
        """The images by what they show; made when it is first asked for."""
        return AlikeImages(self.presence)

    def _odd_verified(self, images: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
        """A class in the majority, and one that people verified to be absent from its images."""
        most = int(rng.integers(len(self.presence.class_names)))
        kinds, groups, sizes = self.absent_beside(most)
        fitting = np.flatnonzero((sizes >= images - 1) & ~self.held_out[most, kinds])
        if not len(fitting):
            return None
        chosen = int(fitting[rng.integers(len(fitting))])
        asked = int(kinds[chosen])
        odd = self.pick(self.presence.showing(asked), rng, [])
        rest = self.several(groups[chosen], images - 1, rng)
        return (asked, [odd, *rest]) if odd is not None and rest else None

    def absent_beside(
        self, class_index: int
    ) -> tuple[NDArray[np.int64], list[ManyRows], NDArray[np.int64]]:
        """Among the rows that show a class (of very many, an even choice): every class verified to
        be absent from some, those rows, and how many they are."""
        if class_index not in self._lacking:
            rows = self.presence.showing(class_index)
            rows = rows[:: -(-len(rows) // MOST_LOOKED_AT) or 1]
            starts, lengths = self.presence.starts[rows], np.diff(self.presence.starts)[rows]
            # The entries of these rows, one row after another.
            entries = np.arange(lengths.sum()) + np.repeat(
                starts - np.cumsum(lengths) + lengths, lengths
            )
            absent = self.presence.states[entries] == ABSENT
            classes = self.presence.classes[entries][absent].astype(np.int64)
            owner = np.repeat(rows, lengths)[absent]
            order = np.argsort(classes, kind="stable")
            kinds, first, sizes = np.unique(classes[order], return_index=True, return_counts=True)
            self._lacking[class_index] = kinds, np.split(owner[order], first[1:]), sizes
        return self._lacking[class_index]
