"""Deterministic, uniform, duplicate-free draws from the case strategies.

Hypothesis's own engine looks for bugs, so it repeats small values; a benchmark needs every choice
uniform. This module alone touches hypothesis's internals (version pinned): a primitive provider
that answers every choice from one seeded generator.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis.control import BuildContext
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.internal.conjecture.providers import PrimitiveProvider
from hypothesis.strategies import SearchStrategy

from mimic_checks.cases.case import Case
from mimic_checks.cases.group import Draw, Group, Item, cases_of
from mimic_checks.errors import EmptyPool, InvalidArgument

T = TypeVar("T", bound=Item | Draw)
_MOST_REJECTED = 200
"""Draws rejected in a row (duplicates, unreadable images) before the pool counts as used up."""


def draw(strategy: SearchStrategy[T], n: int, seed: int) -> list[T]:
    """`n` distinct values of a strategy of cases, groups or sweeps; the first m of
    `draw(s, n, seed)` are `draw(s, m, seed)`.

    Choices are uniform within their bounds. A value is a repeat if any of its items (by content)
    was drawn before.

    Raises:
        InvalidArgument: `n` is negative.
        EmptyPool: the strategy has fewer than `n` distinct values.
    """
    if n < 0:
        raise InvalidArgument("n", n, allowed="whole numbers from 0")
    values: list[T] = []
    seen: set[str] = set()
    rejected = 0
    generator = random.Random(f"mimic_checks {seed}")
    while len(values) < n:
        value = _draw_one(strategy, generator)
        ids = [item.id for item in _items(value)] if value is not None else []
        if value is None or seen.intersection(ids):
            rejected += 1
            if rejected > _MOST_REJECTED:
                raise EmptyPool(
                    f"n={n!r} is not possible: only {len(values)} distinct cases can be generated"
                    f" ({rejected} repeats or unreadable images in a row); ask for fewer cases,"
                    " vary more factors or use a larger catalog"
                )
            continue
        rejected = 0
        seen.update(ids)
        values.append(value)
    return values


def flatten(draws: Sequence[Draw]) -> list[Case]:
    """All cases of sweep draws, draw by draw."""
    return cases_of(item for items in draws for item in items)


def _items(value: Item | Draw) -> Draw:
    return (value,) if isinstance(value, Case | Group) else value


class _Uniform(PrimitiveProvider):
    """Answers every choice uniformly from one generator, ignoring the engine's weights."""

    def __init__(self, data: ConjectureData | None, /, *, generator: random.Random) -> None:
        super().__init__(data)
        self.generator = generator

    def draw_boolean(self, p: float = 0.5) -> bool:
        return self.generator.random() < p

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: Any = None,
        shrink_towards: int = 0,
    ) -> int:
        low = -(2**63) if min_value is None else min_value
        return self.generator.randint(low, 2**63 if max_value is None else max_value)

    def draw_float(
        self,
        *,
        min_value: float = -1e9,
        max_value: float = 1e9,
        allow_nan: bool = True,
        smallest_nonzero_magnitude: float = 0.0,
    ) -> float:
        return self.generator.uniform(max(min_value, -1e9), min(max_value, 1e9))

    def draw_string(self, intervals: Any, *, min_size: int = 0, max_size: int = 20) -> str:
        size = self.generator.randint(min_size, min(max_size, min_size + 20))
        return "".join(
            chr(intervals[self.generator.randrange(len(intervals))]) for _ in range(size)
        )

    def draw_bytes(self, min_size: int = 0, max_size: int = 20) -> bytes:
        return self.generator.randbytes(
            self.generator.randint(min_size, min(max_size, min_size + 20))
        )


def _draw_one(strategy: SearchStrategy[T], generator: random.Random) -> T | None:
    data = ConjectureData(random=None, provider=_Uniform, provider_kw={"generator": generator})
    try:
        with BuildContext(data, is_final=True, wrapped_test=_draw_one):
            return data.draw(strategy)
    except (StopTest, UnsatisfiedAssumption):
        return None
