"""What another harness would have said of the same answers: a lens, never a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mimic_checks.suites.item import SuiteItem


@dataclass(frozen=True, slots=True)
class Points:
    """What a rule gives an answer: between `least` and `most`, `expected` on average (None: a judge
    decides, so that nobody can say)."""

    least: float
    most: float
    expected: float | None


RIGHT, WRONG, JUDGED = Points(1, 1, 1), Points(0, 0, 0), Points(0, 1, None)


def drawn(options: int) -> Points:
    """A rule that draws one of so many options at random."""
    return Points(0, 1, 1 / options)


Rule = Callable[[SuiteItem, str], Points]
"""An item and the raw answer -> its points."""
Aggregate = Callable[[Sequence[tuple[SuiteItem, float]]], float]
"""Items with a point each -> the number that is printed, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class HarnessScore:
    """How a harness scores a suite. `aggregate_name`: "micro", "mean of 14 sub-tasks", ... .
    `why_not`: why it cannot be computed from answers, "" if it can."""

    rule: Rule | None
    aggregate: Aggregate | None
    aggregate_name: str
    why_not: str = ""


def micro(items: Sequence[tuple[SuiteItem, float]]) -> float:
    """The mean over all items."""
    return sum(points for _, points in items) / len(items)


def macro(items: Sequence[tuple[SuiteItem, float]]) -> float:
    """The mean of the categories' means."""
    by_category: dict[str, list[float]] = {}
    for item, points in items:
        by_category.setdefault(item.category, []).append(points)
    return sum(sum(own) / len(own) for own in by_category.values()) / len(by_category)


def whole_groups(items: Sequence[tuple[SuiteItem, float]]) -> float:
    """The share of groups whose every item is right; of points below one, as if drawn apart."""
    by_group: dict[str, float] = {}
    for item, points in items:
        by_group[item.group] = by_group.get(item.group, 1.0) * points
    return sum(by_group.values()) / len(by_group)
