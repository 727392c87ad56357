"""OpenImages as people have verified it: boxes, human-verified image labels and the class
hierarchy, as official CSV files.

The files of one split are streamed with pyarrow. What is certain:

- a class is boxed exhaustively only where it was verified to be there, so only there can it be
  counted; a group, a depiction, an inside view or an instance too small to be asked for makes it
  uncountable;
- counts go up the hierarchy: a parent that was itself verified counts its own boxes and those of
  everything below it; a parent that was not is present without a number, since others of its kind
  may be there unboxed;
- a class is absent only where a person said so (Confidence 0), and then everything below it is
  absent too;
- where labels contradict each other, nothing is certain.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import FileImages, Manifest
from mimic_checks.catalog.limits import MAX_INSTANCES, MIN_SHARE, check_limits
from mimic_checks.catalog.presence import Presence
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT
from mimic_checks.errors import CatalogError

_BOXES = (
    "ImageID",
    "LabelName",
    "XMin",
    "XMax",
    "YMin",
    "YMax",
    "IsGroupOf",
    "IsDepiction",
    "IsInside",
)
_LABELS = ("ImageID", "LabelName", "Confidence")
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Hierarchy:
    """Classes above (`up`) and below (`down`) every class, itself not among them; `groups`:
    siblings under a named parent."""

    up: tuple[tuple[int, ...], ...]
    down: tuple[tuple[int, ...], ...]
    groups: Mapping[str, tuple[int, ...]]

    @property
    def leaves(self) -> NDArray[np.bool_]:
        """Classes with nothing below them."""
        return np.array([not below for below in self.down], dtype=bool)


class _Paths(Sequence[Path]):
    """File paths of images by row, made when asked for: millions of `Path`s would be half a
    gigabyte."""

    def __init__(self, folder: Path, ids: NDArray[np.uint64], suffix: str) -> None:
        self.folder, self.ids, self.suffix = folder, ids, suffix

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: Any) -> Any:
        return self.folder / f"{int(self.ids[row]):016x}{self.suffix}"


def openimages(
    folder: Path | str,
    *,
    split: str = "",
    min_share: float = MIN_SHARE,
    max_instances: int = MAX_INSTANCES,
) -> Presence:
    """The verified states of every image of a split that is on disk.

    `folder` holds `*annotations-bbox.csv`, `*imagelabels*.csv` (human-verified; without it nothing
    is known to be absent), `*class-descriptions-boxable.csv`, `*hierarchy*.json` (without it there
    are no super-categories) and the images in `images/` or in a folder named after the split.
    `split` picks one of several. `min_share`, `max_instances`: as for `coco`.

    Raises:
        CatalogError: files missing or of another layout; names the first offender.
        InvalidArgument: an option out of range.
    """
    check_limits(min_share, max_instances)
    folder = Path(folder)
    if not folder.is_dir():
        raise CatalogError(
            f"catalog={str(folder)!r} is not a directory; give openimages:<folder> with the CSV"
            " files and images/ in it"
        )
    names = read_classes(_one(folder, "*class-descriptions-boxable.csv", "class descriptions", ""))
    boxes = _one(folder, "*annotations-bbox.csv", "boxes", split)
    labels = _several(folder, "*imagelabels*.csv", split)
    trees = sorted(folder.glob("*hierarchy*.json"))
    hierarchy = read_hierarchy(trees[0] if trees else None, names)
    home, suffix, there = _images(folder, split)
    ids, classes, states, starts = verified_states(
        read_boxes(boxes, names, min_share),
        (part for path in labels for part in read_labels(path, names)),
        hierarchy,
        len(names),
        max_instances,
        there,
    )
    if not len(ids):
        raise CatalogError(
            f"catalog={str(folder)!r}: none of the {len(there)} images in {str(home)!r} is in"
            f" {boxes.name}; give the split's own images"
        )
    source = FileImages(_Paths(home, ids, suffix))
    return Presence(
        name=(
            f"openimages:{folder.name}?split={split}&min_share={min_share}"
            f"&max_instances={max_instances}"
        ),
        class_names=tuple(name.lower() for name in names.values()),
        groups=hierarchy.groups,
        leaves=hierarchy.leaves,
        starts=starts,
        classes=classes,
        states=states,
        unlisted=DOUBT,
        source=source,
        manifest=Manifest(source),
    )


def read_classes(path: Path) -> dict[str, str]:
    """Label (`/m/...`) -> name, in the order of the file, with or without its header.

    Raises:
        CatalogError: a line that is not `label,name`.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        label, comma, name = line.partition(",")
        if label == "LabelName" or not line:
            continue
        if not comma or not label.startswith("/"):
            raise CatalogError(
                f"classes={str(path)!r}:{number}: {line!r} is not 'label,name' as in"
                " class-descriptions-boxable.csv"
            )
        names[label] = name.strip().strip('"')
    return names


def read_hierarchy(path: Path | None, names: Mapping[str, str]) -> Hierarchy:
    """The hierarchy among known classes; parts of things ("Part") are not kinds of them. Empty
    without a file.

    Raises:
        CatalogError: not the JSON of the official hierarchy.
    """
    column = {label: number for number, label in enumerate(names)}
    up: list[set[int]] = [set() for _ in names]
    children: dict[str, list[int]] = {}
    if path is not None:
        try:
            stack: list[tuple[dict[str, Any], tuple[int, ...]]] = [
                (json.loads(path.read_text()), ())
            ]
            while stack:
                node, above = stack.pop()
                label, own = node["LabelName"], column.get(node["LabelName"])
                below = [child["LabelName"] for child in node.get("Subcategory", ())]
                if own is not None:
                    # A class may stand in several branches: what is above it there adds up.
                    up[own].update(above)
                    children.setdefault(names[label].lower(), []).extend(
                        column[child] for child in below if child in column
                    )
                stack += [
                    (child, above if own is None else (*above, own))
                    for child in node.get("Subcategory", ())
                ]
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise CatalogError(
                f"hierarchy={str(path)!r} is not the official layout (LabelName, Subcategory):"
                f" {error!r}"
            ) from error
    down = tuple(tuple(c for c in range(len(up)) if k in up[c]) for k in range(len(up)))
    return Hierarchy(tuple(tuple(sorted(parents)) for parents in up), down, _groups(children, up))


def _groups(
    children: Mapping[str, Sequence[int]], up: Sequence[set[int]]
) -> dict[str, tuple[int, ...]]:
    """Siblings by parent; a sibling that is also below another one (the hierarchy is no tree) is
    left out."""
    groups = {}
    for name, members in children.items():
        apart = [c for c in dict.fromkeys(members) if not up[c].intersection(members)]
        if len(apart) > 1:
            groups[name] = tuple(apart)
    return groups


Boxes = tuple[NDArray[np.uint64], NDArray[np.int16], NDArray[np.bool_], NDArray[np.bool_]]
"""Per box: image, class, whether it may be counted, whether it is large enough to be seen."""
Labels = tuple[NDArray[np.uint64], NDArray[np.int16], NDArray[np.bool_]]
"""Per label: image, class, whether the class is there."""


def read_boxes(path: Path, names: Mapping[str, str], min_share: float) -> Iterator[Boxes]:
    """The boxes of known classes, block by block.

    Raises:
        CatalogError: a column is missing, or a value cannot be read.
    """
    for block, classes in _blocks(path, _BOXES, names):
        share = (block["XMax"] - block["XMin"]) * (block["YMax"] - block["YMin"])
        large = share >= min_share
        odd = (block["IsGroupOf"] == 1) | (block["IsDepiction"] == 1) | (block["IsInside"] == 1)
        yield block["ImageID"], classes, large & ~odd, large


def read_labels(path: Path, names: Mapping[str, str]) -> Iterator[Labels]:
    """The human-verified labels of known classes, block by block; raises as `read_boxes`."""
    for block, classes in _blocks(path, _LABELS, names):
        sure = (block["Confidence"] == 0) | (block["Confidence"] == 1)
        yield block["ImageID"][sure], classes[sure], block["Confidence"][sure] == 1


def _blocks(
    path: Path, columns: Sequence[str], names: Mapping[str, str]
) -> Iterator[tuple[dict[str, Any], NDArray[np.int16]]]:
    # Imported here: only these files need pyarrow, which comes with an extra.
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv
    except ImportError as error:
        raise CatalogError(
            "OpenImages files are read with pyarrow; next step: pip install"
            " 'mimic-checks[remedies]'"
        ) from error
    known = pa.array(list(names))
    kinds = {
        name: pa.string() if name in ("ImageID", "LabelName") else pa.float32() for name in columns
    }
    try:
        options = csv.ConvertOptions(include_columns=list(columns), column_types=kinds)
        with csv.open_csv(
            path, read_options=csv.ReadOptions(block_size=2**24), convert_options=options
        ) as reader:
            for batch in reader:
                batch = batch.filter(pc.is_in(batch["LabelName"], value_set=known))
                block = {
                    name: batch[name].to_numpy(zero_copy_only=False)
                    for name in columns
                    if name not in ("ImageID", "LabelName")
                }
                block["ImageID"] = _numbers(batch["ImageID"], path)
                yield (
                    block,
                    pc.index_in(batch["LabelName"], value_set=known)
                    .to_numpy(zero_copy_only=False)
                    .astype(np.int16),
                )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise CatalogError(
            f"annotations={str(path)!r}: {str(error).splitlines()[0]}; expected the official"
            f" columns {', '.join(columns)}"
        ) from error


def _numbers(ids: Any, path: Path) -> NDArray[np.uint64]:
    """Image ids, 16 hexadecimal digits, as numbers."""
    text = ids.to_numpy(zero_copy_only=False).astype("S")
    if not len(text):
        return np.empty(0, dtype=np.uint64)
    # Fixed-width bytes seen as a table of digits. Unsigned arithmetic wraps around, so whatever is
    # no digit, padding of a shorter id included, comes out above 15.
    digits = np.frombuffer(text.astype("S16").tobytes(), dtype=np.uint8).reshape(-1, 16)
    values = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0")).astype(
        np.uint64
    )
    if text.dtype.itemsize != 16 or (values > 15).any():
        wrong = next(i for i in ids.to_pylist() if len(i) != 16 or set(i) - set("0123456789abcdef"))
        raise CatalogError(
            f"annotations={str(path)!r}: ImageID={wrong!r} is not 16 hexadecimal digits"
        )
    numbers: NDArray[np.uint64] = (
        values << (np.arange(15, -1, -1, dtype=np.uint64) * np.uint64(4))
    ).sum(axis=1, dtype=np.uint64)
    return numbers


def verified_states(
    boxes: Iterator[Boxes],
    labels: Iterator[Labels],
    hierarchy: Hierarchy,
    classes: int,
    max_instances: int,
    there: NDArray[np.uint64] | None,
) -> tuple[NDArray[np.uint64], NDArray[np.int16], NDArray[np.int16], NDArray[np.int64]]:
    """Image ids (ascending), and the entries of a `Presence`: classes, states, starts. `there`: the
    images to keep, None for all."""
    # Without any block, zip has nothing to give: the parts are then empty.
    box = [np.concatenate(part) for part in zip(*boxes, strict=True)] or [
        np.empty(0, t) for t in ("u8", "i2", "?", "?")
    ]
    label = [np.concatenate(part) for part in zip(*labels, strict=True)] or [
        np.empty(0, t) for t in ("u8", "i2", "?")
    ]
    ids = np.unique(np.concatenate([np.unique(box[0]), np.unique(label[0])]))
    if there is not None:
        ids = ids[np.isin(ids, there)]
    size = np.int64(classes)

    # (image, class) as one number, row * size + class: sets of pairs are flat, sorted arrays, and a
    # pair can be moved up or down the hierarchy by a difference of classes.
    def pairs(
        image: NDArray[np.uint64], class_index: NDArray[np.int16]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        row = np.searchsorted(ids, image)
        kept = row < len(ids)
        # searchsorted also gives images that are left out a row: the next one's.
        kept[kept] = ids[row[kept]] == image[kept]
        return row[kept] * size + class_index[kept], kept

    box_pair, kept = pairs(box[0], box[1])
    countable, large = box[2][kept], box[3][kept]
    label_pair, kept = pairs(label[0], label[1])
    positive = label[2][kept]
    own, inverse = np.unique(np.concatenate([box_pair, label_pair[positive]]), return_inverse=True)
    at = inverse[: len(box_pair)]
    number = np.bincount(at, weights=countable, minlength=len(own)).astype(np.int64)
    boxed = np.bincount(at, minlength=len(own))
    seen = np.bincount(at, weights=large, minlength=len(own)) > 0
    # A class that nobody boxed, or a box that may not be counted.
    doubtful = (boxed == 0) | (number < boxed)
    # Up the hierarchy: `from_` names the pair of `own` behind every pair, itself or one below, and
    # each bincount over `inverse` gathers what a pair has of its own and from below.
    source, above = _spread(own, hierarchy.up, size)
    pair, inverse = np.unique(np.concatenate([own, above]), return_inverse=True)
    from_ = np.concatenate([np.arange(len(own)), source])
    total = np.bincount(inverse, weights=number[from_], minlength=len(pair)).astype(np.int64)
    unsure = np.bincount(inverse, weights=doubtful[from_], minlength=len(pair)) > 0
    shown = np.bincount(inverse, weights=seen[from_], minlength=len(pair)) > 0
    verified = np.zeros(len(pair), dtype=bool)
    verified[inverse[: len(own)]] = True
    state = np.where(
        verified & ~unsure & (total > 0) & (total <= max_instances),
        total,
        np.where(shown, PRESENT, DOUBT),
    )
    denied = np.unique(label_pair[~positive])
    gone = np.unique(np.concatenate([denied, _spread(denied, hierarchy.down, size)[1]]))
    clash = np.intersect1d(pair, gone, assume_unique=True)
    state[np.isin(pair, clash, assume_unique=True)] = DOUBT
    gone = np.setdiff1d(gone, clash, assume_unique=True)
    pair, state = pair[state != DOUBT], state[state != DOUBT]
    # Sorted pairs go image by image: an image's entries begin at the first pair of its row.
    entries = np.concatenate([pair, gone])
    order = np.argsort(entries)
    entries, state = entries[order], np.concatenate([state, np.full(len(gone), ABSENT)])[order]
    starts = np.searchsorted(entries, np.arange(len(ids) + 1) * size)
    return ids, (entries % size).astype(np.int16), state.astype(np.int16), starts


def _spread(
    pair: NDArray[np.int64], related: Sequence[Sequence[int]], size: np.int64
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every pair one pair per related class: (index of the origin, new pair)."""
    # A ragged look-up without a loop: the relatives of all classes stand in `flat`, one class after
    # the other. `source` repeats an origin once per relative, and `inside` counts 0, 1, 2, ... in
    # each origin: the running index less the index at which that origin's stretch began.
    lengths = np.array([len(kin) for kin in related], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.array([c for kin in related for c in kin], dtype=np.int64)
    own = pair % size
    source = np.repeat(np.arange(len(pair)), lengths[own])
    inside = np.arange(len(source)) - np.repeat(
        np.cumsum(lengths[own]) - lengths[own], lengths[own]
    )
    return source, pair[source] - own[source] + flat[starts[own[source]] + inside]


def _several(folder: Path, pattern: str, split: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if split in path.name)


def _one(folder: Path, pattern: str, what: str, split: str) -> Path:
    files = _several(folder, pattern, split)
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise CatalogError(
            f"catalog={str(folder)!r} has {len(files)} files of {what} ({pattern}: {names}); need"
            " one, or pick one with openimages:<folder>?split=<train, validation or test>"
        )
    return files[0]


def _images(folder: Path, split: str) -> tuple[Path, str, NDArray[np.uint64]]:
    """The folder of the images, their suffix, and the ids that are there."""
    homes = [
        home
        for home in (folder / "images", *([folder / split] if split else ()), folder)
        if home.is_dir()
    ]
    for home in homes:
        for suffix in _SUFFIXES:
            # scandir gives names alone: a Path each would be slow for millions of files.
            stems = [
                entry.name.removesuffix(suffix)
                for entry in os.scandir(home)
                if entry.name.endswith(suffix)
            ]
            ids = [
                int(stem, 16)
                for stem in stems
                if len(stem) == 16 and not set(stem) - set("0123456789abcdef")
            ]
            if ids:
                return home, suffix, np.unique(np.array(ids, dtype=np.uint64))
    raise CatalogError(
        f"catalog={str(folder)!r} has no images named <ImageID>.jpg in"
        f" {', '.join(str(home) for home in homes)}; download the split's images"
    )


OPENIMAGES = CatalogFormat(name="openimages", sparse=openimages)
