"""What people have verified about each image, class by class: the sparse view of a catalog that
millions of images need. Its numbers are states (`states.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.images import ImageSource, Manifest
from mimic_checks.catalog.states import ABSENT, PRESENT, States

ManyRows = NDArray[np.int32]
"""Row numbers in half the memory of `Rows`."""


@dataclass(frozen=True, eq=False)
class Presence:
    """Verified states of classes in images, stored by image and by class.

    `starts` [images + 1], `classes` [entries], `states` [entries]: the entries of image i are
    starts[i]:starts[i + 1];
    `unlisted`: the state of a class that an image has no entry for (ABSENT where everything was
    looked for, DOUBT where only labels were verified). `groups`: super-category -> its classes,
    none of which contains another; `leaves` [classes]: those that contain no other class."""

    name: str
    class_names: tuple[str, ...]
    groups: Mapping[str, tuple[int, ...]]
    leaves: NDArray[np.bool_]
    starts: NDArray[np.int64]
    classes: NDArray[np.int16]
    states: States
    unlisted: int
    source: ImageSource
    manifest: Manifest = field(repr=False)
    _states_by_class: States = field(init=False, repr=False)
    _rows_by_class: ManyRows = field(init=False, repr=False)
    _bounds: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sorts the entries by class, and by state inside a class, once."""
        owner = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))
        # lexsort's last key is the first to sort by. A class is then one slice, and inside it, any
        # range of states is one too.
        order = np.lexsort((self.states, self.classes))
        object.__setattr__(self, "_rows_by_class", owner[order])
        object.__setattr__(self, "_states_by_class", self.states[order])
        object.__setattr__(
            self,
            "_bounds",
            np.searchsorted(self.classes[order], np.arange(len(self.class_names) + 1)),
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def exhaustive(self) -> bool:
        """Whether a class without an entry is certainly absent."""
        return self.unlisted == ABSENT

    def of(self, rows: Sequence[int]) -> States:
        """The states of all classes in some images: [rows, classes]."""
        table = np.full((len(rows), len(self.class_names)), self.unlisted, dtype=np.int16)
        for index, row in enumerate(rows):
            entries = slice(self.starts[row], self.starts[row + 1])
            table[index, self.classes[entries]] = self.states[entries]
        return table

    def state(self, row: int, class_index: int) -> int:
        """The state of one class in one image."""
        start, stop = self.starts[row], self.starts[row + 1]
        at = np.flatnonzero(self.classes[start:stop] == class_index)
        return int(self.states[start + at[0]]) if len(at) else self.unlisted

    def showing(self, class_index: int) -> ManyRows:
        """Images that certainly show a class."""
        return self._between(class_index, PRESENT, None)

    def exactly(self, class_index: int, count: int) -> ManyRows:
        """Images with exactly `count` instances of a class, from one."""
        return self._between(class_index, count, count + 1)

    def counts(self, class_index: int) -> NDArray[np.int16]:
        """The numbers of instances for which `exactly` has images, ascending."""
        low, high = self._bounds[class_index : class_index + 2]
        states: NDArray[np.int16] = np.unique(self._states_by_class[low:high])
        return states[states > 0]

    def verified_absent(self, class_index: int) -> ManyRows:
        """Images with an entry that says a class is absent; where everything was looked for there
        are none, and `is_absent` of drawn images is the way."""
        return self._between(class_index, ABSENT, PRESENT)

    def _between(self, class_index: int, low: int, high: int | None) -> ManyRows:
        # From `low` up to, not including, `high`; a slice of the sorted rows, so no copy.
        start, stop = self._bounds[class_index : class_index + 2]
        states = self._states_by_class[start:stop]
        first = np.searchsorted(states, low)
        last = len(states) if high is None else np.searchsorted(states, high)
        return self._rows_by_class[start + first : start + last]


def presence(catalog: Catalog) -> Presence:
    """The sparse view of a catalog in which everything was looked for."""
    states = catalog.states(np.arange(len(catalog)))
    # nonzero goes image by image, so `rows` is sorted, as `starts` needs it.
    rows, classes = np.nonzero(states != ABSENT)
    return Presence(
        name=catalog.name,
        class_names=catalog.class_names,
        groups={
            name: tuple(catalog.members(name).tolist())
            for name in dict.fromkeys(catalog.supercategories)
        },
        leaves=np.ones(len(catalog.class_names), dtype=bool),
        starts=np.searchsorted(rows, np.arange(len(catalog) + 1)),
        classes=classes.astype(np.int16),
        states=states[rows, classes],
        unlisted=ABSENT,
        source=catalog.source,
        manifest=catalog.manifest,
    )
