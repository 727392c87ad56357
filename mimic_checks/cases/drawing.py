"""Deterministic, uniform, duplicate-free draws from the case strategies.

Data in: a hypothesis strategy, how many, a seed. Data out: a list of its values. Hypothesis's own
engine looks for bugs, so it repeats small values; a benchmark needs every choice uniform. This
module alone touches hypothesis's internals (version pinned): a primitive provider that answers
every choice from one seeded generator.
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
from mimic_checks.errors import EmptyPool, InvalidArgument

T = TypeVar("T", Case, tuple[Case, ...])
_MOST_REJECTED = 200
"""Draws rejected in a row (duplicates, unreadable images) before the pool counts as used up."""


def draw(strategy: SearchStrategy[T], n: int, seed: int) -> list[T]:
    """`n` different values of a case or sweep strategy; the first m of `draw(s, n, seed)` are
    `draw(s, m, seed)`.

    Choices are uniform within their bounds. A value is a duplicate if any of its cases (ordered
    image ids and question) was drawn before.

    Raises:
        InvalidArgument: `n` is negative.
        EmptyPool: the strategy has fewer than `n` different values.
    """
    if n < 0:
        raise InvalidArgument("n", n, allowed="whole numbers from 0")
    values: list[T] = []
    seen: set[str] = set()
    rejected = 0
    generator = random.Random(f"mimic_checks {seed}")
    while len(values) < n:
        value = _one(strategy, generator)
        ids = [case.id for case in ((value,) if isinstance(value, Case) else value or ())]
        if value is None or seen.intersection(ids):
            rejected += 1
            if rejected > _MOST_REJECTED:
                raise EmptyPool(
                    f"n={n!r} different draws are not to be had: {len(values)} found, then"
                    f" {rejected} repeats or unreadable images in a row; ask for fewer cases, vary"
                    " more factors or use a larger catalog"
                )
            continue
        rejected = 0
        seen.update(ids)
        values.append(value)
    return values


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


def _one(strategy: SearchStrategy[T], generator: random.Random) -> T | None:
    data = ConjectureData(random=None, provider=_Uniform, provider_kw={"generator": generator})
    try:
        with BuildContext(data, is_final=True, wrapped_test=_one):
            return data.draw(strategy)
    except (StopTest, UnsatisfiedAssumption):
        return None


def flatten(draws: Sequence[tuple[Case, ...]]) -> list[Case]:
    """All cases of sweep draws, draw by draw."""
    return [case for group in draws for case in group]
