"""Training scenes of the built-in model: pictures, counts, and per-patch labels.

Seeds here start at `TRAINING_SEED`, above any seed that a catalog accepts, so no evaluation scene
is ever trained on. Every scene has a random generator of its own, so that it does not matter how
many processes render them.
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.rendered import TRAINING_SEED, draw_contents
from mimic_checks.catalog.scene import GRID, Scene, place, render

SIDE_PX, PATCH_PX = 64, 8
PATCHES = SIDE_PX // PATCH_PX  # per side


@dataclass(frozen=True)
class SceneSet:
    """S scenes with their labels.

    `pixels` [S, 64, 64, 3] uint8, `counts` [S, classes], `patch_class` and `patch_anchor` [S, 64]
    (0: none). An object's anchor is the first patch of the grid cell that it keeps to: exactly one
    per object, and never a matter of a pixel, as the patch under its centre would be.
    """

    pixels: NDArray[np.uint8]
    counts: NDArray[np.int16]
    patch_class: NDArray[np.int64]
    patch_anchor: NDArray[np.int64]


def make(number: int, seed: int, *, processes: int = 2) -> SceneSet:
    """Renders `number` scenes; the same scenes for the same seed, however many processes do it."""
    chunks = [
        (TRAINING_SEED + seed, start, min(start + 500, number)) for start in range(0, number, 500)
    ]
    with get_context("fork").Pool(processes) as pool:
        parts = pool.starmap(_chunk, chunks)
    return SceneSet(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def blanks(number: int, seed: int) -> NDArray[np.uint8]:
    """Pictures of bare backgrounds, [number, 64, 64, 3]."""
    rng = np.random.default_rng([TRAINING_SEED + seed, 2**31])
    return np.stack([np.asarray(render(place([], rng), SIDE_PX)) for _ in range(number)])


def _chunk(seed: int, start: int, stop: int) -> tuple[NDArray[Any], ...]:
    rows = []
    for index in range(start, stop):
        rng = np.random.default_rng([seed, index])
        scene = place(draw_contents(rng), rng)
        rows.append((np.asarray(render(scene, SIDE_PX)), scene.counts(), *_patch_labels(scene)))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _patch_labels(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`patch_class` and `patch_anchor` of one scene."""
    middle = (np.arange(PATCHES) + 0.5) / PATCHES
    patch_class = np.zeros((PATCHES, PATCHES), dtype=np.int64)
    patch_anchor = np.zeros((PATCHES, PATCHES), dtype=np.int64)
    for item in scene.objects:
        distance_2 = (middle[:, None] - item.y) ** 2 + (middle[None, :] - item.x) ** 2
        patch_class[distance_2 < (0.45 * item.size) ** 2] = item.class_index + 1
        row, column = (int(centre * GRID) * (PATCHES // GRID) for centre in (item.y, item.x))
        patch_anchor[row, column] = item.class_index + 1
    return patch_class.ravel(), patch_anchor.ravel()
