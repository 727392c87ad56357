"""The catalog of misleading twins: a picture, and one in which a cue leads to a wrong answer.

The categories of MVI-Bench (2511.14159, section 3) that a rendered scene can show truthfully:
resemblance (a thing in the colour of another), representation (a thing in a framed picture, which
is none), occlusion (a thing that a post cuts in two). Material, mirror and illusion are in the
official files only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimic_checks.catalog import scene_edit
from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.patterns import COLOURS, arranged, painted
from mimic_checks.catalog.props import Bar, Frame
from mimic_checks.catalog.scene import Scene
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.catalog.twins import check_request, scene_columns

_MISLEADING = 3
"""Keeps these scenes apart from those of other catalogs of the same seed."""
_FRUIT = ("apple", "banana", "pear", "plum")
_NUMBERS = ("1", "2", "3", "4")
"""The options of every count: the same ones, so that they do not give it away."""
_WIDE = ("cat", "turtle", "car", "boat", "apple", "plum", "banana", "snail")
"""Classes of which a post in front leaves something on both sides."""


@dataclass(frozen=True, slots=True)
class MisleadingTwin:
    """A normal and a misleading scene and one question with four options. `right`: the true answer
    of each; `lure`: the wrong one that the misleading scene suggests."""

    category: str
    scenes: tuple[Scene, Scene]
    stem: str
    options: tuple[str, str, str, str]
    right: tuple[str, str]
    lure: str


@dataclass(frozen=True, eq=False, kw_only=True)
class MisleadingCatalog(Catalog):
    """Misleading twins; number k stands in rows 2k (normal) and 2k + 1 (misleading)."""

    twins: tuple[MisleadingTwin, ...]

    def of(self, category: str) -> Sequence[int]:
        """The numbers of a category's twins."""
        return [number for number, twin in enumerate(self.twins) if twin.category == category]

    def answer(self, row: int) -> str:
        """The true answer of a picture to the question of its twins."""
        return self.twins[row // 2].right[row % 2]

    def lure(self, row: int) -> str | None:
        """The answer that a misleading picture suggests; None of a normal one."""
        return self.twins[row // 2].lure if row % 2 else None


def misleading(*, seed: int = 0, size_px: int = 64, pairs: int = 400) -> MisleadingCatalog:
    """`pairs` twins of every category; the same arguments give the same scenes on every machine.

    Raises:
        InvalidArgument: a size, number or seed out of range.
    """
    check_request(seed, size_px, pairs)
    made = tuple(
        CATEGORIES[category](np.random.default_rng([seed, _MISLEADING, stream, number]))
        for stream, category in enumerate(CATEGORIES)
        for number in range(pairs)
    )
    scenes = [scene for twin in made for scene in twin.scenes]
    return MisleadingCatalog(
        name=f"misleading?seed={seed}&size_px={size_px}&pairs={pairs}",
        # What is only a picture of a thing, or half hidden, is nothing to count by.
        **scene_columns(scenes, size_px, certain=False),
        twins=made,
    )


def _resemblance(rng: np.random.Generator) -> MisleadingTwin:
    """A fruit in the colour of another; colour alone does not tell fruit apart."""
    shown, lure = (_FRUIT[k] for k in rng.permutation(len(_FRUIT))[:2])
    scene = arranged(rng, [shown], others=0)
    own, other = (_usual_colour(name) for name in (shown, lure))
    normal = scene_edit.recoloured(scene, 0, painted(own, rng))
    misled = scene_edit.recoloured(scene, 0, painted(other, rng))
    stem = "Which fruit is in the picture, going by its shape?"
    options = _shuffled(_FRUIT, rng)
    return MisleadingTwin("resemblance", (normal, misled), stem, options, (shown, shown), lure)


def _representation(rng: np.random.Generator) -> MisleadingTwin:
    """One of the things is in a framed picture."""
    name, number = _one(rng, tuple(SHAPES)), int(rng.integers(2, 5))
    scene = arranged(rng, [name] * number, others=0)
    framed = scene.objects[0]
    frame = Frame(framed.x, framed.y, min(0.47, framed.size * 1.12))
    smaller = replace(framed, size=framed.size * 0.68)
    misled = replace(scene, frame=frame, objects=(smaller, *scene.objects[1:]))
    stem = (
        f"How many {SHAPES[name].plural} are there, not counting any {name} that is only in a"
        " framed picture?"
    )
    options = _shuffled(_NUMBERS, rng)
    right = str(number), str(number - 1)
    return MisleadingTwin("representation", (scene, misled), stem, options, right, str(number))


def _occlusion(rng: np.random.Generator) -> MisleadingTwin:
    """A post stands in front of one of the things, and leaves a piece of it on both sides; in the
    normal picture it stands beside them all."""
    name, number = _one(rng, _WIDE), int(rng.integers(1, 4))
    *cells, free = rng.permutation(4)[: number + 1].tolist()
    scene = arranged(rng, [name] * number, others=0, cells=cells)
    hidden = scene.objects[0]
    post = Bar(hidden.x, hidden.y, 0.26 * hidden.size, 1.1 * hidden.size)
    row, column = divmod(free, 2)
    aside = replace(post, x=0.25 + 0.5 * column, y=0.25 + 0.5 * row)
    normal, misled = replace(scene, bar=aside), replace(scene, bar=post)
    options = _shuffled(_NUMBERS, rng)
    stem = f"How many {SHAPES[name].plural} are there? Something may stand in front of them."
    right = str(number), str(number)
    lure = str(number + 1)
    return MisleadingTwin("occlusion", (normal, misled), stem, options, right, lure)


CATEGORIES: Mapping[str, Callable[[np.random.Generator], MisleadingTwin]] = {
    "resemblance": _resemblance,
    "representation": _representation,
    "occlusion": _occlusion,
}
"""By name, in the order of MVI-Bench's."""


def _usual_colour(name: str) -> str:
    hue = SHAPES[name].hue_deg
    return min(COLOURS, key=lambda colour: abs((COLOURS[colour] - hue + 180) % 360 - 180))


def _shuffled(options: Sequence[str], rng: np.random.Generator) -> tuple[str, str, str, str]:
    first, second, third, fourth = (options[k] for k in rng.permutation(4))
    return first, second, third, fourth


def _one(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]


MISLEADING = CatalogFormat(name="misleading", catalog=misleading, takes_folder=False)
