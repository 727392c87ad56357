"""One catalog for every source: which classes are certainly in which image, how often, and where
absence is certain.

Queries give rows (image numbers). A class that is *uncountable* in an image (crowd, or an instance
too small to be asked for) makes that image neither needle nor distractor for it: it may be present,
nobody may be asked how often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.boxes import Box
from mimic_checks.catalog.images import ImageSource, Manifest
from mimic_checks.catalog.labels import DEFAULT_LABELS, Labels
from mimic_checks.catalog.states import ABSENT, DOUBT, States
from mimic_checks.errors import CatalogError, InvalidArgument

Rows = NDArray[np.int64]
Masks = Callable[[int, int], NDArray[np.bool_] | None]
"""(row, class) -> which pixels of the shown picture the class's instances cover, [height, width];
None where that is not known."""
Boxes = Callable[[int, int], tuple[Box, ...] | None]
"""(row, class) -> the boxes of the class's instances in the shown picture; None where they are not
known."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a class is *uncountable* or *unlocalizable* (nobody knows where it is) in some images:
    `where` are pairs of (row, class)."""

    kind: Literal["uncountable", "unlocalizable"]
    reason: str
    where: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """The same instances of one class, placed over one image or several: `rows[split]` shows
    `split[i]` in image i."""

    class_index: int
    rows: Mapping[tuple[int, ...], tuple[int, ...]]


# eq=False: generated equality would ask arrays for one truth value, which they do not have.
@dataclass(frozen=True, eq=False)
class Catalog:
    """Images with their true objects.

    `counts` [images, classes] instances that may be asked for; `uncountable` [images, classes];
    `areas` [images, classes] share of the image that the class's smallest askable instance covers
    with its box (0: none);
    `families`: groups of rows that show the same instances again and again;
    `masks`, `boxes`: where objects are, if known; `class_names`, `supercategories`: one each per
    class; `left_out`: what of the source is in no row, and why; `doubts` gives the reasons of what
    is not asked; `labels`: what questions and answers call the classes; `kinds`:
    super-categories that may be asked for as "kinds of ...", beside the usual ones; `others`: the
    catalogs whose pictures it opens, too (`joined.py`).
    """

    name: str
    class_names: tuple[str, ...]
    supercategories: tuple[str, ...]
    counts: NDArray[np.int16]
    uncountable: NDArray[np.bool_]
    areas: NDArray[np.float32]
    source: ImageSource
    families: tuple[Family, ...] = ()
    masks: Masks | None = None
    boxes: Boxes | None = None
    left_out: tuple[str, ...] = ()
    doubts: Callable[[], tuple[Doubt, ...]] = tuple
    labels: Labels = DEFAULT_LABELS
    kinds: tuple[str, ...] = ()
    others: tuple[Catalog, ...] = ()
    manifest: Manifest = field(init=False)
    _rows: dict[tuple[str, int, int], Rows] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        # A frozen dataclass refuses plain assignment, also to itself.
        object.__setattr__(self, "manifest", Manifest(self.source, self._alike, rows=len(self)))
        if not len(self.counts):
            raise CatalogError(
                f"catalog={self.name!r} holds no images; give a catalog with at least one image"
            )

    @property
    def facts(self) -> dict[str, object]:
        """What of its files tells one run from another, beside its name."""
        return {}

    def __len__(self) -> int:
        return len(self.counts)

    def _alike(self, first: int, second: int) -> bool:
        """Whether the same is known of two rows."""
        return bool((self.states([first]) == self.states([second])).all())

    def called(self, labels: Labels) -> Catalog:
        """The same images, their classes called otherwise in questions and answers."""
        return replace(self, labels=labels)

    def class_index(self, name: str) -> int:
        """The column of a class.

        Raises:
            InvalidArgument: no such class.
        """
        if name not in self.class_names:
            raise InvalidArgument("class", name, allowed=self.class_names)
        return self.class_names.index(name)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """The class names of every super-category."""
        return {
            name: tuple(self.class_names[c] for c in self.members(name))
            for name in dict.fromkeys(self.supercategories)
        }

    def members(self, supercategory: str) -> Rows:
        """The classes of a super-category, as columns.

        Raises:
            InvalidArgument: no such super-category.
        """
        columns = np.flatnonzero(np.array(self.supercategories) == supercategory)
        if not len(columns):
            raise InvalidArgument(
                "supercategory", supercategory, allowed=sorted(set(self.supercategories))
            )
        return columns

    def exactly(self, class_index: int, count: int) -> Rows:
        """Images with exactly `count` askable instances of a class, and no doubt about it."""
        return self._cached("exactly", class_index, count)

    def without(self, class_index: int) -> Rows:
        """Images that certainly do not show a class: the only ones that may be distractors."""
        return self._cached("exactly", class_index, 0)

    def showing(self, class_index: int) -> Rows:
        """Images with at least one askable instance of a class, and no doubt about how many."""
        return self._cached("showing", class_index, 0)

    @cached_property
    def possible(self) -> NDArray[np.bool_]:
        """Whether a class may be in an image, [images, classes]: not possible means certainly
        absent."""
        return (self.counts > 0) | self.uncountable

    def states(self, rows: Sequence[int] | Rows) -> States:
        """What is certain of every class in some images, [rows, classes]: an uncountable class is
        in doubt, however many of its instances may be asked for."""
        counts, uncountable = self.counts[rows], self.uncountable[rows]
        # A count of 0 cannot stand for itself: as a state, 0 is PRESENT.
        known = np.where(counts > 0, counts, ABSENT)
        return np.where(uncountable, DOUBT, known).astype(np.int16)

    @cached_property
    def certain(self) -> Rows:
        """Images in which nothing is uncountable."""
        return np.flatnonzero(~self.uncountable.any(axis=1))

    def _cached(self, query: str, class_index: int, count: int) -> Rows:
        # Drawing asks the same few questions for every draw, and each is a scan of all images.
        key = (query, class_index, count)
        if key not in self._rows:
            column, sure = self.counts[:, class_index], ~self.uncountable[:, class_index]
            self._rows[key] = np.flatnonzero(
                ((column > 0) if query == "showing" else (column == count)) & sure
            )
        return self._rows[key]
