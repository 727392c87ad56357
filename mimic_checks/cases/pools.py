"""Pieces that every case strategy uses: eligible classes, uniform choices of rows, order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimic_checks.catalog import Catalog
from mimic_checks.errors import EmptyPool, InvalidArgument
from mimic_checks.tasks.task import MIXED_TEMPLATES, Template

DrawValue = Callable[[st.SearchStrategy[Any]], Any]
"""What `hypothesis.strategies.composite` gives: draws a value of a strategy."""
Order = Literal["shuffled", "needles_first", "needles_last"]
ORDERS: tuple[Order, ...] = get_args(Order)
TemplateChoice = Template | Literal["any"]


def eligible(
    catalog: Catalog,
    request: str,
    constraints: Iterable[tuple[str, Callable[[int], bool]]],
    candidates: Sequence[int] | None = None,
) -> list[int]:
    """Classes that meet every constraint, `(what a class must have, test on a class index)`.

    Raises:
        EmptyPool: names the constraint after which no class is left, and how many met the ones
            before.
    """
    pool = list(range(len(catalog.class_names))) if candidates is None else list(candidates)
    for description, is_met in constraints:
        left = [index for index in pool if is_met(index)]
        if not left:
            raise EmptyPool(
                f"{request} on catalog={catalog.name!r}: no class has {description}"
                f" ({len(pool)} classes"
                " met the other constraints); ask for less or use a larger catalog"
            )
        pool = left
    return pool


def candidates(catalog: Catalog, classes: Sequence[str] | None) -> list[int] | None:
    """The columns of a user's `classes=`; None for all.

    Raises:
        InvalidArgument: a class that the catalog does not have.
    """
    return None if classes is None else [catalog.class_index(name) for name in classes]


@lru_cache(maxsize=4096)
def _below(number: int) -> st.SearchStrategy[int]:
    return st.integers(0, number - 1)


def choose(draw: DrawValue, pool: Sequence[Any] | NDArray[Any]) -> Any:
    """One element of a pool, uniformly."""
    return pool[draw(_below(len(pool)))]


def sample(draw: DrawValue, pool: Sequence[int] | NDArray[np.int64], number: int) -> list[int]:
    """`number` different elements of a pool, uniformly and in uniform order.

    One choice decides all: the digits of a mixed-radix number are the places of a Fisher-Yates
    shuffle cut short. A choice costs hypothesis 20 microseconds whatever its range, and zero still
    shrinks to the first elements in order."""
    size = len(pool)
    code: int = draw(_below(math.perm(size, number)))
    moved: dict[int, int] = {}  # places that were taken -> what stands there now
    chosen = []
    for done in range(number):
        code, step = divmod(code, size - done)
        index = done + step
        chosen.append(int(pool[moved.get(index, index)]))
        moved[index] = moved.get(done, done)
    return chosen


def nested(rows: Sequence[int], ranks: Sequence[int], level: int) -> list[int]:
    """The first `level` rows in the order of their ranks: a larger level shows the same images in
    the same relative order."""
    return [row for _, row in sorted(zip(ranks[:level], rows[:level], strict=True))]


def image_ids(catalog: Catalog, rows: Iterable[int]) -> list[str]:
    """The ids of rows, in order."""
    return [catalog.manifest.id(row) for row in rows]


def assume_readable(catalog: Catalog, rows: Iterable[int]) -> None:
    """Gives a draw up if one of its images cannot be read; the manifest keeps the reason for the
    run's report."""
    assume(all([catalog.manifest.readable(row) for row in rows]))


def choose_template(draw: DrawValue, template: TemplateChoice) -> Template:
    """The template itself, or any, uniformly."""
    return choose(draw, MIXED_TEMPLATES) if template == "any" else template


def check_int(name: str, value: object, low: int, high: int = 1000) -> int:
    """A whole number in [low, high].

    Raises:
        InvalidArgument: it is not.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidArgument(name, value, allowed=f"whole numbers from {low} to {high}")
    return value


def check_levels(levels: Sequence[int]) -> None:
    """Stops a sweep without levels, or with one twice.

    Raises:
        InvalidArgument: it is one.
    """
    if not levels or len(set(levels)) != len(levels):
        raise InvalidArgument("levels", tuple(levels), allowed="one or more different values")


def image_levels(levels: Sequence[int], low: int) -> tuple[int, ...]:
    """The levels of an images sweep, each a whole number from `low`, none twice.

    Raises:
        InvalidArgument: they are not.
    """
    check_levels(levels)
    return tuple(check_int("images", level, low) for level in levels)
