"""One error rate for all that can fail in a run.

A run fails if one of its tests does, so they share alpha. Not evenly: a level that lost its rate is
what a run is there to find, and needs the cases; a check that lost on all its levels, and answers
that nobody can read any more, show with far less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TestKind = Literal["level", "check", "unreadable"]
"""The rate of a level; the mean of a check over its levels; the unparseable answers of a level."""
SHARES: dict[TestKind, float] = {"level": 0.9, "check": 0.08, "unreadable": 0.02}
"""Parts of alpha, each for all tests of a kind together (chosen by simulation: bench/gate.py)."""


@dataclass(frozen=True, slots=True)
class TestFamily:
    """The tests of a whole run: of its levels (two each: rate and unparseable answers), and of its
    checks."""

    __test__ = False

    levels: int
    checks: int = 0

    def weight(self, kind: TestKind) -> float:
        """The part of alpha of one test of a kind; all tests of the run together have 1."""
        numbers = {"level": self.levels, "check": self.checks, "unreadable": self.levels}
        total = sum(share for name, share in SHARES.items() if numbers[name])
        return SHARES[kind] / total / max(1, numbers[kind])


def bonferroni(p: Sequence[float], weights: Sequence[float]) -> list[float]:
    """P-values corrected for all tests of the run, of which these are some: reject those at or
    under alpha. What it rejects, `holm` rejects too."""
    return [min(1.0, value / weight) for value, weight in zip(p, weights, strict=True)]


def holm(p: Sequence[float], weights: Sequence[float]) -> list[float]:
    """P-values corrected for testing all of them (Holm 1979, weighted): reject those at or under
    alpha. `weights` add up to 1."""
    corrected, largest, left = [0.0] * len(p), 0.0, sum(weights)
    for k in sorted(range(len(p)), key=lambda k: p[k] / weights[k]):
        largest = max(largest, min(1.0, left * p[k] / weights[k]))
        corrected[k], left = largest, left - weights[k]
    return corrected
