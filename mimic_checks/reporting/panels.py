"""What a check measured beside its levels: heat maps, curves on one axis, tables.

Every number also stands there as text. Colours come from the page's style, so that both themes
work.
"""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.reporting.axes import Axes
from mimic_checks.reporting.escape import text
from mimic_checks.verdicts.result import Curves, HeatMap, Panel, Series

_AXES = Axes(width=560, height=240, bottom=36)


def panels(shown: Sequence[Panel]) -> str:
    """All panels of one check."""
    return "".join(
        f'<div class="panel"><h3>{text(panel.title)}</h3>{_body(panel)}'
        f'<p class="soft">{text(panel.note)}</p></div>'
        for panel in shown
    )


def _body(panel: Panel) -> str:
    if isinstance(panel, HeatMap):
        return _heatmap(panel)
    return _curves(panel) if isinstance(panel, Curves) else _table(panel.head, panel.rows)


def _heatmap(panel: HeatMap) -> str:
    head = "<th></th>" + "".join(f"<th>{text(column)}</th>" for column in panel.columns)
    rows = "".join(
        f"<tr><th>{text(name)}</th>" + "".join(_cell(value) for value in values) + "</tr>"
        for name, values in zip(panel.rows, panel.values, strict=True)
    )
    return (
        '<div class="wide"><table class="heat">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(value: float | None) -> str:
    if value is None:
        return '<td class="number">-</td>'
    strength = round(100 * min(1.0, max(0.0, value)))
    return f'<td class="number" style="--strength: {strength}%">{value:.3f}</td>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{text(word)}</th>" for word in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _curves(panel: Curves) -> str:
    axes = _AXES.fitting(panel.x)
    parts = [*axes.grid(), *axes.names(panel.x, 20)]
    parts.append(
        f'<text x="{axes.width / 2}" y="{axes.height - 4}"'
        f' text-anchor="middle">{text(panel.x_label)}</text>'
    )
    columns = axes.columns(len(panel.x))
    parts += [_series(axes, series, number, columns) for number, series in enumerate(panel.series)]
    keys = "".join(
        f'<li><span class="key line{number}"></span>{text(series.name)}</li>'
        for number, series in enumerate(panel.series)
    )
    numbers = _table(("", *panel.x), [(s.name, *map(_number, s.values)) for s in panel.series])
    label = text(f"{panel.title}; the numbers are in the table below")
    return (
        f'<svg viewBox="0 0 {axes.width} {axes.height}" role="img"'
        f' aria-label="{label}">{"".join(parts)}</svg><ul class="keys">{keys}</ul>'
        f'<details><summary class="soft">Numbers</summary>{numbers}</details>'
    )


def _series(axes: Axes, series: Series, number: int, columns: Sequence[float]) -> str:
    # Intervals of several curves stand beside each other.
    shift = 4 * (number - 1)
    points = [
        (x + shift, axes.y(v)) for x, v in zip(columns, series.values, strict=True) if v is not None
    ]
    # Not strict: a series without intervals has no bounds at all.
    bars = [
        f'<line x1="{x + shift:.1f}" x2="{x + shift:.1f}" y1="{axes.y(low):.1f}"'
        f' y2="{axes.y(high):.1f}"/>'
        for x, low, high in zip(columns, series.low, series.high, strict=False)
        if low is not None and high is not None
    ]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<g class="series line{number}">{"".join(bars)}<polyline points="{line}"/>{dots}</g>'


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
