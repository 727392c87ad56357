"""Whether labels and picture files are about the same pictures."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from mimic_checks.catalog.coco_file import Labels, Photo
from mimic_checks.catalog.images import Look, look_at
from mimic_checks.catalog.problems import Problems, listed

_MISSING = (
    "complete the download, remove their entries from the file, or leave them out with"
    " ?missing=skip"
)
_OTHER_SIZE = "their boxes are those of another picture or size: export the labels again"
_TWO_TRUTHS = "keep the entry that is right, or merge both"


def missing_photos(
    labels: Labels, found: Sequence[Path | None], may_skip: bool, problems: Problems
) -> list[str]:
    """What to say of photos without a file that are left out; otherwise they are a problem."""
    names = [
        repr(photo.file_name)
        for photo, path in zip(labels.photos, found, strict=True)
        if path is None
    ]
    if not names:
        return []
    what = f"{len(names)} of {len(found)} image files are missing: {listed(names)}"
    if may_skip and len(names) < len(found):
        return [what]
    problems.add(what, _MISSING)
    return []


def look_at_all(paths: Sequence[Path | None]) -> list[Look | None]:
    """What every file says of itself before it is decoded; None for those that are missing or say
    nothing, which the manifest leaves out with its reason when they are drawn."""
    return [None if path is None else _look(path) for path in paths]


def _look(path: Path) -> Look | None:
    try:
        return look_at(path)
    except (OSError, ValueError):
        return None


def note_sizes(photos: Sequence[Photo], looks: Sequence[Look | None], problems: Problems) -> None:
    """Notes photos whose labels are of another size than their file: neither that of its stored
    pixels nor that of the picture as it is shown."""
    for photo, look in zip(photos, looks, strict=True):
        if look is None or (photo.width, photo.height) in (look.stored, look.shown):
            continue
        problems.add(
            f"image {photo.id!r} ({photo.file_name!r}) is {look.shown[0]}x{look.shown[1]} in its"
            f" file and {photo.width}x{photo.height} in the labels",
            _OTHER_SIZE,
        )


def copies(
    labels: Labels, paths: Sequence[Path | None], looks: Sequence[Look | None], problems: Problems
) -> dict[int, int]:
    """Rows whose file has the bytes of an earlier row's and the same labels, with that row. With
    other labels they are a problem."""
    by_mark = defaultdict(list)
    for row, look in enumerate(looks):
        if look is not None:
            by_mark[look.mark].append(row)
    suspects = {row for rows in by_mark.values() if len(rows) > 1 for row in rows}
    said: dict[int, Counter[object]] = {row: Counter() for row in suspects}
    if suspects:
        for row, column, box, crowd in zip(
            labels.rows.tolist(),
            labels.columns.tolist(),
            labels.boxes.tolist(),
            labels.crowd.tolist(),
            strict=True,
        ):
            if row in suspects:
                said[row][(column, *box, crowd)] += 1
    first: dict[bytes, int] = {}
    same = {}
    for row in sorted(suspects):
        path = paths[row]
        assert path is not None  # it was looked at
        known = first.setdefault(hashlib.sha256(path.read_bytes()).digest(), row)
        if known != row and said[known] == said[row]:
            same[row] = known
        elif known != row and path != paths[known]:  # a file twice is a problem of its own
            names = " and ".join(repr(labels.photos[r].file_name) for r in (known, row))
            problems.add(f"{names} are one picture with different labels", _TWO_TRUTHS)
    return same
