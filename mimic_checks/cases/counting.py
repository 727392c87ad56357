"""Counting cases: how many instances of one class, or of each of several, are in all images
together?

Data in: a catalog and factor values. Data out: strategies for one case, or for a sweep (a tuple of
cases, one per level, made from one draw). MIMIC's Counting task: balanced (`total` fixed while
spread varies) and unbalanced (`instances` in every needle, total free). Levels are matched: the
same class; distractors and unbalanced needles nested; balanced needles the same objects re-placed
where the catalog has families.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, Truth, clustered, make_case
from mimic_checks.cases.pools import Draw, Order, TemplateChoice
from mimic_checks.cases.wording import question
from mimic_checks.catalog import Catalog
from mimic_checks.errors import InvalidArgument

Distribution = Literal["even", "random"]
CountingFactor = Literal["spread", "distractors", "concepts", "images"]


@dataclass(frozen=True, slots=True)
class _Setting:
    """The factor values of one level; images = spread + distractors."""

    spread: int
    distractors: int
    concepts: int


@dataclass(frozen=True)
class _Request:
    """Everything a strategy was asked for, checked."""

    settings: tuple[_Setting, ...]
    totals: tuple[int, ...]
    instances: tuple[int, ...]
    distribution: Distribution
    order: Order
    template: TemplateChoice

    @property
    def most(self) -> _Setting:
        columns = zip(*((s.spread, s.distractors, s.concepts) for s in self.settings), strict=True)
        return _Setting(*(max(column) for column in columns))

    def __str__(self) -> str:
        kind = f"total={self.totals}" if self.totals else f"instances={self.instances}"
        return f"counting cases with {kind}, {', '.join(map(str, self.settings))}".replace(
            "_Setting", ""
        )


def counting_cases(
    catalog: Catalog,
    *,
    spread: int = 1,
    distractors: int = 0,
    concepts: int = 1,
    total: int | tuple[int, int] | None = None,
    instances: int | tuple[int, int] = (1, 4),
    distribution: Distribution = "even",
    order: Order = "shuffled",
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[Case]:
    """Counting cases at one setting.

    `spread` needles hold the asked class, `distractors` images certainly do not. `total` (balanced;
    a number or a range, drawn uniformly): that many instances over all needles, split evenly or
    (`distribution="random"`) in a random way; else each needle has `instances` (a number or a
    range), drawn uniformly. `concepts` > 1 asks for several classes at once.

    Raises:
        InvalidArgument: a value out of range, or factors that contradict each other.
        EmptyPool: the catalog cannot meet the request; names the constraint.
    """
    setting = _Setting(spread, distractors, concepts)
    request = _check((setting,), total, instances, distribution, order, template)
    return _strategy(catalog, request, classes).map(lambda cases: cases[0])


def counting_sweep(
    catalog: Catalog,
    *,
    factor: CountingFactor,
    levels: Sequence[int],
    spread: int = 1,
    distractors: int = 0,
    concepts: int = 1,
    total: int | tuple[int, int] | None = None,
    instances: int | tuple[int, int] = (1, 4),
    distribution: Distribution = "even",
    order: Order = "shuffled",
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Counting cases at every level of one factor, from one draw; the other arguments as in
    `counting_cases`.

    `factor="images"` makes half of the images needles (rounded up) and half distractors.

    Raises:
        InvalidArgument, EmptyPool: as `counting_cases`, over all levels at once.
    """
    if factor not in get_args(CountingFactor):
        raise InvalidArgument("factor", factor, allowed=get_args(CountingFactor))
    if not levels or len(set(levels)) != len(levels):
        raise InvalidArgument("levels", tuple(levels), allowed="one or more different values")
    base = _Setting(spread, distractors, concepts)
    if factor == "images":
        settings = tuple(
            _Setting((level + 1) // 2, level // 2, concepts)
            for level in pools.image_levels(levels, 1)
        )
    else:
        settings = tuple(replace(base, **{factor: level}) for level in levels)
    return _strategy(
        catalog, _check(settings, total, instances, distribution, order, template), classes
    )


def _check(
    settings: tuple[_Setting, ...],
    total: int | tuple[int, int] | None,
    instances: int | tuple[int, int],
    distribution: Distribution,
    order: Order,
    template: TemplateChoice,
) -> _Request:
    totals = () if total is None else _range("total", total)
    for setting in settings:
        pools.check_int("spread", setting.spread, 1)
        pools.check_int("distractors", setting.distractors, 0)
        pools.check_int("concepts", setting.concepts, 1, 20)
        if totals and totals[0] < setting.spread:
            raise InvalidArgument(
                "total",
                total,
                allowed=f"at least spread={setting.spread}: every needle holds an instance",
            )
        if totals and setting.concepts > 1:
            raise InvalidArgument("total", total, allowed="None when concepts > 1")
    for name, value, allowed in (
        ("distribution", distribution, get_args(Distribution)),
        ("order", order, pools.ORDERS),
    ):
        if value not in allowed:
            raise InvalidArgument(name, value, allowed=allowed)
    pools.check_template(template)
    return _Request(settings, totals, _range("instances", instances), distribution, order, template)


def _range(name: str, value: int | tuple[int, int]) -> tuple[int, ...]:
    low, high = (value, value) if isinstance(value, int) else value
    if not 1 <= low <= high:
        raise InvalidArgument(
            name, value, allowed="a number from 1, or (low, high) with 1 <= low <= high"
        )
    return tuple(range(low, high + 1))


def _strategy(
    catalog: Catalog, request: _Request, classes: Sequence[str] | None
) -> st.SearchStrategy[tuple[Case, ...]]:
    several = request.most.concepts > 1
    needles: Any = (
        _Several(catalog, request, classes) if several else _Single(catalog, request, classes)
    )

    @st.composite
    def sweeps(draw: Draw) -> tuple[Case, ...]:
        asked, rows_of = needles.draw(draw)
        absent = needles.absent(asked)
        distractors = pools.sample(draw, absent, request.most.distractors)
        ranks: dict[int, int] = {}
        shown = sorted({row for rows in rows_of.values() for row in rows}) + distractors
        for rank, row in enumerate(pools.sample(draw, shown, len(shown))):
            ranks[row] = rank
        pools.readable(catalog, shown)
        template = pools.pick_template(draw, request.template)
        return clustered(
            [
                _case(
                    catalog,
                    request,
                    setting,
                    asked[: setting.concepts],
                    _ordered(
                        rows_of[setting.spread],
                        distractors[: setting.distractors],
                        ranks,
                        request.order,
                    ),
                    template,
                )
                for setting in request.settings
            ]
        )

    return sweeps()


class _Single:
    """Needles for one asked class: balanced (a partition of a total) or unbalanced (nested)."""

    def __init__(self, catalog: Catalog, request: _Request, classes: Sequence[str] | None) -> None:
        self.catalog, self.request = catalog, request
        self.spreads = sorted({setting.spread for setting in request.settings})
        self.families = _families(catalog, request, self.spreads)
        most = request.most
        numbers = f"total={request.totals}" if request.totals else f"instances={request.instances}"
        says = f"enough images with the asked instances ({numbers})"
        self.pool = pools.eligible(
            catalog,
            str(request),
            (
                (says, lambda c: bool(self._totals(c) if request.totals else self._instances(c))),
                (
                    f"distractors={most.distractors} images certainly without it",
                    lambda c: len(catalog.without(c)) >= most.distractors,
                ),
            ),
            pools.candidates(catalog, classes),
        )

    def absent(self, asked: list[int]) -> np.ndarray:
        return self.catalog.without(asked[0])

    def draw(self, draw: Draw) -> tuple[list[int], dict[int, list[int]]]:
        asked = pools.choose(draw, self.pool)
        if self.request.totals:
            total = pools.choose(draw, self._totals(asked))
            if self.families:
                return [asked], pools.choose(draw, self.families[asked, total])
            return [asked], {
                spread: self._parts(draw, asked, total, spread) for spread in self.spreads
            }
        numbers = [pools.choose(draw, self._instances(asked)) for _ in range(self.spreads[-1])]
        rows = _exact_rows(draw, self.catalog, asked, numbers)
        return [asked], {spread: rows[:spread] for spread in self.spreads}

    def _parts(self, draw: Draw, asked: int, total: int, spread: int) -> list[int]:
        split = pools.choose(draw, self._splits(asked, total, spread))
        return _exact_rows(draw, self.catalog, asked, list(split))

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
        found = partitions(total, spread)
        found = found[:1] if self.request.distribution == "even" else found
        return [
            s
            for s in found
            if all(len(self.catalog.exactly(asked, k)) >= need for k, need in Counter(s).items())
        ]

    def _instances(self, asked: int) -> list[int]:
        """Instance numbers with enough images that every needle may have the same one."""
        return [
            k
            for k in self.request.instances
            if len(self.catalog.exactly(asked, k)) >= self.spreads[-1]
        ]


class _Several:
    """Needles for several asked classes: the first image shows all that the largest level asks, the
    rest at least one."""

    def __init__(self, catalog: Catalog, request: _Request, classes: Sequence[str] | None) -> None:
        self.catalog, self.request, self.most = catalog, request, request.most
        if len({setting.spread for setting in request.settings}) > 1:
            raise InvalidArgument(
                "spread",
                [s.spread for s in request.settings],
                allowed="one value when concepts > 1",
            )
        allowed = pools.candidates(catalog, classes)
        askable = (catalog.counts > 0) & ~catalog.uncountable
        if allowed is not None:
            askable[:, [c for c in range(askable.shape[1]) if c not in allowed]] = False
        askable &= np.isin(catalog.counts, request.instances)
        self.askable = askable
        self.rich = np.flatnonzero(askable.sum(axis=1) >= self.most.concepts)
        self.rows_of = {c: self.rich[askable[self.rich, c]] for c in range(askable.shape[1])}
        self.pool = pools.eligible(
            catalog,
            str(request),
            (
                (
                    f"an image that shows it with {self.most.concepts - 1} other askable classes",
                    lambda c: len(self.rows_of[c]) > 0,
                ),
            ),
            allowed,
        )

    def absent(self, asked: list[int]) -> np.ndarray:
        absent = np.flatnonzero(~self.catalog.possible[:, asked].any(axis=1))
        assume(len(absent) >= self.most.distractors)
        return absent

    def draw(self, draw: Draw) -> tuple[list[int], dict[int, list[int]]]:
        first_class = pools.choose(draw, self.pool)
        row = int(pools.choose(draw, self.rows_of[first_class]))
        others = [int(c) for c in np.flatnonzero(self.askable[row]) if c != first_class]
        asked = [first_class, *pools.sample(draw, others, self.most.concepts - 1)]
        asked = pools.sample(
            draw, asked, len(asked)
        )  # exchangeable: every level has the same class mix
        rows = [row]
        sure = ~self.catalog.uncountable[:, asked].any(axis=1)
        while len(rows) < self.most.spread:
            holds = np.flatnonzero(sure & self.askable[:, pools.choose(draw, asked)])
            left = holds[~np.isin(holds, rows)]
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
    catalog: Catalog, request: _Request, spreads: list[int]
) -> dict[tuple[int, int], list[dict[int, list[int]]]]:
    """Per class and total, its families as {spread: rows}; empty unless the catalog has families
    for every total asked."""
    if not request.totals or request.distribution != "even":
        return {}
    found: dict[tuple[int, int], list[dict[int, list[int]]]] = {}
    for family in catalog.families:
        total = sum(next(iter(family.rows)))
        splits = {spread: partitions(total, spread)[0] for spread in spreads if spread <= total}
        if (
            total in request.totals
            and len(splits) == len(spreads)
            and all(split in family.rows for split in splits.values())
        ):
            rows = {spread: list(family.rows[split]) for spread, split in splits.items()}
            found.setdefault((family.class_index, total), []).append(rows)
    return found if {total for _, total in found} == set(request.totals) else {}


def _exact_rows(draw: Draw, catalog: Catalog, asked: int, numbers: list[int]) -> list[int]:
    """Different rows with exactly the given numbers of instances, in the order of the numbers."""
    found = {
        k: iter(pools.sample(draw, catalog.exactly(asked, k), need))
        for k, need in Counter(numbers).items()
    }
    return [next(found[k]) for k in numbers]


def _ordered(
    needles: list[int], distractors: list[int], ranks: dict[int, int], order: Order
) -> list[tuple[int, bool]]:
    """(row, is a needle) in the order shown; images keep their relative order from level to
    level."""
    shown = sorted(
        [(ranks[r], r, True) for r in needles] + [(ranks[r], r, False) for r in distractors]
    )
    if order != "shuffled":
        shown.sort(key=lambda item: item[2] == (order == "needles_last"))
    return [(row, needle) for _, row, needle in shown]


def _case(
    catalog: Catalog,
    request: _Request,
    setting: _Setting,
    asked: list[int],
    shown: list[tuple[int, bool]],
    template: Any,
) -> Case:
    rows = [row for row, _ in shown]
    names = [catalog.class_names[c] for c in asked]
    counts = catalog.counts[rows][:, asked].sum(axis=0)
    factors: dict[str, int | str] = {
        "images": len(rows),
        "spread": setting.spread,
        "distractors": setting.distractors,
        "concepts": setting.concepts,
        "instances": int(counts.sum()),
        "order": request.order,
        "balance": "balanced" if request.totals else "unbalanced",
        "needles": ",".join(str(place + 1) for place, (_, needle) in enumerate(shown) if needle),
    }
    return make_case(
        task="counting",
        template=template,
        images=[catalog.manifest.id(row) for row in rows],
        question=question(task="counting", template=template, images=len(rows), classes=names),
        truth=Truth(
            counts=tuple((name, int(count)) for name, count in zip(names, counts, strict=True))
        ),
        factors=factors,
    )
