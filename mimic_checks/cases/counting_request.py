"""What a counting strategy is asked for, checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from mimic_checks.cases import pools
from mimic_checks.cases.pools import Order, TemplateChoice
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks.task import check_template

Distribution = Literal["even", "random"]
CountingFactor = Literal["spread", "distractors", "concepts", "images"]


@dataclass(frozen=True, slots=True)
class Setting:
    """The factor values of one level; images = spread + distractors."""

    spread: int
    distractors: int
    concepts: int

    def __str__(self) -> str:
        return f"(spread={self.spread}, distractors={self.distractors}, concepts={self.concepts})"


@dataclass(frozen=True)
class Request:
    """The settings of all levels, and what they share. `totals`: allowed numbers of instances over
    all needles (balanced), empty if `instances`, those of every needle, are given (unbalanced)."""

    settings: tuple[Setting, ...]
    totals: tuple[int, ...]
    instances: tuple[int, ...]
    distribution: Distribution
    order: Order
    template: TemplateChoice

    @property
    def most(self) -> Setting:
        """The largest value of every factor."""
        columns = zip(*((s.spread, s.distractors, s.concepts) for s in self.settings), strict=True)
        return Setting(*(max(column) for column in columns))

    @property
    def spreads(self) -> list[int]:
        """All values of spread, ascending."""
        return sorted({setting.spread for setting in self.settings})

    def __str__(self) -> str:
        kind = f"total={self.totals}" if self.totals else f"instances={self.instances}"
        return f"counting cases with {kind}, {', '.join(map(str, self.settings))}"


def settings_of(factor: str, levels: Sequence[int], base: Setting) -> tuple[Setting, ...]:
    """The setting of every level of a sweep; `base` gives the factors that stay.

    Raises:
        InvalidArgument: an unknown factor, no level, or one twice.
    """
    if factor not in get_args(CountingFactor):
        raise InvalidArgument("factor", factor, allowed=get_args(CountingFactor))
    pools.check_levels(levels)
    if factor == "images":
        return tuple(
            Setting((level + 1) // 2, level // 2, base.concepts)
            for level in pools.image_levels(levels, 1)
        )
    return tuple(replace(base, **{factor: level}) for level in levels)


def checked_request(
    settings: tuple[Setting, ...],
    *,
    total: int | tuple[int, int] | None,
    instances: int | tuple[int, int],
    distribution: Distribution,
    order: Order,
    template: TemplateChoice,
) -> Request:
    """The request for some settings.

    Raises:
        InvalidArgument: a value out of range, or factors that contradict each other.
    """
    totals = () if total is None else _numbers("total", total)
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
    if distribution not in get_args(Distribution):
        raise InvalidArgument("distribution", distribution, allowed=get_args(Distribution))
    if order not in pools.ORDERS:
        raise InvalidArgument("order", order, allowed=pools.ORDERS)
    check_template(template)
    numbers = _numbers("instances", instances)
    return Request(settings, totals, numbers, distribution, order, template)


def _numbers(name: str, value: int | tuple[int, int]) -> tuple[int, ...]:
    low, high = (value, value) if isinstance(value, int) else value
    if not 1 <= low <= high:
        raise InvalidArgument(
            name, value, allowed="a number from 1, or (low, high) with 1 <= low <= high"
        )
    return tuple(range(low, high + 1))
