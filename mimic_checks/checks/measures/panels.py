"""Pieces of panels that several measurements make: curves with exact intervals, cells of a
table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_checks.cases import Scored
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.intervals import lower, median_interval, upper
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.result import Curves, Series


def over_layers(title: str, note: str, *series: Series) -> Curves:
    """Curves over the layers of a model."""
    layers = tuple(str(k) for k in range(len(series[0].values)))
    return Curves(title=title, note=note, x_label="layer", x=layers, series=series)


def medians(name: str, shares: NDArray[np.float64], alpha: float) -> Series:
    """Median share per column of `shares` [cases, columns], with its exact interval inside [0,
    1]."""
    bounds = [median_interval(list(column), alpha) for column in shares.T]
    return Series(
        name=name,
        values=tuple(np.median(shares, axis=0).tolist()),
        low=tuple(max(0.0, low) for low, _ in bounds),
        high=tuple(min(1.0, high) for _, high in bounds),
    )


def rates(name: str, counts: Sequence[tuple[int, int] | None], alpha: float) -> Series:
    """Share of successes per (successes, cases), with its exact interval; None where nothing was
    asked."""
    # Two one-sided bounds, half the error rate each.
    return Series(
        name=name,
        values=tuple(k[0] / k[1] if k else None for k in counts),
        low=tuple(lower(*k, alpha / 2) if k else None for k in counts),
        high=tuple(upper(*k, alpha / 2) if k else None for k in counts),
    )


def is_answered(items: Sequence[Scored]) -> bool:
    """Whether a rate of these says anything about the model: not if most are errors."""
    return 2 * sum(item.kind == "error" for item in items) <= len(items)


def gain_cells(change: Pairs, alpha: float) -> tuple[str, str]:
    """What a change does to the rate, and its interval, as they are read."""
    # Bounds are of the drop; as a gain they change sign, and with it places.
    low, high = FIXED_NUMBER.drop_bounds(change, alpha / 2)
    return f"{-change.drop:+.3f}", f"{-high:+.3f} to {-low:+.3f}"
