"""Deterministic, uniform, duplicate-free draws from the case strategies.

Hypothesis's own engine looks for bugs, so it repeats small values; a benchmark needs every choice
uniform. This module alone touches hypothesis's internals (of versions that tests prove to give the
same draws): a primitive provider that answers every choice from one seeded generator.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any, Generic, TypeVar

import hypothesis
from hypothesis.control import BuildContext
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.internal.conjecture.providers import PrimitiveProvider
from hypothesis.strategies import SearchStrategy

from mimic_checks.cases.case import Case
from mimic_checks.cases.evenness import Evenness, even_draws
from mimic_checks.cases.group import Draw, Group, Item, cases_of
from mimic_checks.cases.leave_out import LeaveOut
from mimic_checks.errors import EmptyPool, InvalidArgument

PROVEN = ((6, 140, 4), (6, 171))
"""From which version of hypothesis on, and before which, the same seed gives the same cases: the
golden draws of `tests/cases/test_same_draws.py`, under the oldest and the newest."""
T = TypeVar("T", bound=Item | Draw)
_MOST_REJECTED = 200
"""Draws rejected in a row (duplicates, unreadable images) before the pool counts as used up."""
_STREAMS, _FEWEST_TRIED = 4, 20
"""Drawings that tell how many draws a pool has, and proposals that each looks at before it may
end."""


def draw(
    strategy: SearchStrategy[T], n: int, seed: int, *, leave_out: Collection[str] | LeaveOut = ()
) -> list[T]:
    """`n` distinct values of a strategy of cases, groups or sweeps; the first m of
    `draw(s, n, seed)` are `draw(s, m, seed)`.

    Choices are uniform within their bounds. A value is a repeat if any of its items (by content)
    was drawn before. `leave_out`: ids of cases or groups; a value that holds one is passed over,
    and the next one takes its place.

    Raises:
        InvalidArgument: `n` is negative, or a version of hypothesis under which a seed may give
            other cases.
        EmptyPool: the strategy has fewer than `n` distinct values, or so few that leaving out
            repeats bends what is asked about; says how many draws can be had.
    """
    if n < 0:
        raise InvalidArgument("n", n, allowed="whole numbers from 0")
    refuse_unproven(hypothesis.__version__)
    drawing = _Drawing(strategy, random.Random(f"mimic_checks {seed}"), leave_out)
    while len(drawing.values) < n and drawing.rejected <= _MOST_REJECTED:
        drawing.propose()
    drawn = len(drawing.values)
    evenness = drawing.evenness
    if drawn < n or (evenness.has_repeats and evenness.is_bent(n)):
        # Measured on drawings of other seeds: a number that depended on these draws would itself
        # choose among them.
        even = _even_draws(strategy, drawn)
        while evenness.is_bent(even):
            even -= 1
        raise EmptyPool(_refusal(n, drawn, even, drawing.rejected), possible=even)
    return drawing.values


class _Drawing(Generic[T]):
    """Values of a strategy as they come: `values` those that are new, `rejected` how many in a row
    were not."""

    def __init__(
        self,
        strategy: SearchStrategy[T],
        generator: random.Random,
        leave_out: Collection[str] | LeaveOut,
    ) -> None:
        self.strategy, self.generator = strategy, generator
        self.values: list[T] = []
        self.evenness = Evenness()
        self.rejected = 0
        self._seen: set[str] = set()
        self._leave_out = leave_out if isinstance(leave_out, LeaveOut) else LeaveOut(leave_out)

    def propose(self) -> None:
        """Takes the next value, if it is to be had."""
        value = _draw_one(self.strategy, self.generator)
        items = () if value is None else _items(value)
        ids = {item.id for item in items if item is not None}
        repeat = not self._seen.isdisjoint(ids)
        wanted = value is not None and not self._leave_out.holds(items)
        if wanted and items:
            self.evenness.note(cases_of(items)[0], repeat=repeat)
        if value is None or repeat or not wanted:
            self.rejected += 1
            return
        self.rejected = 0
        self._seen.update(ids)
        self.values.append(value)


def _even_draws(strategy: SearchStrategy[T], most: int) -> int:
    """How many draws, up to `most`, keep the strategy's mix, by a few drawings that go on until
    half of what they propose are repeats."""
    streams = []
    for number in range(_STREAMS):
        drawing = _Drawing(strategy, random.Random(f"mimic_checks evenness {number}"), ())
        tried = 0
        while len(drawing.values) < most and drawing.rejected <= _MOST_REJECTED:
            drawing.propose()
            tried += 1
            if tried > _FEWEST_TRIED and drawing.evenness.is_half_repeats:
                break
        streams.append(drawing.evenness)
    return even_draws(streams)


def _refusal(n: int, drawn: int, even: int, rejected: int) -> str:
    cure = "vary more factors or use a larger catalog"
    if drawn < n:
        uneven = f", and {even} that ask about all classes alike" * (even < drawn)
        return (
            f"n={n!r} is not possible: only {drawn} distinct cases can be generated ({rejected}"
            f" repeats or unreadable images in a row){uneven}; ask for fewer cases, {cure}"
        )
    return (
        f"n={n!r} is not possible: some classes have so few distinct cases that others would take"
        f" their share; {even} draws ask about all classes alike; ask for so many, {cure}"
    )


def refuse_unproven(version: str) -> None:
    """Stops draws that may be others than those of the same seed elsewhere.

    Raises:
        InvalidArgument: a version of hypothesis outside the range that tests prove.
    """
    numbers = tuple(int(part) for part in version.split(".")[:3] if part.isdecimal())
    low, high = PROVEN
    if not low <= numbers < high:
        old, new = (".".join(map(str, bound)) for bound in PROVEN)
        raise InvalidArgument(
            "hypothesis",
            version,
            allowed=f"versions from {old} to before {new}, under which a seed gives the same cases",
            hint=f"pip install 'hypothesis>={old},<{new}'",
        )


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
