"""Object masks from COCO segmentations: polygons, and run lengths with or without compression.

pycocotools fills polygons in C, without a look at what it is given: nonsense crashes the process or
takes all memory. So everything is checked before, and run lengths, which need no C, are decoded
here; that also keeps away its warnings about numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mimic_checks.catalog.boxes import SLACK

Mask = NDArray[np.bool_]
_MOST_PIXELS = 2**31
_MOST_STEPS = 2**22
"""Points on an outline's way at pycocotools' own resolution, five to a pixel: it allocates for
each."""
_MOST_DIGITS = 7
"""Characters of one compressed run: five bits each, for numbers of 32."""


@dataclass(frozen=True)
class Segmentation:
    """A segmentation that makes sense, of a picture of `width` x `height` pixels: `polygons`, or
    `runs` (columns from top to bottom, outside and inside by turns)."""

    width: int
    height: int
    polygons: tuple[list[float], ...] = ()
    runs: tuple[int, ...] = ()

    def mask(self) -> Mask:
        """The pixels that it covers, [height, width]."""
        filled = [self.runs]
        if self.polygons:
            encoded = coco_mask.frPyObjects(list(self.polygons), self.height, self.width)
            filled = [_decompressed(one["counts"]) for one in encoded]
        masks = [_filled(runs, self.width, self.height) for runs in filled]
        covered: Mask = np.logical_or.reduce(masks)
        return covered


def parse_segmentation(found: Any, width: float, height: float) -> Segmentation:
    """The segmentation that an annotation gives of a picture.

    Raises:
        ValueError: it makes no sense; the message is the reason, without numbers, so that reasons
            can be counted.
    """
    if not found:
        raise ValueError("no segmentation")
    if width % 1 or height % 1 or not 0 < width * height <= _MOST_PIXELS:
        raise ValueError("a picture size that is no whole number of pixels")
    size = int(width), int(height)
    if isinstance(found, list):
        return Segmentation(*size, polygons=_checked_polygons(found, *size))
    if isinstance(found, dict):
        return Segmentation(*size, runs=_checked_runs(found, *size))
    raise ValueError("a segmentation that is neither polygons nor run lengths")


def _checked_polygons(found: list[Any], width: int, height: int) -> tuple[list[float], ...]:
    polygons = []
    for polygon in found:
        # Not isinstance: True is an int, and a text of digits would pass as a float.
        if not isinstance(polygon, list) or any(type(v) not in (int, float) for v in polygon):
            raise ValueError("a polygon that is no list of numbers")
        if len(polygon) % 2:
            raise ValueError("a polygon with an odd number of coordinates")
        if len(polygon) < 6:
            raise ValueError("a polygon of fewer than three points")
        try:
            points = np.array(polygon, dtype=np.float64).reshape(-1, 2)
        except OverflowError:  # a whole number beyond all floats
            raise ValueError("a polygon that leaves the picture") from None
        slack = np.maximum(1.0, SLACK * np.array([width, height]))
        # So written that NaN is outside too.
        if not ((points >= -slack) & (points <= np.array([width, height]) + slack)).all():
            raise ValueError("a polygon that leaves the picture")
        steps = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1)
        if (5 * steps + 1).sum() > _MOST_STEPS:
            raise ValueError("a polygon with an endless outline")
        polygons.append(points.ravel().tolist())
    return tuple(polygons)


def _checked_runs(found: dict[Any, Any], width: int, height: int) -> tuple[int, ...]:
    size, counts = found.get("size"), found.get("counts")
    if size != [height, width]:
        raise ValueError("run lengths of another size than the picture's")
    if isinstance(counts, str | bytes):
        runs = _decompressed(counts)
    elif isinstance(counts, list) and all(type(run) is int and run >= 0 for run in counts):
        runs = tuple(counts)
    else:
        raise ValueError("run lengths that are no list of numbers from 0")
    if sum(runs) != width * height:
        raise ValueError("run lengths that do not fill the picture")
    return runs


def _decompressed(text: str | bytes) -> tuple[int, ...]:
    """The runs in pycocotools' compressed form: from 48 up, a character carries five bits of a
    number, the lowest first; its sixth bit says that more follow, and the highest bit of the last
    one is the sign. From the fourth run on, the number is the difference from the run two before.
    """
    runs: list[int] = []
    number = place = 0
    for character in text if isinstance(text, bytes) else map(ord, text):
        digit = character - 48
        if not 0 <= digit < 64 or place == _MOST_DIGITS:
            raise ValueError("compressed run lengths that cannot be read")
        number |= (digit & 31) << (5 * place)
        place += 1
        if digit & 32:
            continue
        if digit & 16:
            number -= 1 << (5 * place)
        run = number + (runs[-2] if len(runs) > 2 else 0)
        if run < 0:
            raise ValueError("compressed run lengths that cannot be read")
        runs.append(run)
        number = place = 0
    if place:
        raise ValueError("compressed run lengths that cannot be read")
    return tuple(runs)


def _filled(runs: tuple[int, ...], width: int, height: int) -> Mask:
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T
