"""A COCO instances file as arrays, and everything that is wrong with its entries."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.class_names import clashing_names
from mimic_checks.catalog.problems import Problems, listed
from mimic_checks.errors import CatalogError

_REQUIRED = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox"),
    "categories": ("id", "name"),
}
_LAYOUT = "expected the COCO instances layout"
_REPEATED = (
    "a file that was merged from several repeats ids: number them anew, and keep one entry of each"
)
_NAMES = "rename or merge one of the two: no answer could tell them apart"
_INEXHAUSTIVE, _FEDERATED = "not_exhaustive_category_ids", "neg_category_ids"
_SPARSE = (
    "labels that were verified for some classes only, as LVIS has them, say of no other class that"
    " it is absent; export images and classes that were annotated in full, without this key"
)
_CROWD = {0: False, 1: True, None: False}


@dataclass(frozen=True, slots=True)
class Photo:
    """An entry of `images`."""

    id: Any
    file_name: str
    width: float
    height: float


@dataclass(frozen=True)
class Labels:
    """What the file says: `photos` and `categories` in the order of their ids, and its annotations
    in the file's order: `rows`, `columns` (photo and category), `boxes` [annotations, 4] as left,
    top, width, height, `crowd`, `ignored`, `ids`, and their `segmentations` as they stand there.
    `inexhaustive` [any number, 2]: photo and category of which not every instance is annotated."""

    photos: Sequence[Photo]
    categories: Sequence[Mapping[str, Any]]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    boxes: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    doubled: NDArray[np.bool_]
    ids: Sequence[Any]
    segmentations: Sequence[Any]
    inexhaustive: NDArray[np.int64]

    def of_photos(self, kept: Sequence[int]) -> Labels:
        """The same labels, of some photos only."""
        place = np.full(len(self.photos), -1)
        place[list(kept)] = np.arange(len(kept))
        stay = np.flatnonzero(place[self.rows] >= 0)
        numbers: list[int] = stay.tolist()
        return Labels(
            [self.photos[row] for row in kept],
            self.categories,
            place[self.rows[stay]],
            self.columns[stay],
            self.boxes[stay],
            self.crowd[stay],
            self.ignored[stay],
            self.doubled[stay],
            [self.ids[k] for k in numbers],
            [self.segmentations[k] for k in numbers],
            np.array(
                [(place[row], column) for row, column in self.inexhaustive if place[row] >= 0],
                dtype=np.int64,
            ).reshape(-1, 2),
        )

    @property
    def sizes(self) -> NDArray[np.float64]:
        """Width and height of every photo, [photos, 2]."""
        return np.array([(photo.width, photo.height) for photo in self.photos], dtype=np.float64)


def read_labels(path: Path) -> tuple[Labels, Problems]:
    """What a file says, and what is wrong with it beyond its layout: until `Problems.refuse` is
    called, some labels may be about entries that clash.

    Raises:
        CatalogError: no JSON, or of another layout; names the offenders.
    """
    try:
        data = json.loads(path.read_bytes(), object_pairs_hook=_once)
    # ValueError is that of whole numbers with thousands of digits, too.
    except (ValueError, RecursionError) as error:
        raise CatalogError(
            f"annotations={str(path)!r} is not valid JSON: {error}; download or export the file"
            " again"
        ) from error
    except OSError as error:
        raise CatalogError(f"annotations={str(path)!r} cannot be read: {error}") from error
    problems = Problems(f"annotations={str(path)!r}")
    _check_layout(data, problems)
    problems.refuse()
    # By id, so that rows and columns do not depend on the order in which the file lists them.
    images = sorted(data["images"], key=lambda entry: entry["id"])
    categories = sorted(data["categories"], key=lambda entry: entry["id"])
    _check_alike(data, problems)
    row_of = {entry["id"]: row for row, entry in enumerate(images)}
    column_of = {entry["id"]: column for column, entry in enumerate(categories)}
    entries = data["annotations"]
    labels = Labels(
        [Photo(e["id"], e["file_name"], e["width"], e["height"]) for e in images],
        categories,
        np.array([row_of[entry["image_id"]] for entry in entries], dtype=np.int64),
        np.array([column_of[entry["category_id"]] for entry in entries], dtype=np.int64),
        np.array(
            [[_as_float(v) for v in entry["bbox"]] for entry in entries], dtype=np.float64
        ).reshape(-1, 4),
        np.array([_CROWD[entry.get("iscrowd")] for entry in entries], dtype=bool),
        np.array([_CROWD[entry.get("ignore")] for entry in entries], dtype=bool),
        np.zeros(len(entries), dtype=bool),
        [entry["id"] for entry in entries],
        [entry.get("segmentation") for entry in entries],
        np.array(
            [
                (row, column_of[number])
                for row, entry in enumerate(images)
                for number in entry.get(_INEXHAUSTIVE) or ()
            ],
            dtype=np.int64,
        ).reshape(-1, 2),
    )
    return labels, problems


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the file; of a key that stands there twice, a half would be dropped."""
    made = dict(pairs)
    if len(made) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return made


def _check_layout(data: Any, problems: Problems) -> None:
    """Notes whatever keeps the file from being read as labels."""
    if not isinstance(data, dict):
        problems.add(f"the file holds a {type(data).__name__}, not an object", _LAYOUT)
        return
    _hint(data, problems)
    entries: dict[str, list[dict[str, Any]]] = {}
    for part, keys in _REQUIRED.items():
        if not isinstance(data.get(part), list):
            problems.add(f"no list {part!r}", _LAYOUT)
            continue
        entries[part] = []
        for number, entry in enumerate(data[part]):
            missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if missing:
                problems.add(f"{part}[{number}] has no {missing[0]!r}", _LAYOUT)
            elif not (isinstance(entry["id"], str) or _is_whole(entry["id"])):
                problems.add(f"{part}[{number}] has id={entry['id']!r}", _LAYOUT)
            else:
                entries[part].append(entry)
        if len({isinstance(entry["id"], str) for entry in entries[part]}) > 1:
            problems.add(f"ids in {part!r} are numbers here and texts there", _LAYOUT)
    if data.get("images") == []:
        problems.add("no images", _LAYOUT)
    for entry in entries.get("images", ()):
        _check_image(entry, problems)
    for entry in entries.get("categories", ()):
        if not _is_name(entry["name"]):
            problems.add(f"category {entry['id']!r} has name={entry['name']!r}", _LAYOUT)
    if len(entries) == len(_REQUIRED):
        known = {part: {entry["id"] for entry in found} for part, found in entries.items()}
        for entry in entries["annotations"]:
            _check_annotation(entry, known, problems)
        for entry in entries["images"]:
            _check_exhaustive(entry, known["categories"], problems)


def _hint(data: Mapping[str, Any], problems: Problems) -> None:
    first = data.get("annotations")
    entry = first[0] if isinstance(first, list) and first else None
    if not isinstance(entry, dict) or "bbox" in entry:
        return
    for key, kind in (("caption", "captions"), ("segments_info", "panoptic segments")):
        if key in entry:
            problems.add(
                f"the file holds {kind}, not objects",
                "take the instances_*.json of the same download, with"
                " coco:<folder>?annotations=<file name>",
            )


def _check_image(entry: Mapping[str, Any], problems: Problems) -> None:
    width, height, name = entry["width"], entry["height"], entry["file_name"]
    if not all(_is_number(side) and 0 < side < 2**31 for side in (width, height)):
        problems.add(f"image {entry['id']!r} has width={width!r}, height={height!r}", _LAYOUT)
    if not isinstance(name, str) or not name:
        problems.add(f"image {entry['id']!r} has file_name={name!r}", _LAYOUT)


def _check_exhaustive(entry: Mapping[str, Any], known: set[Any], problems: Problems) -> None:
    if entry.get(_FEDERATED) is not None:
        problems.add(f"image {entry['id']!r} has {_FEDERATED!r}", _SPARSE)
    listed_ids = entry.get(_INEXHAUSTIVE) or []
    if not isinstance(listed_ids, list) or not all(
        isinstance(number, Hashable) and number in known for number in listed_ids
    ):
        problems.add(
            f"image {entry['id']!r} has {_INEXHAUSTIVE}={listed_ids!r}, not ids of 'categories'",
            _LAYOUT,
        )


def _check_annotation(
    entry: Mapping[str, Any], known: Mapping[str, set[Any]], problems: Problems
) -> None:
    name, box = f"annotation {entry['id']!r}", entry["bbox"]
    for key, part in (("image_id", "images"), ("category_id", "categories")):
        value = entry[key]
        if not isinstance(value, Hashable) or isinstance(value, bool) or value not in known[part]:
            about = "is about" if key == "image_id" else "has"
            other = int(value) if str(value).isdecimal() and isinstance(value, str) else str(value)
            there = f" ({other!r} is)" if other in known[part] else ""
            problems.add(
                f"{name} {about} {key}={value!r}, which is not in {part!r}{there}", _LAYOUT
            )
    if not (isinstance(box, list) and len(box) == 4 and all(map(_is_number, box))):
        problems.add(f"{name} has bbox={box!r}, not [left, top, width, height]", _LAYOUT)
    for key in ("iscrowd", "ignore"):
        flag = entry.get(key)
        if not isinstance(flag, Hashable) or flag not in _CROWD:
            problems.add(f"{name} has {key}={flag!r}, not 0 or 1", _LAYOUT)


def _check_alike(data: Mapping[str, Any], problems: Problems) -> None:
    """Notes ids and names that two entries share."""
    names = {entry["id"]: entry["file_name"] for entry in data["images"]}
    about: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
        "image": lambda entry: repr(entry["file_name"]),
        "category": lambda entry: repr(entry["name"]),
        "annotation": lambda e: f"in image {e['image_id']!r} ({names[e['image_id']]!r})",
    }
    for part, kind in zip(_REQUIRED, ("image", "annotation", "category"), strict=True):
        for first, second in _twice(data[part]):
            both = f"{about[kind](first)} and {about[kind](second)}"
            problems.add(f"{kind} id {first['id']!r} twice: {both}", _REPEATED)
    used = {entry["category_id"] for entry in data["annotations"]}
    categories = data["categories"]
    for pair in clashing_names([str(entry["name"]) for entry in categories]):
        both = " and ".join(_category(categories[k], used) for k in pair)
        problems.add(f"two categories of one name: {both}", _NAMES)


def _category(entry: Mapping[str, Any], used: set[Any]) -> str:
    unused = "" if entry["id"] in used else ", without annotations"
    return f"{entry['name']!r} (id {entry['id']!r}{unused})"


def _twice(
    entries: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Entries whose id an earlier one has, each with that one."""
    first: dict[Any, Mapping[str, Any]] = {}
    pairs = []
    for entry in entries:
        known = first.setdefault(entry["id"], entry)
        if known is not entry:
            pairs.append((known, entry))
    return pairs


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and float(value).is_integer()


def _is_name(name: object) -> bool:
    if isinstance(name, int) and not isinstance(name, bool):
        return True
    # Half a surrogate pair cannot be written to any file.
    return (
        isinstance(name, str)
        and bool(name.strip())
        and not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
    )


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf


def repeated_objects(labels: Labels) -> tuple[list[tuple[int, int]], list[int]]:
    """Annotations that stand for an object which an earlier one stands for, (earlier, later): of
    one class in one photo, with the same box, or with the same segmentation and the same box but
    for rounding. Apart from them those of which that is in doubt: the same box around two different
    segmentations."""
    pairs, doubtful = [], []
    by_box: dict[Hashable, int] = {}
    by_outline: dict[Hashable, int] = {}
    keys = zip(labels.rows.tolist(), labels.columns.tolist(), labels.boxes.tolist(), strict=True)
    for number, (row, column, box) in enumerate(keys):
        found = labels.segmentations[number]
        same_box = by_box.setdefault((row, column, *box), number)
        outline = (row, column, _signature(found))
        same_outline = by_outline.setdefault(outline, number) if outline[2] else number
        if same_box != number:
            other = labels.segmentations[same_box]
            if found and other and found != other:
                doubtful.append(number)
            else:
                pairs.append((same_box, number))
        elif (
            same_outline != number
            and labels.segmentations[same_outline] == found
            and np.abs(labels.boxes[same_outline] - labels.boxes[number]).max() <= 1
        ):
            pairs.append((same_outline, number))
    return pairs, doubtful


def _signature(found: Any) -> Hashable | None:
    """Equal for equal segmentations, and cheap; None for what is none."""
    if isinstance(found, dict):
        return str(found.get("counts"))[:200] or None
    if not isinstance(found, list) or not found or not isinstance(found[0], list):
        return None
    return len(found), len(found[0]), str(found[0][:6]) if found[0] else None


def objects_named(labels: Labels, pairs: Sequence[tuple[int, int]]) -> str:
    """Repeated objects as a message names them."""
    return listed(
        f"annotations {labels.ids[a]!r} and {labels.ids[b]!r} are one"
        f" {labels.categories[labels.columns[a]]['name']} in"
        f" {labels.photos[labels.rows[a]].file_name!r}"
        for a, b in pairs
    )
