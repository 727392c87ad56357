"""Axes of a chart of shares: where a value stands, where the places of the other axis are, the
grid.

Data in: sizes in pixels of the view box. Data out: coordinates and SVG.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axes:
    """A view box of `width` x `height` whose drawing leaves room at the left and at the
    `bottom`."""

    width: int
    height: int
    bottom: int
    left: int = 36
    right: int = 12
    top: int = 12

    def step(self, count: int) -> float:
        """Distance between `count` places at equal distances."""
        return (self.width - self.left - self.right) / max(1, count)

    def places(self, count: int) -> list[float]:
        """Where `count` places stand."""
        return [self.left + self.step(count) * (k + 0.5) for k in range(count)]

    def y(self, share: float) -> float:
        """Where a share stands; one outside [0, 1] stands at the edge."""
        return self.top + (1 - min(1.0, max(0.0, share))) * (self.height - self.top - self.bottom)

    def grid(self) -> list[str]:
        """Lines at every quarter, with their numbers."""
        return [self._line(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]

    def _line(self, share: float) -> str:
        y = self.y(share)
        return (
            f'<line class="grid" x1="{self.left}" x2="{self.width - self.right}" y1="{y:.1f}"'
            f' y2="{y:.1f}"/><text x="{self.left - 6}" y="{y + 4:.1f}"'
            f' text-anchor="end">{share:.2f}</text>'
        )
