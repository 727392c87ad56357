"""Silhouettes of the rendered classes, as filled polygons.

The order of the table is the class index. Coordinates are in [-1, 1] x [-1, 1], y down. The same
four hues serve in every super-category, one for each of its four classes, so that colour alone
never tells a class: the outline has to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """One filled polygon of a shape.

    `points` [corners, 2]; `shade`: how bright it is (1: the object's colour).
    """

    points: NDArray[np.float64]
    shade: float


@dataclass(frozen=True, slots=True)
class Shape:
    """A class of rendered object; `parts` are painted in order, the first at the back."""

    name: str
    plural: str
    supercategory: str
    hue_deg: float
    parts: tuple[Part, ...]


def _polygon(*corners: tuple[float, float], shade: float = 1.0) -> Part:
    return Part(np.array(corners, dtype=np.float64), shade)


def _ellipse(
    x: float, y: float, rx: float, ry: float, *, shade: float = 1.0, corners: int = 20
) -> Part:
    angle = np.linspace(0.0, 2.0 * np.pi, corners, endpoint=False)
    return Part(np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1), shade)


def _arc(
    x: float,
    y: float,
    r_out: float,
    r_in: float,
    start_deg: float,
    end_deg: float,
    *,
    shade: float = 1.0,
) -> Part:
    angle = np.radians(np.linspace(start_deg, end_deg, 14))
    # Out along one edge and back along the other: one closed outline.
    outer = np.stack([x + r_out * np.cos(angle), y + r_out * np.sin(angle)], axis=1)
    inner = np.stack([x + r_in * np.cos(angle), y + r_in * np.sin(angle)], axis=1)[::-1]
    return Part(np.concatenate([outer, inner]), shade)


# Hues in degrees, far enough apart for the spread that every object's colour has around its own.
_RED, _YELLOW, _GREEN, _BLUE = 2.0, 48.0, 130.0, 215.0

_CLASSES = (
    Shape(
        "cat",
        "cats",
        "animal",
        _YELLOW,
        (
            _ellipse(0, 0.2, 0.8, 0.75),
            _polygon((-0.8, 0.1), (-0.75, -1), (-0.1, -0.45)),
            _polygon((0.8, 0.1), (0.75, -1), (0.1, -0.45)),
            _ellipse(-0.32, 0.1, 0.17, 0.2, shade=0.15),
            _ellipse(0.32, 0.1, 0.17, 0.2, shade=0.15),
        ),
    ),
    Shape(
        "bird",
        "birds",
        "animal",
        _BLUE,
        (
            _polygon((-1, -0.35), (-0.2, 0.0), (-0.3, 0.45)),
            _ellipse(0.05, 0.25, 0.6, 0.45),
            _ellipse(0.5, -0.3, 0.36, 0.36),
            _polygon((0.8, -0.4), (1, -0.25), (0.8, -0.1), shade=0.4),
            _polygon((-0.3, 0.15), (0.4, 0.1), (-0.1, 0.75), shade=0.55),
            _ellipse(0.56, -0.36, 0.1, 0.1, shade=0.1),
        ),
    ),
    Shape(
        "turtle",
        "turtles",
        "animal",
        _GREEN,
        (
            _ellipse(-0.55, -0.6, 0.22, 0.25, shade=0.7),
            _ellipse(0.4, -0.6, 0.22, 0.25, shade=0.7),
            _ellipse(-0.55, 0.6, 0.22, 0.25, shade=0.7),
            _ellipse(0.4, 0.6, 0.22, 0.25, shade=0.7),
            _ellipse(0.82, 0, 0.2, 0.22, shade=0.7),
            _ellipse(-0.1, 0, 0.75, 0.62),
            _ellipse(-0.1, 0, 0.4, 0.32, shade=0.5),
        ),
    ),
    Shape(
        "snail",
        "snails",
        "animal",
        _RED,
        (
            _polygon(
                (-1, 0.75),
                (-0.9, 0.45),
                (0.6, 0.4),
                (0.65, -0.3),
                (1, -0.35),
                (0.95, 0.75),
                shade=0.6,
            ),
            _ellipse(-0.15, -0.05, 0.68, 0.68),
            _ellipse(-0.1, 0.0, 0.42, 0.42, shade=0.4),
            _ellipse(-0.08, 0.02, 0.2, 0.2),
        ),
    ),
    Shape(
        "car",
        "cars",
        "vehicle",
        _RED,
        (
            _polygon(
                (-1, 0.4),
                (-1, -0.05),
                (-0.6, -0.1),
                (-0.35, -0.55),
                (0.4, -0.55),
                (0.65, -0.1),
                (1, 0.0),
                (1, 0.4),
            ),
            _polygon((-0.4, -0.1), (-0.25, -0.42), (0.3, -0.42), (0.45, -0.1), shade=2.2),
            _ellipse(-0.55, 0.42, 0.26, 0.26, shade=0.1),
            _ellipse(0.55, 0.42, 0.26, 0.26, shade=0.1),
        ),
    ),
    Shape(
        "boat",
        "boats",
        "vehicle",
        _BLUE,
        (
            _polygon((-1, 0.3), (1, 0.3), (0.6, 0.85), (-0.6, 0.85), shade=0.5),
            _polygon((-0.05, -1), (-0.05, 0.2), (0.85, 0.2)),
            _polygon((-0.18, -0.75), (-0.18, 0.2), (-0.75, 0.2)),
        ),
    ),
    Shape(
        "plane",
        "planes",
        "vehicle",
        _YELLOW,
        (
            _polygon((0, -1), (0.18, -0.7), (0.18, 0.9), (-0.18, 0.9), (-0.18, -0.7)),
            _polygon((-1, 0.25), (0, -0.3), (1, 0.25), (1, 0.42), (0, 0.2), (-1, 0.42), shade=0.75),
            _polygon((-0.45, 0.95), (0, 0.6), (0.45, 0.95), shade=0.5),
        ),
    ),
    Shape(
        "rocket",
        "rockets",
        "vehicle",
        _GREEN,
        (
            _polygon((-0.35, 0.3), (-0.8, 0.95), (0.8, 0.95), (0.35, 0.3), shade=0.45),
            _polygon((0, -1), (0.42, -0.4), (0.42, 0.6), (-0.42, 0.6), (-0.42, -0.4)),
            _ellipse(0, -0.2, 0.24, 0.24, shade=2.2),
        ),
    ),
    Shape(
        "apple",
        "apples",
        "fruit",
        _RED,
        (
            _ellipse(-0.3, 0.2, 0.6, 0.7),
            _ellipse(0.3, 0.2, 0.6, 0.7),
            _polygon((-0.08, -0.4), (0.08, -0.4), (0.2, -0.95), (0.05, -0.95), shade=0.2),
        ),
    ),
    Shape(
        "banana",
        "bananas",
        "fruit",
        _YELLOW,
        (_arc(0, -0.65, 1.25, 0.72, 15, 165), _arc(0, -0.65, 1.25, 0.72, 8, 24, shade=0.2)),
    ),
    Shape(
        "pear",
        "pears",
        "fruit",
        _GREEN,
        (
            _ellipse(0, 0.4, 0.68, 0.58),
            _ellipse(0, -0.25, 0.38, 0.55),
            _polygon((-0.07, -0.7), (0.07, -0.7), (0.1, -1), (-0.04, -1), shade=0.2),
        ),
    ),
    Shape(
        "plum",
        "plums",
        "fruit",
        _BLUE,
        (
            _ellipse(0, 0.1, 0.85, 0.62),
            _polygon((0.05, -0.5), (0.5, -1), (0.8, -0.8), (0.4, -0.45), shade=0.35),
            _ellipse(-0.25, -0.1, 0.24, 0.14, shade=2.0),
        ),
    ),
    Shape(
        "hammer",
        "hammers",
        "tool",
        _RED,
        (
            _polygon((-0.14, -0.5), (0.14, -0.5), (0.14, 1), (-0.14, 1), shade=0.6),
            _polygon((-0.8, -0.95), (0.55, -0.95), (0.85, -0.65), (0.55, -0.4), (-0.8, -0.4)),
        ),
    ),
    Shape(
        "key",
        "keys",
        "tool",
        _YELLOW,
        (
            _arc(0, -0.5, 0.5, 0.22, 0, 360),
            _polygon((-0.13, -0.05), (0.13, -0.05), (0.13, 1), (-0.13, 1)),
            _polygon((0.1, 0.4), (0.55, 0.4), (0.55, 0.6), (0.1, 0.6)),
            _polygon((0.1, 0.8), (0.55, 0.8), (0.55, 1), (0.1, 1)),
        ),
    ),
    Shape(
        "saw",
        "saws",
        "tool",
        _BLUE,
        (
            _polygon(
                (-0.4, -0.25),
                (1, -0.15),
                (1, 0.1),
                (0.8, 0.35),
                (0.6, 0.12),
                (0.4, 0.38),
                (0.2, 0.14),
                (0, 0.4),
                (-0.2, 0.16),
                (-0.4, 0.42),
            ),
            _polygon((-1, -0.5), (-0.4, -0.5), (-0.4, 0.6), (-1, 0.6), shade=0.35),
        ),
    ),
    Shape(
        "brush",
        "brushes",
        "tool",
        _GREEN,
        (
            _polygon((-0.15, 0.1), (0.15, 0.1), (0.12, 1), (-0.12, 1), shade=0.5),
            _polygon((-0.7, -0.15), (0.7, -0.15), (0.7, 0.15), (-0.7, 0.15)),
            _polygon(
                (-0.65, -0.95),
                (-0.3, -0.8),
                (0, -0.95),
                (0.3, -0.8),
                (0.65, -0.95),
                (0.65, -0.15),
                (-0.65, -0.15),
                shade=2.0,
            ),
        ),
    ),
)

SHAPES: dict[str, Shape] = {shape.name: shape for shape in _CLASSES}
