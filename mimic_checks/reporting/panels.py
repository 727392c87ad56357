"""What a check measured beside its levels: heat maps, curves on one axis, tables.

Data in: panels of a `CheckResult`. Data out: HTML, every number also as text. Colours come from the page's style, so that
both themes work; a heat map's cell carries its number.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from mimic_checks.verdicts.result import Curves, HeatMap, Panel, Series

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 560, 240, 36, 12, 12, 36


def panels(found: Sequence[Panel]) -> str:
    """All panels of one check."""
    return "".join(
        f'<div class="panel"><h3>{_text(panel.title)}</h3>{_body(panel)}<p class="soft">{_text(panel.note)}</p></div>'
        for panel in found
    )


def _body(panel: Panel) -> str:
    if isinstance(panel, HeatMap):
        return _heatmap(panel)
    return _curves(panel) if isinstance(panel, Curves) else _table(panel.head, panel.rows)


def _heatmap(panel: HeatMap) -> str:
    head = "<th></th>" + "".join(f"<th>{_text(column)}</th>" for column in panel.columns)
    rows = "".join(
        f"<tr><th>{_text(name)}</th>" + "".join(_cell(value) for value in values) + "</tr>"
        for name, values in zip(panel.rows, panel.values, strict=True)
    )
    return f'<div class="wide"><table class="heat"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value: float | None) -> str:
    if value is None:
        return '<td class="number">-</td>'
    strength = round(100 * min(1.0, max(0.0, value)))
    return f'<td class="number" style="--strength: {strength}%">{value:.3f}</td>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{_text(word)}</th>" for word in head)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _curves(panel: Curves) -> str:
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(panel.x))
    places = [_LEFT + step * (k + 0.5) for k in range(len(panel.x))]
    parts = [_gridline(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    parts += [
        f'<text x="{x:.1f}" y="{_HEIGHT - 20}" text-anchor="middle">{_text(word)}</text>'
        for x, word in zip(places, panel.x, strict=True)
    ]
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 4}" text-anchor="middle">{_text(panel.x_label)}</text>')
    parts += [_one(series, number, places) for number, series in enumerate(panel.series)]
    keys = "".join(
        f'<li><span class="key line{number}"></span>{_text(series.name)}</li>' for number, series in enumerate(panel.series)
    )
    numbers = _table(("", *panel.x), [(s.name, *map(_number, s.values)) for s in panel.series])
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{_text(panel.title)}; the numbers are in the table below">{"".join(parts)}</svg>'
        f'<ul class="keys">{keys}</ul><details><summary class="soft">Numbers</summary>{numbers}</details>'
    )


def _one(series: Series, number: int, places: Sequence[float]) -> str:
    shift = 4 * (number - 1)  # intervals of several curves stand beside each other
    points = [(x + shift, _y(v)) for x, v in zip(places, series.values, strict=True) if v is not None]
    bars = [
        f'<line x1="{x + shift:.1f}" x2="{x + shift:.1f}" y1="{_y(low):.1f}" y2="{_y(high):.1f}"/>'
        for x, low, high in zip(places, series.low, series.high, strict=False)
        if low is not None and high is not None
    ]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in points)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<g class="series line{number}">{"".join(bars)}<polyline points="{line}"/>{dots}</g>'


def _gridline(share: float) -> str:
    y = _y(share)
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share:.2f}</text>'
    )


def _y(share: float) -> float:
    return _TOP + (1 - min(1.0, max(0.0, share))) * (_HEIGHT - _TOP - _BOTTOM)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
