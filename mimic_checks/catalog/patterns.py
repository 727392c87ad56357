"""Visual patterns: pairs of scenes that differ in one property, and a question whose answer it is.

The patterns are those of MMVP (Tong et al. 2024, section 3.1); viewpoint is missing, for a flat
scene has none. Objects are larger than in the rendered catalog (0.30 to 0.44 of the side), so that
people can tell at 64 pixels.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mimic_checks.catalog import scene_edit
from mimic_checks.catalog.scene import Scene, SceneObject, arrange, loose_object
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.catalog.signs import WORDS, Sign

_NAMES = tuple(SHAPES)
COLOURS = {"red": 2.0, "yellow": 48.0, "green": 130.0, "blue": 215.0}
"""Hues in degrees."""
FACING = ("bird", "turtle", "snail")
"""Classes of which everybody sees which way they face: all to the right, as their shapes are."""
UPRIGHT = ("cat", "car", "boat", "apple", "pear", "rocket")
"""Classes with a top and a bottom."""
CUT = ("cat", "turtle", "car", "rocket", "apple", "pear", "plum", "key")
"""Classes of which half is told from the whole."""


@dataclass(frozen=True, slots=True)
class Twin:
    """Two scenes and a question; `options[k]` is the true answer of `scenes[k]`."""

    pattern: str
    scenes: tuple[Scene, Scene]
    stem: str
    options: tuple[str, str]


def twin(pattern: str, rng: np.random.Generator) -> Twin:
    """A pair of scenes of a pattern (one of `PATTERNS`), all else about it drawn from `rng`."""
    scenes, stem, options = PATTERNS[pattern](rng)
    if rng.integers(2):
        scenes, options = (scenes[1], scenes[0]), (options[1], options[0])
    return Twin(pattern, scenes, stem, options)


_Parts = tuple[tuple[Scene, Scene], str, tuple[str, str]]


def _direction(rng: np.random.Generator) -> _Parts:
    name = _one(rng, FACING)
    scene = arranged(rng, [name], others=1)
    both = scene, scene_edit.mirrored(scene, 0)
    return both, f"Which way is the {name} facing?", ("right", "left")


def _presence(rng: np.random.Generator) -> _Parts:
    name = _one(rng, _NAMES)
    scene = arranged(rng, [name], others=2)
    both = scene, scene_edit.without(scene, 0)
    article = "an" if name[0] in "aeiou" else "a"
    return both, f"Is there {article} {name} in the picture?", ("yes", "no")


def _state(rng: np.random.Generator) -> _Parts:
    name = _one(rng, UPRIGHT)
    scene = arranged(rng, [name], others=1)
    both = scene, scene_edit.upended(scene, 0)
    return both, f"Is the {name} upright or upside down?", ("upright", "upside down")


def _count(rng: np.random.Generator) -> _Parts:
    name, fewer = _one(rng, _NAMES), int(rng.integers(1, 4))
    more = arranged(rng, [name] * (fewer + 1), others=1, grid=3)
    fewer_of_them = scene_edit.without(more, 0)
    stem = f"How many {SHAPES[name].plural} are in the picture?"
    return (fewer_of_them, more), stem, (str(fewer), str(fewer + 1))


def _position(rng: np.random.Generator) -> _Parts:
    first, second = (_NAMES[k] for k in rng.permutation(len(_NAMES))[:2])
    upright = bool(rng.integers(2))
    # Side by side in one row, or in one column.
    row = int(rng.integers(2))
    cells = [row, 2 + row] if upright else [2 * row, 2 * row + 1]
    scene = arranged(rng, [first, second], others=0, cells=cells)
    both = scene, scene_edit.exchanged(scene, 0, 1)
    if upright:
        return both, f"Is the {first} above or below the {second}?", ("above", "below")
    stem = f"Is the {first} to the left or to the right of the {second}?"
    return both, stem, ("left", "right")


def _colour(rng: np.random.Generator) -> _Parts:
    name = _one(rng, _NAMES)
    one, other = (list(COLOURS)[k] for k in rng.permutation(len(COLOURS))[:2])
    scene = arranged(rng, [name], others=1)
    first = scene_edit.recoloured(scene, 0, painted(one, rng))
    both = first, scene_edit.recoloured(scene, 0, painted(other, rng))
    return both, f"What colour is the {name}?", (one, other)


def _structure(rng: np.random.Generator) -> _Parts:
    name = _one(rng, CUT)
    scene = arranged(rng, [name], others=1)
    both = scene, scene_edit.halved(scene, 0)
    return both, f"Is the {name} whole or cut in half?", ("whole", "cut in half")


def _text(rng: np.random.Generator) -> _Parts:
    one, other = (WORDS[k] for k in rng.permutation(len(WORDS))[:2])
    scene = arranged(rng, [], others=1, cells=[int(rng.integers(2))])
    width = float(rng.uniform(0.7, 0.85))
    x = float(rng.uniform(width / 2 + 0.02, 0.98 - width / 2))
    sign = Sign(one, x, float(rng.uniform(0.7, 0.8)), width)
    first = replace(scene, sign=sign)
    return (first, scene_edit.reworded(first, other)), "Which word is on the sign?", (one, other)


PATTERNS: Mapping[str, Callable[[np.random.Generator], _Parts]] = {
    "direction": _direction,
    "presence": _presence,
    "state": _state,
    "count": _count,
    "position": _position,
    "colour": _colour,
    "structure": _structure,
    "text": _text,
}
"""By name, in the order of MMVP's."""


def _one(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def arranged(
    rng: np.random.Generator,
    names: list[str],
    *,
    others: int,
    grid: int = 2,
    cells: list[int] | None = None,
) -> Scene:
    """A scene of the named classes, in their order, and so many more of other classes, each in a
    cell of a `grid` x `grid` grid of its own. `cells`: which (default: any)."""
    free = [index for index, name in enumerate(_NAMES) if name not in names]
    more = [free[k] for k in rng.permutation(len(free))[:others]]
    indices = [*(_NAMES.index(name) for name in names), *more]
    if cells is None:
        cells = rng.permutation(grid * grid)[: len(indices)].tolist()
    objects = [
        placed(loose_object(index, rng), cell, grid, rng)
        for index, cell in zip(indices, cells, strict=True)
    ]
    # Only for its background: the objects stand already.
    return replace(arrange([], rng), objects=tuple(objects))


def placed(item: SceneObject, cell: int, grid: int, rng: np.random.Generator) -> SceneObject:
    """The object as large as a cell of the grid allows, in that cell."""
    row, column = divmod(cell, grid)
    size = float(rng.uniform(0.76, 0.88)) / grid
    x, y = (
        (index + 0.5) / grid + (1 / grid - size) * (share - 0.5)
        for index, share in zip((column, row), rng.random(2), strict=True)
    )
    return replace(item, x=float(x), y=float(y), size=size)


def painted(name: str, rng: np.random.Generator) -> tuple[int, int, int]:
    """A colour that everybody calls so."""
    hue = (COLOURS[name] + 16 * (rng.random() - 0.5)) / 360 % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 + 0.25 * rng.random(), 0.9)
    return int(255 * red), int(255 * green), int(255 * blue)
