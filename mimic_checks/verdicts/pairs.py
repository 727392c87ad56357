"""The same draws under two conditions: earlier and later release, reference and another level, with
and without a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mimic_checks.cases import OutcomeKind, Scored

Doubt = Literal["wrong", "drop", "gain"]
"""How answers without a prediction (unparseable, error) count: as wrong, or all in favour of a drop
(right before, wrong after), or all against one."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Whether each draw was right before and is right after, in the order in which they were
    asked."""

    before: tuple[bool, ...]
    after: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.before) != len(self.after):
            raise ValueError(f"{len(self.before)} draws before and {len(self.after)} after")

    @property
    def n(self) -> int:
        """Draws."""
        return len(self.before)

    @property
    def lost(self) -> int:
        """Right before, wrong after."""
        return sum(b and not a for b, a in zip(self.before, self.after, strict=True))

    @property
    def gained(self) -> int:
        """Wrong before, right after."""
        return sum(a and not b for b, a in zip(self.before, self.after, strict=True))

    @property
    def kept(self) -> int:
        """Right before and after."""
        return sum(b and a for b, a in zip(self.before, self.after, strict=True))

    @property
    def drop(self) -> float:
        """Share of right answers that the change costs; below zero: it helps."""
        return (self.lost - self.gained) / self.n

    @property
    def drops(self) -> tuple[int, ...]:
        """The drop of each draw: 1 lost, -1 gained, 0 as before."""
        return tuple(b - a for b, a in zip(self.before, self.after, strict=True))


def paired(before: Sequence[Scored], after: Sequence[Scored], *, doubt: Doubt = "wrong") -> Pairs:
    """The same draws under two conditions (a draw is one cluster).

    Raises:
        ValueError: not the same draws in the same order, one case or group each.
    """
    clusters = [item.cluster for item in before]
    if clusters != [item.cluster for item in after] or len(set(clusters)) != len(clusters):
        raise ValueError(
            "paired outcomes must be of the same draws in the same order, one case or group each"
        )
    return Pairs(
        right((item.kind for item in before), doubtful=doubt == "drop"),
        right((item.kind for item in after), doubtful=doubt == "gain"),
    )


def right(kinds: Iterable[OutcomeKind], *, doubtful: bool = False) -> tuple[bool, ...]:
    """Which outcomes are right, those without a prediction counted as `doubtful`."""
    return tuple(
        kind == "right" or (doubtful and kind in ("unparseable", "error")) for kind in kinds
    )
