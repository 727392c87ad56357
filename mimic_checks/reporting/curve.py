"""The curve of one sweep as inline SVG: rate per level, interval, threshold.

Data in: a `CheckResult`. Data out: an `<svg>` with a text alternative. Levels stand at equal distances: they are named, and
their spacing (0, 1, 3, 7) is not the point.
"""

from __future__ import annotations

import html

from mimic_checks.verdicts.result import CheckResult

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 200, 36, 12, 12, 34


def curve(result: CheckResult) -> str:
    """Rate against level, two-sided 95 % intervals, dashed: what a level must exceed."""
    levels = result.levels
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(levels))
    places = [_LEFT + step * (k + 0.5) for k in range(len(levels))]
    parts = [_gridline(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for level, x in zip(levels, places, strict=True):
        limit = level.threshold if level.is_reference or len(levels) == 1 else level.threshold * levels[0].rate
        y = _y(min(1.0, limit))
        parts.append(f'<line class="limit" x1="{x - step * 0.4:.1f}" x2="{x + step * 0.4:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{_y(level.low):.1f}" y2="{_y(level.high):.1f}"/>')
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{_y(level.rate):.1f}" r="4"/>')
        parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - 18}" text-anchor="middle">{html.escape(level.level.split("=")[-1])}</text>')
    points = " ".join(f"{x:.1f},{_y(level.rate):.1f}" for level, x in zip(levels, places, strict=True))
    parts.append(f'<polyline class="curve" points="{points}"/>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 3}" text-anchor="middle">{html.escape(result.factor)}</text>')
    said = ", ".join(f"{level.level} {level.rate:.2f}" for level in levels)
    label = html.escape(f"share of right answers: {said}", quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _y(share: float) -> float:
    return _TOP + (1 - share) * (_HEIGHT - _TOP - _BOTTOM)


def _gridline(share: float) -> str:
    y = _y(share)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.2f}</text>'
    )
