"""Axes of a chart of shares: where a value stands, where the columns of the other axis are and what
they are called, the grid. Sizes are pixels of the view box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mimic_checks.reporting.escape import text

_LETTER_PX = 6
"""Width of a letter at the charts' font size, on average."""
_SLANT = 35
"""Degrees by which names are turned that do not fit side by side."""
_LONGEST = 24
"""Letters of a turned name; the rest is left to its tooltip."""


@dataclass(frozen=True, slots=True)
class Axes:
    """A view box of `width` x `height` whose drawing leaves room at the left and at the `bottom`;
    `slanted`: the names of the columns are turned."""

    width: int
    height: int
    bottom: int
    left: int = 36
    right: int = 12
    top: int = 12
    slanted: bool = False

    def fitting(self, names: Sequence[str]) -> Axes:
        """These axes, with room for turned names if they do not fit side by side."""
        longest = max(map(len, names), default=0)
        if longest * _LETTER_PX <= self.step(len(names)):
            return self
        letters = min(longest, _LONGEST)
        # A turned name reaches down by the sine of its angle.
        room = math.ceil(letters * _LETTER_PX * math.sin(math.radians(_SLANT)))
        return replace(self, height=self.height + room, bottom=self.bottom + room, slanted=True)

    def step(self, count: int) -> float:
        """Distance between `count` columns at equal distances."""
        return (self.width - self.left - self.right) / max(1, count)

    def columns(self, count: int) -> list[float]:
        """Where `count` columns stand."""
        return [self.left + self.step(count) * (k + 0.5) for k in range(count)]

    def y(self, share: float) -> float:
        """Where a share stands; one outside [0, 1] stands at the edge."""
        return self.top + (1 - min(1.0, max(0.0, share))) * (self.height - self.top - self.bottom)

    def grid(self) -> list[str]:
        """Lines at every quarter, with their numbers."""
        return [self._line(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]

    def names(self, names: Sequence[str], up: int) -> list[str]:
        """The columns' names, `up` pixels over the lower edge where they are not turned."""
        columns = zip(self.columns(len(names)), names, strict=True)
        if self.slanted:
            return [self._turned(x, name) for x, name in columns]
        y = self.height - up
        return [
            f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{text(name)}</text>'
            for x, name in columns
        ]

    def _turned(self, x: float, name: str) -> str:
        y = self.height - self.bottom + 14
        short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
        return (
            f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-{_SLANT} {x:.1f}'
            f' {y})"><title>{text(name)}</title>{text(short)}</text>'
        )

    def _line(self, share: float) -> str:
        y = self.y(share)
        return (
            f'<line class="grid" x1="{self.left}" x2="{self.width - self.right}" y1="{y:.1f}"'
            f' y2="{y:.1f}"/><text x="{self.left - 6}" y="{y + 4:.1f}"'
            f' text-anchor="end">{share:.2f}</text>'
        )
