"""The official CSV files of OpenImages, streamed with pyarrow, and its hierarchy of classes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.boxes import is_sensible
from mimic_checks.catalog.class_names import clashing_names, tidy_name
from mimic_checks.catalog.problems import Problems
from mimic_checks.errors import CatalogError

_EDGES = ("XMin", "YMin", "XMax", "YMax")
_KINDS = ("IsGroupOf", "IsDepiction", "IsInside")
_VIEWS = ("IsOccluded", "IsTruncated")
_BOXES = ("ImageID", "LabelName", *_EDGES, *_KINDS)
_ALSO = ("Confidence", *_VIEWS)
"""Columns of boxes that some exports leave out."""
_LABELS = ("ImageID", "LabelName", "Confidence")


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


def read_classes(path: Path) -> dict[str, str]:
    """Label (`/m/...`) -> name, in the order of the file, with or without its header.

    Raises:
        CatalogError: a line that is not `label,name`; a label twice, or two of one name.
    """
    problems = Problems(f"classes={str(path)!r}")
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        label, comma, name = line.partition(",")
        if label == "LabelName" or not line:
            continue
        if not comma or not label.startswith("/"):
            raise CatalogError(
                f"classes={str(path)!r}:{number}: {line!r} is not 'label,name' as in"
                " class-descriptions-boxable.csv"
            )
        name = tidy_name(name.strip().strip('"'))
        if label in names:
            problems.add(f"{label} twice: {names[label]!r} and {name!r}", "keep one line of each")
        names[label] = name
    labels = list(names)
    for pair in clashing_names(list(names.values())):
        both = " and ".join(f"{names[labels[k]]!r} ({labels[k]})" for k in pair)
        problems.add(f"two classes of one name: {both}", "rename one")
    problems.refuse()
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
                (json.loads(path.read_bytes()), ())
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


Boxes = tuple[
    NDArray[np.uint64], NDArray[np.int16], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.uint64]
]
"""Per box: image, class, whether it may be counted, whether it is large enough to be seen, and a
number that is the same for boxes in the same place."""
Labels = tuple[NDArray[np.uint64], NDArray[np.int16], NDArray[np.bool_]]
"""Per label: image, class, whether the class is there."""


def read_boxes(path: Path, names: Mapping[str, str], min_share: float) -> Iterator[Boxes]:
    """The boxes of known classes, block by block.

    Raises:
        CatalogError: a column is missing, or a value cannot be read.
    """
    for block, classes in _blocks(path, _BOXES, names, _ALSO):
        edges = np.stack([block[edge] for edge in _EDGES], axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            share = (edges[:, 2] - edges[:, 0]) * (edges[:, 3] - edges[:, 1])
        real = is_sensible(edges, np.ones((len(edges), 2)), 0.0)
        if "Confidence" in block:
            real &= block["Confidence"] == 1
        large = real & (share >= min_share)
        # So written that an empty cell is unknown too.
        single = np.logical_and.reduce([block[kind] == 0 for kind in _KINDS])
        seen = [(block[view] == 0) | (block[view] == 1) for view in _VIEWS if view in block]
        yield (
            block["ImageID"],
            classes,
            np.logical_and.reduce([large, single, *seen]),
            large,
            (_places(edges)),
        )


def _places(edges: NDArray[np.float32]) -> NDArray[np.uint64]:
    """One number per box, from the bits of its edges."""
    bits = np.ascontiguousarray(edges, dtype=np.float32).view(np.uint32).astype(np.uint64)
    # Odd factors: no bit of any edge is lost, and equal sums of others are as good as excluded.
    factors = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 1], np.uint64)
    places: NDArray[np.uint64] = (bits * factors).sum(axis=1, dtype=np.uint64)
    return places


def read_labels(path: Path, names: Mapping[str, str]) -> Iterator[Labels]:
    """The human-verified labels of known classes, block by block; raises as `read_boxes`."""
    for block, classes in _blocks(path, _LABELS, names):
        sure = (block["Confidence"] == 0) | (block["Confidence"] == 1)
        yield block["ImageID"][sure], classes[sure], block["Confidence"][sure] == 1


def _blocks(
    path: Path, needed: Sequence[str], names: Mapping[str, str], also: Sequence[str] = ()
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
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = [name.strip(' "') for name in file.readline().strip().split(",")]
    columns = [*needed, *(name for name in also if name in head)]
    known = pa.array(list(names))
    kinds = {
        name: pa.string() if name in ("ImageID", "LabelName") else pa.float32() for name in columns
    }
    try:
        options = csv.ConvertOptions(include_columns=columns, column_types=kinds)
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
            f" columns {', '.join(needed)}"
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
