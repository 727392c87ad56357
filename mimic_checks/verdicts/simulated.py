"""Answers that flip, drawn: what a run would see of a release, before anybody has asked it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mimic_checks.errors import InvalidArgument
from mimic_checks.verdicts.betting import Floats, log_evidence_below

Joint = Literal["independent", "nested"]
JOINTS: tuple[Joint, ...] = get_args(Joint)
Drops = NDArray[np.int8]
"""[histories, levels, draws]: 1 lost, -1 gained, 0 as before."""


@dataclass(frozen=True, slots=True)
class Flips:
    """What flips without any change: `share` of the answers each way. `joint`: "independent" of
    each other; or "nested", all levels of a draw together."""

    share: float = 0.01
    joint: Joint = "independent"

    def __post_init__(self) -> None:
        if not 0 <= self.share < 0.25:
            raise InvalidArgument("flips", self.share, allowed="[0, 0.25)")
        if self.joint not in JOINTS:
            raise InvalidArgument("joint", self.joint, allowed=JOINTS)

    def __str__(self) -> str:
        nested = ", all levels of a draw together" if self.joint == "nested" else ""
        return f"{100 * self.share:g} % of answers flip each way{nested}"

    def drawn(self, histories: int, levels: int, draws: int, seed: int = 0) -> Drops:
        """Releases that changed nothing."""
        rows = levels if self.joint == "independent" else 1
        at = np.random.default_rng(seed).random((histories, rows, draws), dtype=np.float32)
        flips = (at < self.share).astype(np.int8) - (at >= 1 - self.share).astype(np.int8)
        return np.repeat(flips, levels // rows, axis=1)


def losing(drops: Drops, lost: float, *, everywhere: bool = False, seed: int = 0) -> Drops:
    """The same releases, of which the last level (or every one, each draw for itself) lost that
    share of its answers beside what flips."""
    chosen = slice(None) if everywhere else slice(-1, None)
    generator = np.random.default_rng([seed, 1])
    unflipped = float((drops[:, -1] == 0).mean())
    hit = generator.random(drops[:, chosen].shape, dtype=np.float32) < lost / unflipped
    changed = drops.copy()
    changed[:, chosen] = np.where((drops[:, chosen] == 0) & hit, 1, drops[:, chosen])
    return changed


def p_at_any_time(scores: Floats, mean: float, *, most: float = 1.0) -> Floats:
    """After each draw, the p-value of "the mean is `mean` or more"."""
    p: Floats = np.exp(-np.maximum(log_evidence_below(scores, mean, most), 0.0))
    return p


class Bracketed:
    """P-values by numbers of lost and gained draws, as far as a decision at `at` needs them.

    With more lost or fewer gained, such a p-value can only fall: so counts of which this is known
    (a p-value at or under `at`) decide all counts beyond them, and likewise the other way. A
    p-value so bounded is handed out in place of one that would have to be computed.
    """

    def __init__(self, p: Callable[[int, int], float], at: float) -> None:
        self._p, self._at = p, at
        self._small: list[tuple[int, int, float]] = []
        self._large: list[tuple[int, int, float]] = []

    def __call__(self, lost: int, gained: int) -> float:
        for b, c, p in self._small:
            if lost >= b and gained <= c:
                return p
        for b, c, p in self._large:
            if lost <= b and gained >= c:
                return p
        p = self._p(lost, gained)
        (self._small if p <= self._at else self._large).append((lost, gained, p))
        return p
