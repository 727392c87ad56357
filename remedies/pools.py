"""Where samples take their images from: rows that show a class, that lack it, or that leave one class in the minority.

Data in: a `Presence` and the held-out pairs. Data out: rows. What costs more than a moment is made once per class.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.presence import ABSENT, PRESENT, ManyRows, Presence
from mimic_checks.errors import EmptyPool

_TRIES = 60
"""Random rows looked at for one that is needed, before the sample is given up."""
FEWEST = 2
"""Images that an asked class must have."""


class Pools:
    """The images of a catalog by what samples need; `held` [classes, classes] are the pairs that stay apart."""

    def __init__(self, presence: Presence, held: NDArray[np.bool_]) -> None:
        self.presence, self.held = presence, held
        classes = range(len(presence.class_names))
        self.countable = [c for c in classes if len(presence.counts(c)) and len(presence.showing(c)) >= FEWEST]
        shown = {c for c in classes if len(presence.showing(c))}
        self.listable = [name for name, members in presence.groups.items() if len(members) > 1 and shown.intersection(members)]
        self._common: dict[int, ManyRows] = {}
        self._odd: dict[int, list[tuple[ManyRows, ManyRows, int]]] | None = None
        self._beside: dict[int, dict[int, ManyRows]] = {}
        if not self.countable:
            raise EmptyPool(
                f"catalog={presence.name!r}: no class has {FEWEST} images in which it can be counted; use a larger catalog"
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
            found = list(dict.fromkeys(rows[rng.integers(len(rows), size=2 * number)].tolist()))[:number]
            if len(found) == number:
                return found
        return rng.choice(rows, size=number, replace=False).tolist()  # type: ignore[no-any-return]

    def any(self, number: int, rng: np.random.Generator, taken: list[int]) -> list[int] | None:
        """`number` further rows, whatever they show."""
        found = dict.fromkeys(rng.integers(len(self.presence), size=2 * number + 2).tolist())
        for row in taken:
            found.pop(row, None)
        return list(found)[:number] if len(found) >= number else None

    def absent(self, class_index: int, number: int, rng: np.random.Generator, taken: list[int]) -> list[int] | None:
        """`number` further rows that certainly lack a class."""
        if number == 0:
            return []
        if not self.presence.exhaustive:
            rows = self.several(self.presence.verified_absent(class_index), number + len(taken), rng)
            left = [row for row in rows or () if row not in taken]
            return left[:number] if len(left) >= number else None
        found: list[int] = []
        for row in rng.integers(len(self.presence), size=_TRIES + 4 * number).tolist():
            if row not in taken and row not in found and self.presence.state(row, class_index) == ABSENT:
                found.append(row)
                if len(found) == number:
                    return found
        return None

    def common(self, class_index: int) -> ManyRows:
        """ManyRows that show a class and no class that is held out with it."""
        if class_index not in self._common:
            rows = self.presence.showing(class_index)
            partners = np.flatnonzero(self.held[class_index])
            barred = [self.presence.showing(int(partner)) for partner in partners]
            self._common[class_index] = np.setdiff1d(rows, np.concatenate(barred)) if barred else rows
        return self._common[class_index]

    def odd_one(self, images: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
        """A class and `images` rows of which exactly one shows it, another class being in all the others."""
        return self._odd_exact(images, rng) if self.presence.exhaustive else self._odd_verified(images, rng)

    def _odd_exact(self, images: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
        """All other images show one and the same set of classes; the odd one shows it too, or (not of two) its own class alone."""
        if self._odd is None:
            self._odd = self._backgrounds()
        asked = int(rng.integers(len(self.presence.class_names)))
        fitting = [(odd, rest) for odd, rest, least in self._odd.get(asked, ()) if len(rest) >= images - 1 and images >= least]
        if not fitting:
            return None
        odd_rows, rest_rows = fitting[rng.integers(len(fitting))]
        rest = self.several(rest_rows, images - 1, rng)
        return (asked, [int(odd_rows[rng.integers(len(odd_rows))]), *rest]) if rest else None

    def _backgrounds(self) -> dict[int, list[tuple[ManyRows, ManyRows, int]]]:
        """Per class: (rows of the odd image, rows of all others, fewest images)."""
        by_set: dict[frozenset[int], list[int]] = defaultdict(list)
        for row in range(len(self.presence)):
            entries = slice(self.presence.starts[row], self.presence.starts[row + 1])
            if (self.presence.states[entries] >= PRESENT).all():
                by_set[frozenset(self.presence.classes[entries].tolist())].append(row)
        rows = {present: np.array(group, dtype=np.int32) for present, group in by_set.items() if present}
        found: dict[int, list[tuple[ManyRows, ManyRows, int]]] = defaultdict(list)
        for others in sorted(rows, key=sorted):
            for odd in range(len(self.presence.class_names)):
                if odd in others or self.held[odd, sorted(others)].any():
                    continue
                for shown, least in ((others | {odd}, 2), (frozenset({odd}), 3)):
                    if shown in rows:
                        found[odd].append((rows[shown], rows[others], least))
        return found

    def _odd_verified(self, images: int, rng: np.random.Generator) -> tuple[int, list[int]] | None:
        """A class in the majority, and one that people verified to be absent from its images."""
        most = int(rng.integers(len(self.presence.class_names)))
        lacking = self._lacking(most)
        fitting = [c for c, rows in lacking.items() if len(rows) >= images - 1 and not self.held[c, most]]
        if not fitting:
            return None
        asked = fitting[rng.integers(len(fitting))]
        odd = self.pick(self.presence.showing(asked), rng, [])
        rest = self.several(lacking[asked], images - 1, rng)
        return (asked, [odd, *rest]) if odd is not None and rest else None

    def _lacking(self, class_index: int) -> dict[int, ManyRows]:
        """ManyRows that show a class, by the classes that were verified to be absent from them."""
        if class_index not in self._beside:
            rows = self.presence.showing(class_index)
            starts, stops = self.presence.starts[rows], self.presence.starts[rows + 1]
            owner = np.repeat(rows, stops - starts)
            at = np.arange(len(owner)) + np.repeat(starts - np.concatenate([[0], np.cumsum(stops - starts)[:-1]]), stops - starts)
            gone = self.presence.states[at] == ABSENT
            classes, owner = self.presence.classes[at][gone], owner[gone]
            order = np.argsort(classes, kind="stable")
            classes, owner = classes[order], owner[order].astype(np.int32)
            kinds, first = np.unique(classes, return_index=True)
            self._beside[class_index] = dict(zip(kinds.tolist(), np.split(owner, first[1:]), strict=True))
        return self._beside[class_index]
