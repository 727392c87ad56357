"""OpenImages as people have verified it: boxes, human-verified image labels and the class
hierarchy, as official CSV files.

The files of one split are streamed with pyarrow. What is certain:

- a class is boxed exhaustively only where it was verified to be there, so only there can it be
  counted; a group, a depiction, an inside view, a box of which any of that is unknown (-1), one
  that stands there twice, one that makes no sense, and an instance too small to be asked for make
  it uncountable;
- counts go up the hierarchy: a parent that was itself verified counts its own boxes and those of
  everything below it; a parent that was not is present without a number, since others of its kind
  may be there unboxed;
- a class is absent only where a person said so (Confidence 0), and then everything below it is
  absent too;
- where labels contradict each other, nothing is certain.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.format import CatalogFormat
from mimic_checks.catalog.images import FileImages, Manifest
from mimic_checks.catalog.limits import MAX_INSTANCES, MIN_SHARE, check_limits
from mimic_checks.catalog.openimages_csv import (
    Boxes,
    Hierarchy,
    Labels,
    read_boxes,
    read_classes,
    read_hierarchy,
    read_labels,
)
from mimic_checks.catalog.presence import Presence
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT
from mimic_checks.errors import CatalogError

_SUFFIXES = (".jpg", ".jpeg", ".png")


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
        np.empty(0, t) for t in ("u8", "i2", "?", "?", "u8")
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
    countable, large = box[2][kept] & ~_doubled(box_pair, box[4][kept]), box[3][kept]
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


def _doubled(pair: NDArray[np.int64], place: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which boxes have another of their class in the same place of their image."""
    order = np.lexsort((place, pair))
    same = (np.diff(pair[order]) == 0) & (np.diff(place[order]) == 0)
    doubled = np.zeros(len(pair), dtype=bool)
    doubled[order[1:][same]] = True
    doubled[order[:-1][same]] = True
    return doubled


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
