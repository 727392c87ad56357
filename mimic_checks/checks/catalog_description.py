"""What a catalog holds, and what can be asked of it: images, classes, doubts, cases per check."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mimic_checks.cases import Level, draw
from mimic_checks.catalog import Catalog
from mimic_checks.checks.check import Check, Profile
from mimic_checks.errors import NAMED_AT_MOST, EmptyPool, InvalidArgument, refusing


@dataclass(frozen=True, kw_only=True)
class ClassLine:
    """One class. `exactly`: number of instances -> readable images that certainly show so many;
    `absent`: images that certainly show none; `unlocalizable`: images in which it is, nobody knows
    where."""

    name: str
    supercategory: str
    exactly: dict[int, int]
    absent: int
    uncountable: int
    unlocalizable: int


@dataclass(frozen=True, kw_only=True)
class DoubtLine:
    """A reason not to ask: for how many pairs of image and class, and the first of them."""

    kind: str
    reason: str
    pairs: int
    first: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cases:
    """How many distinct cases there are at some levels of a check, counted up to the number that
    was asked for; `lacking`: why not so many."""

    levels: tuple[str, ...]
    cases: int
    lacking: str


@dataclass(frozen=True, kw_only=True)
class CheckLine:
    """What can be asked of a check: at all levels, and where that is not enough, at its first ones,
    down to those at which it is. `harness`: as for `Check`."""

    check: str
    factor: str
    harness: bool
    steps: tuple[Cases, ...]


@dataclass(frozen=True, kw_only=True)
class CatalogDescription:
    """A catalog in numbers. `unreadable`: pictures that cannot be opened, with the reason."""

    name: str
    images: int
    left_out: tuple[str, ...]
    unreadable: tuple[str, ...]
    classes: tuple[ClassLine, ...]
    doubts: tuple[DoubtLine, ...]
    checks: tuple[CheckLine, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)


def describe_catalog(
    catalog: Catalog,
    checks: Sequence[Check],
    *,
    cases: int,
    seed: int,
    profile: Profile,
    progress: Callable[[int, int], None],
) -> CatalogDescription:
    """Opens every picture (`progress` is told how many of how many), and draws the cases of every
    check.

    Raises:
        CatalogError: labels that contradict each other.
    """
    # Rendered pictures have no file that could be broken.
    files = [row for row in range(len(catalog)) if catalog.source.file(row) is not None]
    for done, row in enumerate(files):
        progress(done, len(files))
        catalog.manifest.readable(row)
    progress(len(files), len(files))
    unreadable = catalog.manifest.unreadable
    readable = np.array([row not in unreadable for row in range(len(catalog))])
    doubts = catalog.doubts()
    return CatalogDescription(
        name=catalog.name,
        images=len(catalog),
        left_out=catalog.left_out,
        unreadable=tuple(unreadable[row] for row in sorted(unreadable)),
        classes=tuple(_class_lines(catalog, readable)),
        doubts=tuple(
            DoubtLine(
                kind=doubt.kind,
                reason=doubt.reason,
                pairs=len(doubt.where),
                first=tuple(
                    f"{catalog.source.describe(row)}: {catalog.class_names[column]}"
                    for row, column in doubt.where[:NAMED_AT_MOST]
                ),
            )
            for doubt in doubts
        ),
        checks=tuple(_check_lines(catalog, checks, cases, seed, profile)),
    )


def _class_lines(catalog: Catalog, readable: np.ndarray) -> Iterator[ClassLine]:
    nowhere = np.zeros(catalog.counts.shape, dtype=bool)
    for doubt in catalog.doubts():
        if doubt.kind == "unlocalizable":
            nowhere[tuple(np.array(doubt.where).T)] = True
    for column, name in enumerate(catalog.class_names):
        sure = readable & ~catalog.uncountable[:, column]
        numbers, images = np.unique(catalog.counts[sure, column], return_counts=True)
        exactly = dict(zip(numbers.tolist(), images.tolist(), strict=True))
        yield ClassLine(
            name=name,
            supercategory=catalog.supercategories[column],
            absent=exactly.pop(0, 0),
            exactly=exactly,
            uncountable=int((readable & catalog.uncountable[:, column]).sum()),
            unlocalizable=int((readable & nowhere[:, column]).sum()),
        )


def _check_lines(
    catalog: Catalog, checks: Sequence[Check], cases: int, seed: int, profile: Profile
) -> Iterator[CheckLine]:
    # Checks of the harness share a function of cases, and its draws take a while.
    known: dict[Hashable, tuple[Cases, ...]] = {}
    for check in checks:
        levels = check.drawn_levels(profile)
        key = (check.cases, levels)
        if key not in known:
            known[key] = tuple(_steps(catalog, check, levels, cases, seed))
        yield CheckLine(
            check=check.check_id, factor=check.factor, harness=check.harness, steps=known[key]
        )


def _steps(
    catalog: Catalog, check: Check, levels: Sequence[Level], cases: int, seed: int
) -> Iterator[Cases]:
    for number in range(len(levels), 0, -1):
        values = tuple(level.value for level in levels[:number])
        possible, lacking = cases, ""
        try:
            with refusing(f"check {check.check_id!r}: its cases cannot be drawn"):
                strategy = check.cases(catalog, levels=values, template="plain")
                draw(strategy, cases, check.seed(seed))
        except EmptyPool as error:
            possible, lacking = error.possible, str(error)
        except InvalidArgument:  # fewer levels are no request of this check's
            return
        yield Cases(levels=tuple(map(str, values)), cases=possible, lacking=lacking)
        if not lacking:
            return


_WIDTH = 28
MOST_TOLD_APART = 4
"""Numbers of instances that have a column of their own."""


def description_lines(described: CatalogDescription, cases: int) -> Iterator[str]:
    """A description for people."""
    readable = described.images - len(described.unreadable)
    groups = len({line.supercategory for line in described.classes})
    yield described.name
    yield (
        f"{described.images} images ({readable} readable), {len(described.classes)} classes in"
        f" {groups} super-categories"
    )
    yield from _named("left out", described.left_out)
    yield from _named("unreadable", described.unreadable)
    for kind in dict.fromkeys(doubt.kind for doubt in described.doubts):
        yield f"{kind} (pairs of image and class):"
        for doubt in described.doubts:
            if doubt.kind == kind:
                yield f"  {doubt.pairs:6}  {doubt.reason}, first {', '.join(doubt.first[:3])}"
    yield from _class_table(described.classes)
    yield f"checks: distinct cases, counted up to {cases}"
    for line in described.checks:
        if not line.harness:
            yield from _check_text(line.check, line)
    alike: dict[tuple[Cases, ...], list[CheckLine]] = {}
    for line in described.checks:
        if line.harness:
            alike.setdefault(line.steps, []).append(line)
    for lines in alike.values():
        yield from _check_text(f"harness ({len(lines)} checks)", lines[0])


def _check_text(name: str, line: CheckLine) -> Iterator[str]:
    for number, step in enumerate(line.steps):
        more = "" if step.lacking else " or more"
        levels = f"{line.factor} {', '.join(step.levels)}"
        yield f"  {name if number == 0 else '':{_WIDTH}} {step.cases:4}{more} at {levels}"
        # One reason is enough: the next ones are about fewer levels, and say the same.
        if step.lacking and number == 0:
            yield f"  {'':{_WIDTH}}      {step.lacking}"


def _named(what: str, reasons: Sequence[str]) -> Iterator[str]:
    for reason in reasons[:NAMED_AT_MOST]:
        yield f"{what}: {reason}"
    if len(reasons) > NAMED_AT_MOST:
        yield f"{what}: {len(reasons) - NAMED_AT_MOST} more"


def _class_table(classes: Sequence[ClassLine]) -> Iterator[str]:
    apart = range(1, MOST_TOLD_APART + 1)
    heads = [*map(str, apart), f">{MOST_TOLD_APART}", "none", "uncountable", "unlocalizable"]
    yield f"  {'images that show exactly':{_WIDTH}} " + " ".join(f"{head:>5}" for head in heads)
    for line in classes:
        if not line.exactly and not line.uncountable:
            continue
        more = sum(n for count, n in line.exactly.items() if count > MOST_TOLD_APART)
        cells = [*(line.exactly.get(k, 0) for k in apart), more, line.absent]
        cells += [line.uncountable, line.unlocalizable]
        yield f"  {line.name:{_WIDTH}} " + " ".join(
            f"{cell:>{max(5, len(head))}}" for cell, head in zip(cells, heads, strict=True)
        )
    if never := [line.name for line in classes if not line.exactly and not line.uncountable]:
        yield f"in no image: {', '.join(never)}"
