"""Which images hold what a counting case asks for: the needles of every level, from one draw.

Needles are matched over levels. Unbalanced ones are nested: those of a smaller spread are the first
of those of a larger one. Balanced ones are the same objects re-placed over more images where the
catalog has families of such images; elsewhere every spread draws its own images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Protocol

import numpy as np
from hypothesis import assume

from mimic_checks.cases import pools
from mimic_checks.cases.counting_request import Request
from mimic_checks.cases.pools import DrawValue
from mimic_checks.catalog import Catalog
from mimic_checks.catalog.states import DOUBT
from mimic_checks.errors import InvalidArgument


class Needles(Protocol):
    """The needles of a request."""

    def draw(self, draw: DrawValue) -> tuple[list[int], dict[int, list[int]]]:
        """The asked classes, and the needles' rows by spread."""

    def absent(self, asked: list[int]) -> np.ndarray:
        """Rows that certainly show none of the asked classes."""


def needles_of(catalog: Catalog, request: Request, classes: Sequence[str] | None) -> Needles:
    """The needles of a request; `classes`: those that may be asked for, None for all.

    Raises:
        InvalidArgument: a class that the catalog does not have, or several spreads for several
            classes.
        EmptyPool: no class of the catalog has images enough; names the constraint.
    """
    if request.most.concepts > 1:
        return _SeveralClasses(catalog, request, classes)
    return _OneClass(catalog, request, classes)


class _OneClass:
    """Needles for one asked class: balanced (a partition of a total) or unbalanced (nested)."""

    def __init__(self, catalog: Catalog, request: Request, classes: Sequence[str] | None) -> None:
        self.catalog, self.request, self.spreads = catalog, request, request.spreads
        self.families = _families(catalog, request)
        most = request.most
        numbers = f"total={request.totals}" if request.totals else f"instances={request.instances}"
        self.pool = pools.eligible(
            catalog,
            str(request),
            (
                (
                    f"enough images with the asked instances ({numbers})",
                    lambda c: bool(self._totals(c) if request.totals else self._instances(c)),
                ),
                (
                    f"distractors={most.distractors} images certainly without it",
                    lambda c: len(catalog.without(c)) >= most.distractors,
                ),
            ),
            pools.candidates(catalog, classes),
        )

    def absent(self, asked: list[int]) -> np.ndarray:
        return self.catalog.without(asked[0])

    def draw(self, draw: DrawValue) -> tuple[list[int], dict[int, list[int]]]:
        asked = pools.choose(draw, self.pool)
        if self.request.totals:
            total = pools.choose(draw, self._totals(asked))
            if self.families:
                return [asked], pools.choose(draw, self.families[asked, total])
            return [asked], {
                spread: self._parts(draw, asked, total, spread) for spread in self.spreads
            }
        numbers = [pools.choose(draw, self._instances(asked)) for _ in range(self.spreads[-1])]
        rows = self._exact_rows(draw, asked, numbers)
        return [asked], {spread: rows[:spread] for spread in self.spreads}

    def _parts(self, draw: DrawValue, asked: int, total: int, spread: int) -> list[int]:
        split = pools.choose(draw, self._splits(asked, total, spread))
        return self._exact_rows(draw, asked, split)

    def _exact_rows(self, draw: DrawValue, asked: int, numbers: Sequence[int]) -> list[int]:
        """Different rows with exactly the given numbers of instances, in the order of the
        numbers."""
        rows = {
            k: iter(pools.sample(draw, self.catalog.exactly(asked, k), need))
            for k, need in Counter(numbers).items()
        }
        return [next(rows[k]) for k in numbers]

    def _totals(self, asked: int) -> list[int]:
        """The totals that this class has images for at every spread."""
        if self.families:
            return [total for total in self.request.totals if (asked, total) in self.families]
        return [
            total
            for total in self.request.totals
            if all(self._splits(asked, total, spread) for spread in self.spreads)
        ]

    def _splits(self, asked: int, total: int, spread: int) -> list[tuple[int, ...]]:
        """The ways to spread a total that this class has images for."""
        splits = partitions(total, spread)
        if self.request.distribution == "even":
            splits = splits[:1]
        return [
            split
            for split in splits
            if all(
                len(self.catalog.exactly(asked, k)) >= need for k, need in Counter(split).items()
            )
        ]

    def _instances(self, asked: int) -> list[int]:
        """Instance numbers with enough images that every needle may have the same one."""
        return [
            k
            for k in self.request.instances
            if len(self.catalog.exactly(asked, k)) >= self.spreads[-1]
        ]


class _SeveralClasses:
    """Needles for several asked classes: the first image shows all that the largest level asks, the
    rest at least one."""

    def __init__(self, catalog: Catalog, request: Request, classes: Sequence[str] | None) -> None:
        self.catalog, self.request, self.most = catalog, request, request.most
        if len(request.spreads) > 1:
            raise InvalidArgument(
                "spread",
                [setting.spread for setting in request.settings],
                allowed="one value when concepts > 1",
            )
        allowed = pools.candidates(catalog, classes)
        self.states = catalog.states(np.arange(len(catalog)))
        askable = np.isin(self.states, request.instances)
        if allowed is not None:
            askable[:, [c for c in range(askable.shape[1]) if c not in allowed]] = False
        self.askable = askable
        rich = np.flatnonzero(askable.sum(axis=1) >= self.most.concepts)
        self.rich_rows = {c: rich[askable[rich, c]] for c in range(askable.shape[1])}
        self.pool = pools.eligible(
            catalog,
            str(request),
            (
                (
                    f"an image that shows it with {self.most.concepts - 1} other askable classes",
                    lambda c: len(self.rich_rows[c]) > 0,
                ),
            ),
            allowed,
        )

    def absent(self, asked: list[int]) -> np.ndarray:
        absent = np.flatnonzero(~self.catalog.possible[:, asked].any(axis=1))
        assume(len(absent) >= self.most.distractors)
        return absent

    def draw(self, draw: DrawValue) -> tuple[list[int], dict[int, list[int]]]:
        first_class = pools.choose(draw, self.pool)
        row = int(pools.choose(draw, self.rich_rows[first_class]))
        others = [int(c) for c in np.flatnonzero(self.askable[row]) if c != first_class]
        asked = [first_class, *pools.sample(draw, others, self.most.concepts - 1)]
        # Exchangeable, so that every level has the same class mix.
        asked = pools.sample(draw, asked, len(asked))
        rows = [row]
        certain = (self.states[:, asked] != DOUBT).all(axis=1)
        while len(rows) < self.most.spread:
            showing = np.flatnonzero(certain & self.askable[:, pools.choose(draw, asked)])
            left = showing[~np.isin(showing, rows)]
            assume(len(left) > 0)
            rows.append(int(pools.choose(draw, left)))
        return asked, {self.most.spread: rows}


def partitions(total: int, parts: int) -> list[tuple[int, ...]]:
    """Ways to split `total` into `parts` positive whole numbers, largest first in each, most even
    split first."""
    return sorted(_partitions(total, parts, total), key=lambda split: (split[0] - split[-1], split))


@cache
def _partitions(total: int, parts: int, most: int) -> tuple[tuple[int, ...], ...]:
    """Splits with no part above `most`."""
    if parts == 1:
        return ((total,),) if 1 <= total <= most else ()
    return tuple(
        (first, *rest)
        for first in range(1, min(total, most) + 1)
        for rest in _partitions(total - first, parts - 1, first)
    )


def _families(
    catalog: Catalog, request: Request
) -> dict[tuple[int, int], list[dict[int, list[int]]]]:
    """Per class and total, its families as {spread: rows}; empty unless the catalog has families
    for every total asked."""
    if not request.totals or request.distribution != "even":
        return {}
    families: dict[tuple[int, int], list[dict[int, list[int]]]] = {}
    for family in catalog.families:
        total = sum(next(iter(family.rows)))
        spreads = [spread for spread in request.spreads if spread <= total]
        splits = {spread: partitions(total, spread)[0] for spread in spreads}
        if (
            total in request.totals
            and len(splits) == len(request.spreads)
            and all(split in family.rows for split in splits.values())
        ):
            rows = {spread: list(family.rows[split]) for spread, split in splits.items()}
            families.setdefault((family.class_index, total), []).append(rows)
    return families if {total for _, total in families} == set(request.totals) else {}
