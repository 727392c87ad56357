"""A rendered scene: objects with exact positions on a background, and the Pillow picture of it.

A scene says everything in shares of the side, so one scene is the same picture at every size, from
32 to 448 px and beyond.

The picture is painted on a canvas `OVERSAMPLING` times as large and averaged down (anti-aliasing).
A mask is the set of pixels that the object covers by at least half. Every object has its own cell
of a 4 x 4 grid. Some shapes (bananas most of all) reach out of it by up to 0.023 of the side, so
that the tips of two neighbours may touch: one scene of 900 has such a pair, and less than a
twentieth of either is covered. Both can be seen, so the counts hold.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mimic_checks.catalog.props import Bar, Frame, draw_bar, draw_frame
from mimic_checks.catalog.shapes import SHAPES, Shape
from mimic_checks.catalog.signs import Sign, draw_sign

OVERSAMPLING = 4
GRID = 4
"""Cells per side; an object has one of its own."""
MAX_OBJECTS = 8
_SHAPE_LIST: tuple[Shape, ...] = tuple(SHAPES.values())
_MIN_SIZE, _MAX_SIZE = 0.190, 0.245
"""Diameter of an object as a share of the side; a cell is 0.25."""


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One object of a scene.

    `x`, `y`: the centre, and `size`: the diameter, as shares of the side; `colour`: 0-255 each;
    `mirrored`: left and right exchanged, `upside_down`: top and bottom, `half`: cut through the
    middle, its left half left (all before it is rotated).
    """

    class_index: int
    x: float
    y: float
    size: float
    rotation_deg: float
    colour: tuple[int, int, int]
    mirrored: bool = False
    upside_down: bool = False
    half: bool = False

    def corners(self, part: int) -> NDArray[np.float64]:
        """Corners of one part of the silhouette in shares of the side, [corners, 2]; none of a part
        that is cut off."""
        points = _SHAPE_LIST[self.class_index].parts[part].points
        if self.half:
            points = _left_of_middle(points)
        if self.mirrored or self.upside_down:
            points = points * (-1 if self.mirrored else 1, -1 if self.upside_down else 1)
        angle = np.radians(self.rotation_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        # Made smaller, since a rotated corner reaches further out than half the diameter.
        half = self.size / 2.0 / np.sqrt(1.25)
        rotated = points @ np.array([[cos, sin], [-sin, cos]])
        corners: NDArray[np.float64] = np.clip(rotated * half + (self.x, self.y), 0.0, 1.0)
        return corners

    @property
    def parts(self) -> int:
        return len(_SHAPE_LIST[self.class_index].parts)


@dataclass(frozen=True, slots=True)
class Scene:
    """Objects on a background.

    The background is a linear gradient of two muted colours, with noise that `noise_seed` gives.
    In front of it stand, from the back: a `frame`, the objects, a `bar`, a `sign`, as far as there
    are any.
    """

    objects: tuple[SceneObject, ...]
    background: tuple[tuple[int, int, int], tuple[int, int, int]]
    noise_seed: int
    sign: Sign | None = None
    frame: Frame | None = None
    bar: Bar | None = None

    def counts(self) -> NDArray[np.int16]:
        """How many objects of each class the scene shows, [classes]."""
        indices = [item.class_index for item in self.objects]
        counts = np.bincount(np.array(indices, dtype=np.int64), minlength=len(_SHAPE_LIST))
        return counts.astype(np.int16)


def render(scene: Scene, size_px: int) -> Image.Image:
    """The picture of a scene, RGB, `size_px` x `size_px`.

    The same scene, size and Pillow version give the same bytes.
    """
    canvas_px = size_px * OVERSAMPLING
    # The background is enlarged pixel by pixel, so averaging down gives its noise back unchanged.
    canvas = _background(scene, size_px).resize((canvas_px, canvas_px), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(canvas)
    if scene.frame:
        draw_frame(pen, scene.frame, canvas_px)
    for item in scene.objects:
        for part, spec in enumerate(_SHAPE_LIST[item.class_index].parts):
            colour = tuple(int(min(255, channel * spec.shade)) for channel in item.colour)
            if corners := _canvas_corners(item, part, size_px):
                pen.polygon(corners, fill=colour)
    if scene.bar:
        draw_bar(pen, scene.bar, canvas_px)
    if scene.sign:
        draw_sign(pen, scene.sign, canvas_px)
    return canvas.reduce(OVERSAMPLING)


def object_mask(item: SceneObject, size_px: int) -> NDArray[np.bool_]:
    """Which pixels one object covers by at least half, [size_px, size_px]."""
    canvas = Image.new("L", (size_px * OVERSAMPLING,) * 2)
    pen = ImageDraw.Draw(canvas)
    for part in range(item.parts):
        if corners := _canvas_corners(item, part, size_px):
            pen.polygon(corners, fill=1)
    # One block of OVERSAMPLING x OVERSAMPLING canvas pixels for every pixel of the picture.
    blocks = np.asarray(canvas).reshape(size_px, OVERSAMPLING, size_px, OVERSAMPLING)
    mask: NDArray[np.bool_] = blocks.sum(axis=(1, 3)) >= OVERSAMPLING**2 / 2
    return mask


def mask_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The tight box of a mask as COCO writes it: left, top, width, height in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    )


def _left_of_middle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of a polygon with x <= 0 (Sutherland and Hodgman 1974), [corners, 2]; none where
    less than a triangle is left."""
    kept: list[NDArray[np.float64]] = []
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        if start[0] <= 0:
            kept.append(start)
        if (start[0] <= 0) != (end[0] <= 0):
            share = start[0] / (start[0] - end[0])
            kept.append(start + share * (end - start))
    return np.array(kept) if len(kept) > 2 else np.empty((0, 2))


def place(class_indices: list[int], rng: np.random.Generator) -> Scene:
    """A scene with one object of each listed class, all else about it drawn from `rng`."""
    return arrange([loose_object(index, rng) for index in class_indices], rng)


def arrange(objects: list[SceneObject], rng: np.random.Generator) -> Scene:
    """A scene with the given objects, unchanged but for their positions, on a fresh background."""
    if len(objects) > GRID * GRID:
        raise ValueError(f"objects={len(objects)!r} do not fit: a scene has {GRID * GRID} cells")
    cells = rng.permutation(GRID * GRID)[: len(objects)]
    jitter = rng.random((len(objects), 2))
    arranged = []
    for item, cell, shares in zip(objects, cells, jitter, strict=True):
        row, column = divmod(int(cell), GRID)
        # Within its cell an object may stand wherever it does not reach over the border.
        slack = 1.0 / GRID - item.size
        x, y = (
            float(index / GRID + item.size / 2 + slack * share)
            for index, share in ((column, shares[0]), (row, shares[1]))
        )
        arranged.append(
            SceneObject(item.class_index, x, y, item.size, item.rotation_deg, item.colour)
        )
    return Scene(tuple(arranged), (_muted(rng), _muted(rng)), int(rng.integers(2**32)))


def loose_object(class_index: int, rng: np.random.Generator) -> SceneObject:
    """An object of a class with a drawn size, rotation and colour, not yet placed."""
    size, turn, hue, saturation, value = rng.random(5)
    shape = _SHAPE_LIST[class_index]
    # Within 12 degrees of its hue: the hues of a super-category are at least 46 degrees apart.
    colour = _rgb(
        (shape.hue_deg + 24 * (hue - 0.5)) / 360 % 1.0, 0.7 + 0.3 * saturation, 0.75 + 0.25 * value
    )
    diameter = _MIN_SIZE + (_MAX_SIZE - _MIN_SIZE) * size
    return SceneObject(class_index, 0.5, 0.5, diameter, 50 * (turn - 0.5), colour)


def _muted(rng: np.random.Generator) -> tuple[int, int, int]:
    hue, value = rng.random(2)
    return _rgb(hue, 0.12, 0.30 + 0.6 * value)


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def _background(scene: Scene, size_px: int) -> Image.Image:
    top, bottom = (np.array(colour, dtype=np.float32) for colour in scene.background)
    height = np.linspace(0, 1, size_px, dtype=np.float32)[:, None, None]
    rng = np.random.default_rng(scene.noise_seed)
    noise = rng.integers(-6, 7, (size_px, size_px, 1), dtype=np.int8)
    pixels = np.clip(top + (bottom - top) * height + noise, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def _canvas_corners(item: SceneObject, part: int, size_px: int) -> list[tuple[float, float]]:
    """Corners of one part in pixels of the oversampled canvas."""
    return [(float(x), float(y)) for x, y in item.corners(part) * (size_px * OVERSAMPLING)]
