"""The catalog of twins: rendered scenes in pairs that differ in one property, by pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import SceneImages
from mimic_checks.catalog.patterns import PATTERNS, Twin, twin
from mimic_checks.catalog.rendered import TRAINING_SEED
from mimic_checks.catalog.scene import Scene
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.errors import InvalidArgument

_TWINS = 2
"""Keeps these scenes apart from a rendered catalog's of the same seed (its streams are 0 and 1)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TwinCatalog(Catalog):
    """Twins; number k stands in rows 2k and 2k + 1."""

    twins: tuple[Twin, ...]

    def of(self, pattern: str) -> Sequence[int]:
        """The numbers of a pattern's twins."""
        return [number for number, found in enumerate(self.twins) if found.pattern == pattern]

    def answer(self, row: int) -> str:
        """The true answer of a picture to the question of its twins."""
        return self.twins[row // 2].options[row % 2]


def twins(*, seed: int = 0, size_px: int = 64, pairs: int = 400) -> TwinCatalog:
    """`pairs` twins of every pattern; the same arguments give the same scenes on every machine.

    Raises:
        InvalidArgument: a size, number or seed out of range.
    """
    check_request(seed, size_px, pairs)
    made = tuple(twin_of(pattern, seed, number) for pattern in PATTERNS for number in range(pairs))
    scenes = [scene for one in made for scene in one.scenes]
    return TwinCatalog(
        name=f"twins?seed={seed}&size_px={size_px}&pairs={pairs}",
        **scene_columns(scenes, size_px, certain=True),
        twins=made,
    )


def check_request(seed: int, size_px: int, pairs: int) -> None:
    """Stops what no catalog of pairs can be made of.

    Raises:
        InvalidArgument: a size, number or seed out of range.
    """
    for name, value, low, high in (
        ("seed", seed, 0, TRAINING_SEED - 1),
        ("size_px", size_px, 48, 1024),
        ("pairs", pairs, 1, 10**5),
    ):
        if not isinstance(value, int) or not low <= value <= high:
            raise InvalidArgument(name, value, allowed=f"whole numbers from {low} to {high}")


def scene_columns(scenes: Sequence[Scene], size_px: int, *, certain: bool) -> dict[str, Any]:
    """What a catalog says of scenes; not `certain`: nothing in them may be counted."""
    counts = np.stack([scene.counts() for scene in scenes])
    return {
        "class_names": tuple(SHAPES),
        "supercategories": tuple(shape.supercategory for shape in SHAPES.values()),
        "counts": counts,
        "uncountable": np.full(counts.shape, not certain),
        "areas": np.zeros(counts.shape, dtype=np.float32),
        "source": SceneImages(scenes, size_px),
    }


def twin_of(pattern: str, seed: int, number: int) -> Twin:
    """Twin number `number` of a pattern; seeds from `TRAINING_SEED` on are for training."""
    stream = list(PATTERNS).index(pattern)
    return twin(pattern, np.random.default_rng([seed, _TWINS, stream, number]))


TWINS = CatalogFormat(name="twins", catalog=twins, takes_folder=False)
