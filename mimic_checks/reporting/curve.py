"""The rates of a check's levels as inline SVG, with a text alternative: rate, interval, threshold.

Levels stand at equal distances: they are named, and their spacing (0, 1, 3, 7) is not the point.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from mimic_checks.reporting.axes import Axes
from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.result import CheckResult, LevelResult
from mimic_checks.verdicts.text import level_name

_AXES = Axes(width=420, height=200, bottom=34)


def curve(result: CheckResult) -> str:
    """Rate against level, two-sided intervals, dashed: what a level must exceed. Levels that are
    names have no order, so no line joins them."""
    levels = result.levels
    names = [level_name(judged.level, shared=True) for judged in levels]
    axes = _AXES.fitting(names)
    columns, parts = axes.columns(len(levels)), axes.grid()
    for judged, x in zip(levels, columns, strict=True):
        parts += _level(axes, judged, x, _limit(result, judged), axes.step(len(levels)))
    parts += axes.names(names, 18)
    if not any(isinstance(judged.level.value, str) for judged in levels):
        parts += _lines(axes, levels, columns)
    parts.append(
        f'<text x="{axes.width / 2}" y="{axes.height - 3}"'
        f' text-anchor="middle">{text(result.factor)}</text>'
    )
    listed = ", ".join(
        f"{judged.level} {f'{judged.rate:.2f}' if judged.is_answered else 'not answered'}"
        for judged in levels
    )
    label = text(f"share of right answers: {listed}")
    return (
        f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img"'
        f' aria-label="{label}">{"".join(parts)}</svg>'
    )


def _limit(result: CheckResult, judged: LevelResult) -> float:
    """What the level's rate must exceed: its threshold, or that share of the reference's rate; of
    a level that is judged alone, the blind answer too."""
    if result.alone:
        return max(judged.threshold, judged.floor or 0.0)
    if judged.is_reference or len(result.levels) == 1:
        return judged.threshold
    return judged.threshold * result.levels[0].rate


def _lines(axes: Axes, levels: Sequence[LevelResult], columns: Sequence[float]) -> list[str]:
    """A line through every run of neighbouring levels that have a rate."""
    places = zip(levels, columns, strict=True)
    runs = [list(run) for answered, run in groupby(places, lambda p: p[0].is_answered) if answered]
    return [
        '<polyline class="curve" points="'
        + " ".join(f"{x:.1f},{axes.y(judged.rate):.1f}" for judged, x in run)
        + '"/>'
        for run in runs
    ]


def _level(axes: Axes, judged: LevelResult, x: float, limit: float, step: float) -> list[str]:
    y = axes.y(limit)
    if not judged.is_answered:
        middle = axes.y(0.5)
        return [
            f'<text x="{x:.1f}" y="{middle:.1f}" text-anchor="middle"'
            f' transform="rotate(-90 {x:.1f} {middle:.1f})">not answered</text>'
        ]
    return [
        f'<line class="limit" x1="{x - step * 0.4:.1f}" x2="{x + step * 0.4:.1f}" y1="{y:.1f}"'
        f' y2="{y:.1f}"/>',
        f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{axes.y(judged.low):.1f}"'
        f' y2="{axes.y(judged.high):.1f}"/>',
        f'<circle class="dot" cx="{x:.1f}" cy="{axes.y(judged.rate):.1f}" r="4"/>',
    ]
