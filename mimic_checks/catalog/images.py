"""Where a catalog's pictures come from, and their identity.

An image's id is the SHA-256 of its file's bytes, or of a rendered scene's size and pixels. It is
made once per catalog and picture, when the picture is first needed; the same look decides whether
the picture can be read, so a broken file is known before a model sees it.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image

from mimic_checks.catalog.scene import Scene, render


class ImageSource(Protocol):
    """Pictures by row."""

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        """The decoded RGB picture, and the bytes that its id hashes.

        Raises:
            OSError, ValueError: it cannot be read.
        """

    def hashed(self, row: int) -> bytes:
        """The bytes that a picture's id hashes, without decoding it.

        Raises:
            OSError: they cannot be read.
        """

    def describe(self, row: int) -> str:
        """What a person calls this picture: its file name, or the scene's number."""

    def file(self, row: int) -> Path | None:
        """The picture's file, or None if it is rendered."""


class FileImages:
    """Pictures in files; `paths[row]` is the file of a row."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        data = self.paths[row].read_bytes()
        return open_image(self.paths[row]), data

    def hashed(self, row: int) -> bytes:
        return self.paths[row].read_bytes()

    def describe(self, row: int) -> str:
        return self.paths[row].name

    def file(self, row: int) -> Path | None:
        return self.paths[row]


class SceneImages:
    """Scenes, rendered whenever they are needed."""

    def __init__(self, scenes: Sequence[Scene], size_px: int) -> None:
        self.scenes, self.size_px = scenes, size_px

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        picture = render(self.scenes[row], self.size_px)
        return picture, pixel_bytes(picture)

    def hashed(self, row: int) -> bytes:
        return pixel_bytes(render(self.scenes[row], self.size_px))

    def describe(self, row: int) -> str:
        return f"scene {row}"

    def file(self, row: int) -> Path | None:
        return None


def pixel_bytes(picture: Image.Image) -> bytes:
    """What the id of a rendered scene hashes: size and raw pixels."""
    # Not a PNG of it: how that is compressed changes from one version of Pillow to the next. With
    # the size, since pictures of 2x3 and 3x2 can have the same bytes.
    return f"RGB {picture.width}x{picture.height}:".encode() + picture.tobytes()


def open_image(path: Path) -> Image.Image:
    """A file decoded to RGB.

    Raises:
        OSError: the file is missing, truncated or no picture.
        ValueError: it decodes to more pixels than Pillow allows (a decompression bomb).
    """
    # Pillow warns of a large picture and refuses one of twice that size; here both are refused.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as picture:
                return picture.convert("RGB")
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise ValueError(f"decompression bomb: {error}") from error
        # Pillow's word for a broken PNG.
        except SyntaxError as error:
            raise OSError(str(error)) from error


class Manifest:
    """Image ids of a catalog's rows, and which rows could not be read, with the reason.

    Safe to use from threads.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self._ids: dict[int, str] = {}
        self._row_of: dict[str, int] = {}
        self._lock = threading.Lock()
        self.unreadable: dict[int, str] = {}

    def readable(self, row: int) -> bool:
        """Whether the picture decodes; looks at it once."""
        # Without the lock, which most calls then never take: an id, once there, never changes.
        if row in self._ids:
            return True
        with self._lock:
            # Asked again inside: another thread may have looked while this one waited.
            if row in self._ids:
                return True
            if row in self.unreadable:
                return False
            try:
                _, data = self._source.load(row)
            except (OSError, ValueError) as error:
                self.unreadable[row] = f"{self._source.describe(row)}: {error}"
                return False
            self._ids[row] = hashlib.sha256(data).hexdigest()
            self._row_of[self._ids[row]] = row
            return True

    def digest(self, row: int) -> str:
        """The picture's SHA-256, without a look at whether it decodes.

        For pictures that only training reads.

        Raises:
            OSError: its bytes cannot be read.
        """
        return self._ids.get(row) or hashlib.sha256(self._source.hashed(row)).hexdigest()

    def id(self, row: int) -> str:
        """The picture's SHA-256.

        Raises:
            OSError: the picture cannot be read.
        """
        if not self.readable(row):
            raise OSError(self.unreadable[row])
        return self._ids[row]

    def row(self, image_id: str) -> int:
        """The row of an id that this manifest has handed out.

        Raises:
            KeyError: no row was asked for that has this id.
        """
        return self._row_of[image_id]

    def open(self, image_id: str) -> Image.Image:
        """The decoded RGB picture of an id that this manifest has handed out."""
        return self._source.load(self._row_of[image_id])[0]
