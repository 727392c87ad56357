"""Pictures of the cases that a report shows."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from mimic_checks.cases import Case, ImageOpener
from mimic_checks.verdicts.files import write_whole

SHOWN_PX = 288
"""Longest side of a picture in the report."""


def picture_path(folder: Path, image_id: str) -> Path:
    """Where a folder keeps the picture of an image."""
    return folder / "images" / f"{image_id}.png"


def save_pictures(cases: Iterable[Case], opener: ImageOpener, folder: Path) -> None:
    """Saves every picture of some cases in a folder, once and small."""
    for image_id in dict.fromkeys(image_id for case in cases for image_id in case.images):
        save_picture(opener.open(image_id), picture_path(folder, image_id), SHOWN_PX)


def read_pictures(cases: Iterable[Case], folder: Path) -> dict[str, bytes]:
    """The saved pictures of some cases, as PNG bytes by image id."""
    images = dict.fromkeys(image_id for case in cases for image_id in case.images)
    return {image_id: picture_path(folder, image_id).read_bytes() for image_id in images}


def save_picture(picture: Image.Image, path: Path, longest_px: int | None = None) -> None:
    """Saves a picture as PNG, once; made smaller if a longest side is given."""
    if path.exists():
        return
    if longest_px:
        picture.thumbnail((longest_px, longest_px))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    write_whole(path, stream.getvalue())
