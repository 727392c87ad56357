"""The curve of one sweep as inline SVG: rate per level, interval, threshold.

Data in: a `CheckResult`. Data out: an `<svg>` with a text alternative. Levels stand at equal
distances: they are named, and their spacing (0, 1, 3, 7) is not the point.
"""

from __future__ import annotations

from mimic_checks.reporting.axes import Axes
from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.result import CheckResult

_AXES = Axes(width=420, height=200, bottom=34)


def curve(result: CheckResult) -> str:
    """Rate against level, two-sided 95 % intervals, dashed: what a level must exceed."""
    levels = result.levels
    step, places, parts = _AXES.step(len(levels)), _AXES.places(len(levels)), _AXES.grid()
    for level, x in zip(levels, places, strict=True):
        limit = (
            level.threshold
            if level.is_reference or len(levels) == 1
            else level.threshold * levels[0].rate
        )
        y = _AXES.y(limit)
        parts.append(
            f'<line class="limit" x1="{x - step * 0.4:.1f}" x2="{x + step * 0.4:.1f}" y1="{y:.1f}"'
            f' y2="{y:.1f}"/>'
        )
        parts.append(
            f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{_AXES.y(level.low):.1f}"'
            f' y2="{_AXES.y(level.high):.1f}"/>'
        )
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{_AXES.y(level.rate):.1f}" r="4"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{_AXES.height - 18}"'
            f' text-anchor="middle">{text(level.level.split("=")[-1])}</text>'
        )
    points = " ".join(
        f"{x:.1f},{_AXES.y(level.rate):.1f}" for level, x in zip(levels, places, strict=True)
    )
    parts.append(f'<polyline class="curve" points="{points}"/>')
    parts.append(
        f'<text x="{_AXES.width / 2}" y="{_AXES.height - 3}"'
        f' text-anchor="middle">{text(result.factor)}</text>'
    )
    said = ", ".join(f"{level.level} {level.rate:.2f}" for level in levels)
    label = text(f"share of right answers: {said}")
    return (
        f'<svg viewBox="0 0 {_AXES.width} {_AXES.height}" role="img"'
        f' aria-label="{label}">{"".join(parts)}</svg>'
    )
