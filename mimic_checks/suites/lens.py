"""What the official script, lmms-eval and VLMEvalKit would have printed for a run's raw answers.

A lens, never a verdict: the strict reading decides. Where a harness draws a letter at random, its
number is one draw of many; where it asks a judge, bounds are all that can be said.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mimic_checks.errors import refusing
from mimic_checks.suites.item import SuiteItem
from mimic_checks.suites.scoring import Aggregate, HarnessScore, Points, macro, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import Choice

REPEATS = 400
"""Seeded repetitions by which the spread of drawn letters is told, of what is no mean."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An item with the raw answer to it ("" where the model raised) and whether the strict reading
    calls it right."""

    item: SuiteItem
    answer: str
    right: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A score in [0, 1]: between `least` and `most`, `expected` on average (None: a judge decides),
    with the standard deviation `spread` over the letters that it draws."""

    least: float
    expected: float | None
    most: float
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Lens:
    """A harness's number for a run: `parsed`, by its reading of answers and the mean over all
    items; `number`, with its own aggregate. `why_not`: why there is none, "" if there is."""

    harness: str
    aggregate: str
    parsed: Number | None = None
    number: Number | None = None
    why_not: str = ""


def strict(answered: Sequence[Answered], aggregate: Aggregate = micro) -> float:
    """The share of items that the strict reading calls right, aggregated."""
    return aggregate([(one.item, float(one.right)) for one in answered])


def lenses(suite_format: SuiteFormat, answered: Sequence[Answered]) -> list[Lens]:
    """The numbers of all harnesses that have the suite.

    Raises:
        ExtensionError: somebody's rule or aggregate raised; names the suite and the harness.
    """
    return [
        _lens(harness, score, suite_format.name, answered)
        for harness, score in suite_format.scores.items()
    ]


def random_letters(answered: Sequence[Answered]) -> Number | None:
    """What letters drawn at random would score, by the mean over all items; None where an item has
    no options."""
    if not all(isinstance(one.item.truth, Choice) for one in answered):
        return None
    chances = [1 / len(one.item.options) for one in answered if one.item.options]
    if len(chances) != len(answered) or not chances:
        return None
    n = len(chances)
    spread = sum(p * (1 - p) for p in chances) ** 0.5 / n
    return Number(0.0, sum(chances) / n, 1.0, spread)


def _lens(harness: str, score: HarnessScore, suite: str, answered: Sequence[Answered]) -> Lens:
    if score.why_not or score.rule is None or score.aggregate is None:
        why = score.why_not or "it needs more than answers"
        return Lens(harness, score.aggregate_name, why_not=why)
    with refusing(f"suite {suite!r}: its score {harness!r} cannot be computed"):
        points = [(one.item, score.rule(one.item, one.answer)) for one in answered]
        return Lens(
            harness,
            score.aggregate_name,
            parsed=_number(points, micro),
            number=_number(points, score.aggregate),
        )


def _number(points: Sequence[tuple[SuiteItem, Points]], aggregate: Aggregate) -> Number:
    def of(values: Sequence[float]) -> float:
        return aggregate([(item, v) for (item, _), v in zip(points, values, strict=True)])

    bounds = of([p.least for _, p in points]), of([p.most for _, p in points])
    expected = [p.expected for _, p in points]
    if None in expected:
        return Number(min(bounds), None, max(bounds))
    known = [float(value) for value in expected if value is not None]
    if aggregate in (micro, macro):
        spread = _exact_spread([item for item, _ in points], known, aggregate)
    else:
        spread = _spread(known, of) if any(0 < value < 1 for value in known) else 0.0
    return Number(min(bounds), of(known), max(bounds), spread)


def _exact_spread(
    items: Sequence[SuiteItem], chances: Sequence[float], aggregate: Aggregate
) -> float:
    """Of a mean: every item is drawn apart, with the weight that it has in the mean."""
    sizes = Counter(item.category for item in items)

    def weight(item: SuiteItem) -> float:
        return len(items) if aggregate is micro else len(sizes) * sizes[item.category]

    variances = (
        chance * (1 - chance) / weight(item) ** 2
        for item, chance in zip(items, chances, strict=True)
    )
    return math.sqrt(sum(variances))


def _spread(chances: Sequence[float], of: Callable[[Sequence[float]], float]) -> float:
    generator = random.Random("letters drawn at random")
    numbers = [
        of([float(generator.random() < chance) for chance in chances]) for _ in range(REPEATS)
    ]
    return statistics.stdev(numbers)
