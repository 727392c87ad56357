"""Catalogs from COCO instances files, read through pycocotools.

Crowds, instances smaller than `min_share` of the image, and classes with more than
`max_instances` in an image are uncountable there; objects are never just dropped. Every image file
is looked for before anything is drawn.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO

from mimic_checks.catalog.catalog import Catalog, Masks
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import FileImages
from mimic_checks.errors import CatalogError, InvalidArgument

MIN_SHARE = 0.01
MAX_INSTANCES = 10
_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}


def coco(
    folder: Path | str,
    *,
    min_share: float = MIN_SHARE,
    max_instances: int = MAX_INSTANCES,
    annotations: str = "",
) -> Catalog:
    """A catalog of photos with COCO annotations.

    `folder` holds `annotations/*.json` and the images in `images/`, in a folder named after the
    split (`train2017/`) or beside each other; `annotations` picks one JSON file of several.
    `min_share`: the smallest box, as a share of the image, that a question may be about.
    `max_instances`: more than this many of a class in one image are not asked for.

    Raises:
        CatalogError: files missing, JSON broken, or of another layout; names the first offender.
        InvalidArgument: an option out of range.
    """
    if not 0 <= min_share < 1:
        raise InvalidArgument(
            "min_share", min_share, allowed="shares of the image from 0 up to, but not, 1"
        )
    if not isinstance(max_instances, int) or max_instances < 1:
        raise InvalidArgument("max_instances", max_instances, allowed="whole numbers from 1")
    folder = Path(folder)
    path = _annotation_file(folder, annotations)
    index = _load(path)
    # By id, so that rows and columns do not depend on the order in which the file lists them.
    images = [index.imgs[key] for key in sorted(index.imgs)]
    paths = _image_files(folder, path, images)
    classes = [index.cats[key] for key in sorted(index.cats)]
    counts, uncountable, areas = _matrices(index, images, classes, min_share, max_instances)
    return Catalog(
        name=f"coco:{folder.name}?min_share={min_share}&max_instances={max_instances}",
        class_names=tuple(str(item["name"]) for item in classes),
        supercategories=tuple(str(item.get("supercategory") or item["name"]) for item in classes),
        counts=counts,
        uncountable=uncountable,
        areas=areas,
        source=FileImages(paths),
        masks=_masks(index, images, classes),
    )


def _masks(
    index: COCO, images: list[dict[str, Any]], classes: list[dict[str, Any]]
) -> Masks | None:
    """Pixels of a class in an image, every instance and crowd of it; None if some annotation has no
    segmentation."""
    if any(not entry.get("segmentation") for entry in index.anns.values()):
        return None

    def mask(row: int, class_index: int) -> np.ndarray:
        # pycocotools takes iscrowd=None for both, crowds and single instances.
        wanted = index.getAnnIds(
            imgIds=[images[row]["id"]], catIds=[classes[class_index]["id"]], iscrowd=None
        )
        # Gives a class without annotations a mask too: there would be nothing to reduce.
        empty = np.zeros((int(images[row]["height"]), int(images[row]["width"])), dtype=bool)
        covered: np.ndarray = np.logical_or.reduce(
            [empty, *(index.annToMask(entry).astype(bool) for entry in index.loadAnns(wanted))]
        )
        return covered

    return mask


def _annotation_file(folder: Path, chosen: str) -> Path:
    if not folder.is_dir():
        raise CatalogError(
            f"catalog={str(folder)!r} is not a directory; give coco:<folder> with annotations/ and"
            " the images in it"
        )
    files = sorted({*folder.glob("annotations/*.json"), *folder.glob("*.json")})
    if chosen:
        match = [path for path in files if path.name == chosen or path == Path(chosen)]
        if not match:
            raise InvalidArgument("annotations", chosen, allowed=[path.name for path in files])
        return match[0]
    # COCO's own download has captions and keypoints beside the instances.
    files = [path for path in files if path.name.startswith("instances")] or files
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise CatalogError(
            f"catalog={str(folder)!r} has {len(files)} annotation files ({names}); need one, "
            "or pick one with coco:<folder>?annotations=<file name>"
        )
    return files[0]


def _load(path: Path) -> COCO:
    try:
        data = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(
            f"annotations={str(path)!r} is not valid JSON: {error}; download or export the file"
            " again"
        ) from error
    _validate(path, data)
    # Filled by hand, since COCO(path) would index the file before it is validated.
    index = COCO()
    index.dataset = data
    # pycocotools prints while it works.
    with contextlib.redirect_stdout(io.StringIO()):
        index.createIndex()
    return index


def _validate(path: Path, data: Any) -> None:
    def wrong(what: str) -> CatalogError:
        return CatalogError(
            f"annotations={str(path)!r}: {what}; expected the COCO instances layout"
        )

    if not isinstance(data, dict):
        raise wrong(f"the file holds a {type(data).__name__}, not an object")
    for part, keys in _REQUIRED.items():
        if not isinstance(data.get(part), list):
            raise wrong(f"no list {part!r}")
        for number, entry in enumerate(data[part]):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                raise wrong(f"{part}[{number}] has no {missing[0]!r}")
    if not data["images"]:
        raise wrong("no images")
    images = {entry["id"]: entry for entry in data["images"]}
    classes = {entry["id"] for entry in data["categories"]}
    for entry in data["annotations"]:
        name = f"annotation {entry['id']!r}"
        if entry["image_id"] not in images:
            raise wrong(f"{name} is about image_id={entry['image_id']!r}, which is not in 'images'")
        if entry["category_id"] not in classes:
            raise wrong(
                f"{name} has category_id={entry['category_id']!r}, which is not in 'categories'"
            )
        box = entry["bbox"]
        if not (
            isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
        ):
            raise wrong(f"{name} has bbox={box!r}, not [left, top, width, height]")
    for entry in data["images"]:
        if not all(
            isinstance(entry[side], int | float) and entry[side] > 0 for side in ("width", "height")
        ):
            raise wrong(
                f"image {entry['id']!r} has width={entry['width']!r}, height={entry['height']!r}"
            )


def _image_files(folder: Path, annotations: Path, images: list[dict[str, Any]]) -> list[Path]:
    split = annotations.stem.removeprefix("instances_")
    # The layouts that are met in practice; `folder` itself exists, so there is always one.
    homes = [
        home
        for home in (folder / "images", folder / split, folder / "images" / split, folder)
        if home.is_dir()
    ]
    first = images[0]["file_name"]
    home = next((home for home in homes if (home / first).is_file()), homes[0])
    # One walk over the folder, in place of a look-up on disk for each of many thousand files.
    present = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}
    missing = [entry["file_name"] for entry in images if entry["file_name"] not in present]
    if missing:
        raise CatalogError(
            f"catalog={str(folder)!r}: {len(missing)} of {len(images)} image files are missing in"
            f" {str(home)!r}, first {missing[0]!r}; complete the download or remove their entries"
            f" from {annotations.name}"
        )
    return [home / entry["file_name"] for entry in images]


def _matrices(
    index: COCO,
    images: list[dict[str, Any]],
    classes: list[dict[str, Any]],
    min_share: float,
    max_instances: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row_of = {entry["id"]: row for row, entry in enumerate(images)}
    column_of = {entry["id"]: column for column, entry in enumerate(classes)}
    entries = index.loadAnns(index.getAnnIds())
    rows = np.array([row_of[entry["image_id"]] for entry in entries], dtype=np.int64)
    columns = np.array([column_of[entry["category_id"]] for entry in entries], dtype=np.int64)
    crowd = np.array([bool(entry.get("iscrowd")) for entry in entries], dtype=bool)
    pixels = np.array([entry["width"] * entry["height"] for entry in images], dtype=np.float64)
    boxed = np.array([entry["bbox"][2] * entry["bbox"][3] for entry in entries], dtype=np.float64)
    shares = boxed / pixels[rows] if len(entries) else boxed
    askable = ~crowd & (shares >= min_share)
    shape = (len(images), len(classes))
    counts = np.zeros(shape, dtype=np.int16)
    uncountable = np.zeros(shape, dtype=bool)
    # Infinite where nothing was seen yet, so that any share is the minimum; 0 in the end.
    areas = np.full(shape, np.inf, dtype=np.float32)
    # `ufunc.at`, since `counts[rows, columns] += 1` counts a pair that comes twice only once.
    np.add.at(counts, (rows[askable], columns[askable]), 1)
    np.minimum.at(areas, (rows[askable], columns[askable]), shares[askable].astype(np.float32))
    uncountable[rows[~askable], columns[~askable]] = True
    uncountable |= counts > max_instances
    return counts, uncountable, np.where(np.isinf(areas), 0, areas)


COCO_FORMAT = CatalogFormat(name="coco", catalog=coco)
