"""The rendered catalog: thousands of scenes from one seed, drawn only when looked at.

Its counts, boxes and masks are exact, and it can be written as a COCO data set. Two kinds of rows:
*mixed* scenes (1-8 objects of 1-4 classes), and *families*: four to six objects of one class placed
again and again, all in one scene, and split over two, three and four; every other family has a
bystander of another class in each scene. Families let a spread sweep move the same objects apart.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from mimic_checks.catalog.catalog import Catalog, Family
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import SceneImages
from mimic_checks.catalog.scene import (
    MAX_OBJECTS,
    Scene,
    SceneObject,
    arrange,
    loose_object,
    mask_box,
    object_mask,
    place,
    render,
)
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.errors import InvalidArgument

# Catalogs accept seeds below this; training scenes start here.
TRAINING_SEED = 2**32
FAMILY_SPLITS = (
    ((4,), (2, 2), (2, 1, 1), (1, 1, 1, 1)),
    ((5,), (3, 2), (2, 2, 1), (2, 1, 1, 1)),
    ((6,), (3, 3), (2, 2, 2), (2, 2, 1, 1)),
)
"""How a family's objects are split over scenes, for totals of 4, 5 and 6."""


def rendered(
    *, seed: int = 0, size_px: int = 64, scenes: int = 2400, families: int = 36
) -> Catalog:
    """A catalog of rendered scenes; the same arguments give the same scenes on every machine.

    `scenes` mixed scenes, and `families` families of ten scenes for each of the 16 classes.

    Raises:
        InvalidArgument: a size, number or seed out of range.
    """
    for name, value, low, high in (
        ("seed", seed, 0, TRAINING_SEED - 1),
        ("size_px", size_px, 32, 1024),
        ("scenes", scenes, 0, 10**6),
        ("families", families, 0, 10**4),
    ):
        if not isinstance(value, int) or not low <= value <= high:
            raise InvalidArgument(name, value, allowed=f"whole numbers from {low} to {high}")
    # A generator for every scene: a longer catalog begins with the same scenes. The middle number
    # keeps those of mixed scenes (0) and of families (1) apart.
    made: list[Scene] = []
    for index in range(scenes):
        rng = np.random.default_rng([seed, 0, index])
        made.append(place(draw_contents(rng), rng))
    groups = []
    for index in range(families * len(SHAPES)):
        rng = np.random.default_rng([seed, 1, index])
        class_index = index % len(SHAPES)
        number = index // len(SHAPES)
        # Bystanders come in every other round of the three totals, so every total has both kinds.
        splits = _family(class_index, FAMILY_SPLITS[number % 3], number // 3 % 2 == 1, rng)
        rows = {}
        for split, group in splits.items():
            rows[split] = tuple(range(len(made), len(made) + len(group)))
            made += group
        groups.append(Family(class_index, rows))
    # np.stack refuses an empty list; Catalog then says what is wrong.
    counts = (
        np.stack([scene.counts() for scene in made])
        if made
        else np.zeros((0, len(SHAPES)), np.int16)
    )
    return Catalog(
        name=f"rendered?seed={seed}&size_px={size_px}&scenes={scenes}&families={families}",
        class_names=tuple(SHAPES),
        supercategories=tuple(shape.supercategory for shape in SHAPES.values()),
        counts=counts,
        uncountable=np.zeros(counts.shape, dtype=bool),
        areas=_areas(made),
        source=SceneImages(made, size_px),
        families=tuple(groups),
        masks=lambda row, class_index: _mask(made[row], class_index, size_px),
        boxes=lambda row, class_index: tuple(
            mask_box(object_mask(item, size_px))
            for item in made[row].objects
            if item.class_index == class_index
        ),
    )


def draw_contents(
    rng: np.random.Generator, *, max_objects: int = MAX_OBJECTS, max_classes: int = 4
) -> list[int]:
    """Class indices of a mixed scene: 1 to `max_objects` objects, split at random over 1 to
    `max_classes` classes."""
    objects = int(rng.integers(1, max_objects + 1))
    kinds = int(rng.integers(1, min(max_classes, objects) + 1))
    classes = rng.permutation(len(SHAPES))[:kinds]
    # Every class has one object for certain; what is left over is dealt out at random.
    extra = rng.integers(kinds, size=objects - kinds)
    return [int(classes[i]) for i in (*range(kinds), *extra)]


def write_coco(catalog: Catalog, folder: Path) -> Path:
    """Writes a rendered catalog as a COCO data set (`images/`, `annotations/instances.json`);
    returns the folder.

    `coco(folder, min_share=0)` reads it back with the same counts, and the masks are the
    renderer's.

    Raises:
        InvalidArgument: the catalog was not rendered.
    """
    if not isinstance(catalog.source, SceneImages):
        raise InvalidArgument("catalog", catalog.name, allowed="a catalog made by rendered()")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    size_px = catalog.source.size_px
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for row, scene in enumerate(catalog.source.scenes):
        name = f"{row:06d}.png"
        render(scene, size_px).save(folder / "images" / name)
        images.append({"id": row, "file_name": name, "width": size_px, "height": size_px})
        for item in scene.objects:
            # From 1: COCO's own evaluation takes an annotation of id 0 for no match.
            annotations.append(
                {"id": len(annotations) + 1, "image_id": row, **_annotation(item, size_px)}
            )
    categories = [
        {"id": index + 1, "name": shape.name, "supercategory": shape.supercategory}
        for index, shape in enumerate(SHAPES.values())
    ]
    data = {
        "info": {"description": catalog.name},
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    (folder / "annotations" / "instances.json").write_text(json.dumps(data))
    return folder


def _annotation(item: SceneObject, size_px: int) -> dict[str, object]:
    mask = object_mask(item, size_px)
    # pycocotools reads masks column by column, and gives the run lengths as bytes.
    encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {
        "category_id": item.class_index + 1,
        "bbox": list(mask_box(mask)),
        "area": int(mask.sum()),
        "iscrowd": 0,
        "segmentation": {"size": [size_px, size_px], "counts": encoded["counts"].decode()},
    }


def _mask(scene: Scene, class_index: int, size_px: int) -> np.ndarray:
    shown = [
        object_mask(item, size_px) for item in scene.objects if item.class_index == class_index
    ]
    covered: np.ndarray = np.logical_or.reduce([np.zeros((size_px, size_px), dtype=bool), *shown])
    return covered


def _family(
    class_index: int, wanted: tuple[tuple[int, ...], ...], bystander: bool, rng: np.random.Generator
) -> dict[tuple[int, ...], list[Scene]]:
    # Drawn once for all splits: only where the objects stand differs between them.
    objects = [loose_object(class_index, rng) for _ in range(sum(wanted[0]))]
    others = [index for index in range(len(SHAPES)) if index != class_index]
    splits = {}
    for split in wanted:
        group, start = [], 0
        for part in split:
            shown = objects[start : start + part]
            extra = [loose_object(int(rng.choice(others)), rng)] if bystander else []
            group.append(arrange(shown + extra, rng))
            start += part
        splits[split] = group
    return splits


def _areas(scenes: list[Scene]) -> np.ndarray:
    # From outlines, not pixels, so that `size_px` changes no share.
    areas = np.zeros((len(scenes), len(SHAPES)), dtype=np.float32)
    for row, scene in enumerate(scenes):
        for item in scene.objects:
            corners = np.concatenate([item.corners(part) for part in range(item.parts)])
            share = float(np.prod(corners.max(axis=0) - corners.min(axis=0)))
            known = areas[row, item.class_index]
            areas[row, item.class_index] = min(known, share) if known else share
    return areas


RENDERED = CatalogFormat(name="rendered", catalog=rendered, takes_folder=False)
