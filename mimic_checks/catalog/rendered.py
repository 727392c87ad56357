from __future__ import annotations
import numpy as np
from mimic_checks.catalog.scene import MAX_OBJECTS
from mimic_checks.catalog.shapes import SHAPES

TRAINING_SEED = 2**32  # catalogs accept seeds below this; training scenes start here


def draw_contents(rng: np.random.Generator, *, max_objects: int = MAX_OBJECTS, max_classes: int = 4) -> list[int]:
    """Class indices of a mixed scene: 1 to `max_objects` objects, split at random over 1 to `max_classes` classes."""
    objects = int(rng.integers(1, max_objects + 1))
    kinds = int(rng.integers(1, min(max_classes, objects) + 1))
    classes = rng.permutation(len(SHAPES))[:kinds]
    extra = rng.integers(kinds, size=objects - kinds)
    return [int(classes[i]) for i in (*range(kinds), *extra)]
