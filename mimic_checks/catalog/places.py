"""Where the objects of COCO photos are in the pictures as they are shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from mimic_checks.catalog.boxes import Box, turned
from mimic_checks.catalog.catalog import Doubt
from mimic_checks.catalog.coco_file import Labels, Photo
from mimic_checks.catalog.images import SIDEWAYS, TURNS, Look
from mimic_checks.catalog.segmentation import Mask, Segmentation, parse_segmentation

_EITHER = "a turned picture whose labels could be those of its stored pixels as well"


def label_turn(photo: Photo, look: Look | None) -> int | None:
    """The EXIF orientation by which a photo's labels must be turned to lie on the picture that is
    shown; None if its size fits the stored pixels and the shown picture (a square or mirrored one).
    """
    if look is None or look.orientation not in TURNS:
        return 1
    if look.orientation not in SIDEWAYS or look.width == look.height:
        return None
    return 1 if (photo.width, photo.height) == look.shown else look.orientation


class Places:
    """Boxes and masks of the objects of a class in a photo, in its shown picture."""

    def __init__(self, labels: Labels, looks: Sequence[Look | None]) -> None:
        self._labels = labels
        self._turns = [
            label_turn(photo, look) for photo, look in zip(labels.photos, looks, strict=True)
        ]

    @property
    def has_masks(self) -> bool:
        """Whether any object has a segmentation."""
        return any(self._labels.segmentations)

    def boxes(self, row: int, class_index: int) -> tuple[Box, ...] | None:
        """The boxes of a class in a photo, crowds included; None if they could lie elsewhere."""
        turn, photo = self._turns[row], self._labels.photos[row]
        if turn is None:
            return None
        return tuple(
            turned(tuple(self._labels.boxes[number].tolist()), photo.width, photo.height, turn)
            for number in self._numbers.get((row, class_index), ())
        )

    def mask(self, row: int, class_index: int) -> Mask | None:
        """The pixels of a class in a photo, every instance and crowd of it; None if one of them is
        not known."""
        turn, photo = self._turns[row], self._labels.photos[row]
        numbers = self._numbers.get((row, class_index), ())
        if turn is None and numbers:
            return None
        covered = np.zeros((int(photo.height), int(photo.width)), dtype=bool)
        try:
            for number in numbers:
                one = self._parsed(number).mask()
                if not one.any():
                    return None
                covered |= one
        except ValueError:
            return None
        if turn not in TURNS:
            return covered
        picture = Image.fromarray(covered.astype(np.uint8)).transpose(TURNS[turn])
        return np.asarray(picture).astype(bool)

    def doubts(self) -> tuple[Doubt, ...]:
        """Why classes are unlocalizable where they are; nothing if no object has a segmentation."""
        if not self.has_masks:
            return ()
        where: dict[str, dict[tuple[int, int], None]] = defaultdict(dict)
        for pair, numbers in self._numbers.items():
            if self._turns[pair[0]] is None:
                where[_EITHER][pair] = None
                continue
            for number in numbers:
                try:
                    self._parsed(number)
                except ValueError as error:
                    where[str(error)][pair] = None
        return tuple(
            Doubt("unlocalizable", reason, tuple(found)) for reason, found in where.items()
        )

    def _parsed(self, number: int) -> Segmentation:
        photo = self._labels.photos[self._labels.rows[number]]
        return parse_segmentation(self._labels.segmentations[number], photo.width, photo.height)

    @cached_property
    def _numbers(self) -> Mapping[tuple[int, int], list[int]]:
        """The annotations of every (row, class)."""
        found = defaultdict(list)
        pairs = zip(self._labels.rows.tolist(), self._labels.columns.tolist(), strict=True)
        for number, pair in enumerate(pairs):
            found[pair].append(number)
        return dict(found)
