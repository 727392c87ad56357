"""Catalogs from COCO instances files.

A class is uncountable in an image if one of its instances is a crowd or to be ignored, smaller than
`min_share` of the image, or boxed without sense, if there are more than `max_instances`, or if not
all of them are annotated; objects are never just dropped. Labels that contradict themselves or the
picture files are refused, all in one message, before anything is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.boxes import is_sensible
from mimic_checks.catalog.catalog import Catalog, Doubt
from mimic_checks.catalog.class_names import tidy_name
from mimic_checks.catalog.coco_file import Labels, objects_named, read_labels, repeated_objects
from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import FileImages
from mimic_checks.catalog.limits import MAX_INSTANCES, MIN_SHARE, check_limits
from mimic_checks.catalog.photo_files import annotation_file, photo_paths
from mimic_checks.catalog.photo_labels import copies, look_at_all, missing_photos, note_sizes
from mimic_checks.catalog.places import Places
from mimic_checks.errors import InvalidArgument

_ONE_PIXEL = 1.0
_FEWER = "remove one of the two, or open the catalog with ?repeated=uncountable"


def coco(
    folder: Path | str,
    *,
    min_share: float = MIN_SHARE,
    max_instances: int = MAX_INSTANCES,
    annotations: str = "",
    missing: str = "refuse",
    repeated: str = "refuse",
) -> Catalog:
    """A catalog of photos with COCO annotations.

    `folder` holds `annotations/*.json` and the images in `images/`, in a folder named after the
    split (`train2017/`) or beside each other; `annotations` picks one JSON file of several.
    `min_share`: the smallest box, as a share of the image, that a question may be about.
    `max_instances`: more than this many of a class in one image are not asked for.
    `missing`: what becomes of photos without a file, `refuse` or `skip`. `repeated`: of objects
    that are annotated twice, `refuse` or `uncountable`.

    Raises:
        CatalogError: files missing, JSON broken or of another layout, labels that contradict
            themselves or their pictures; names the offenders.
        InvalidArgument: an option out of range.
    """
    check_limits(min_share, max_instances)
    for name, value, other in (("missing", missing, "skip"), ("repeated", repeated, "uncountable")):
        if value not in ("refuse", other):
            raise InvalidArgument(name, value, allowed=("refuse", other))
    folder = Path(folder)
    path = annotation_file(folder, annotations)
    labels, problems = read_labels(path)
    found = photo_paths(folder, path, labels.photos, problems)
    left_out = missing_photos(labels, found, missing == "skip", problems)
    looks = look_at_all(found)
    note_sizes(labels.photos, looks, problems)
    same = copies(labels, found, looks, problems)
    again, doubtful = repeated_objects(labels)
    if again and repeated == "refuse":
        problems.add(objects_named(labels, again), _FEWER)
    problems.refuse()
    left_out += [
        f"{labels.photos[second].file_name}: the same picture, with the same labels, as"
        f" {labels.photos[first].file_name}"
        for second, first in same.items()
    ]
    doubled = labels.doubled.copy()
    doubled[[number for pair in again for number in pair] + doubtful] = True
    kept = [row for row, file in enumerate(found) if file and row not in same]
    labels = replace(labels, doubled=doubled).of_photos(kept)
    counted = _count(labels, min_share, max_instances)
    places = Places(labels, [looks[row] for row in kept])
    return Catalog(
        name=f"coco:{folder.name}?min_share={min_share}&max_instances={max_instances}",
        class_names=tuple(tidy_name(entry["name"]) for entry in labels.categories),
        supercategories=tuple(
            tidy_name(entry.get("supercategory") or "") or tidy_name(entry["name"])
            for entry in labels.categories
        ),
        counts=counted.counts,
        uncountable=counted.uncountable,
        areas=counted.areas,
        source=FileImages([file for row in kept if (file := found[row])]),
        masks=places.mask if places.has_masks else None,
        boxes=places.boxes,
        left_out=tuple(left_out),
        doubts=lambda: (*counted.doubts(), *places.doubts()),
    )


@dataclass(frozen=True)
class _Counted:
    """The matrices of a catalog, and the annotations that make a class uncountable, by reason."""

    counts: NDArray[np.int16]
    uncountable: NDArray[np.bool_]
    areas: NDArray[np.float32]
    reasons: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]

    def doubts(self) -> tuple[Doubt, ...]:
        """Why classes are uncountable where they are."""
        return tuple(
            Doubt("uncountable", reason, tuple(dict.fromkeys(zip(*map(_listed, at), strict=True))))
            for reason, at in self.reasons.items()
            if len(at[0])
        )


def _listed(values: NDArray[np.int64]) -> list[int]:
    found: list[int] = values.tolist()
    return found


def _count(labels: Labels, min_share: float, max_instances: int) -> _Counted:
    rows, columns, boxes = labels.rows, labels.columns, labels.boxes
    sizes = labels.sizes
    # Infinite and contradictory boxes are found by what comes of them.
    with np.errstate(invalid="ignore", over="ignore"):
        edges = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        shares = boxes[:, 2] * boxes[:, 3] / sizes.prod(axis=1)[rows]
    sensible = is_sensible(edges, sizes[rows], _ONE_PIXEL)
    wrong = {
        "a crowd": labels.crowd,
        "an instance marked to be ignored": labels.ignored,
        "a box that makes no sense": ~sensible,
        "an object annotated twice": labels.doubled,
        f"an instance under min_share={min_share}": sensible & (shares < min_share),
    }
    askable = ~np.logical_or.reduce(list(wrong.values()))
    shape = (len(labels.photos), len(labels.categories))
    counts = np.zeros(shape, dtype=np.int64)
    uncountable = np.zeros(shape, dtype=bool)
    # Infinite where nothing was seen yet, so that any share is the minimum; 0 in the end.
    areas = np.full(shape, np.inf, dtype=np.float32)
    # `ufunc.at`, since `counts[rows, columns] += 1` counts a pair that comes twice only once.
    np.add.at(counts, (rows[askable], columns[askable]), 1)
    np.minimum.at(areas, (rows[askable], columns[askable]), shares[askable].astype(np.float32))
    uncountable[rows[~askable], columns[~askable]] = True
    sparse = labels.inexhaustive[:, 0], labels.inexhaustive[:, 1]
    uncountable[sparse] = True
    many = counts > max_instances
    reasons = {reason: (rows[flags], columns[flags]) for reason, flags in wrong.items()}
    reasons["not annotated exhaustively"] = sparse
    crowded = np.nonzero(many)
    reasons[f"more than max_instances={max_instances}"] = crowded[0], crowded[1]
    return _Counted(
        np.minimum(counts, np.iinfo(np.int16).max).astype(np.int16),
        uncountable | many,
        np.where(np.isinf(areas), 0, areas),
        reasons,
    )


COCO_FORMAT = CatalogFormat(name="coco", catalog=coco)
