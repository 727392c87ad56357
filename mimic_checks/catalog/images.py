"""Where a catalog's pictures come from, and their identity.

An image's id is the SHA-256 of its file's bytes, or of a rendered scene's size and pixels. It is
made once per catalog and picture, when the picture is first needed; the same look decides whether
the picture can be read, so a broken file is known before a model sees it.

Foreign files are opened here and nowhere else: only the formats of `FORMATS` (Pillow starts other
programs for some), turned as their EXIF orientation says, in RGB.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from PIL import ExifTags, Image, UnidentifiedImageError

from mimic_checks.catalog.pixels import as_rgb
from mimic_checks.catalog.scene import Scene, render
from mimic_checks.errors import CatalogError, message_of

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""What is opened; of animations and files of several pictures, the first."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the stored pixels into the shown picture."""
SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""
_TAIL_BYTES = 256
_HEADERS = threading.Lock()
"""`warnings.catch_warnings` changes the whole process: one thread at a time."""


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
        data = self.hashed(row)
        return decode(data), data

    def hashed(self, row: int) -> bytes:
        # A pipe or a device would be waited for without an end.
        if self.paths[row].exists() and not self.paths[row].is_file():
            raise OSError("no regular file")
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


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture's file says before it is decoded. `width`, `height`: of the stored pixels;
    `orientation`: 1, or a key of `TURNS`; `mark`: equal for equal files, and hardly for others."""

    width: int
    height: int
    orientation: int
    mark: tuple[int, bytes]

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height of the stored pixels."""
        return self.width, self.height

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height of the picture as it is shown."""
        return self.stored[::-1] if self.orientation in SIDEWAYS else self.stored


def look_at(path: Path) -> Look:
    """The size and orientation of a picture's file; raises as `open_image`."""
    with path.open("rb") as file:
        picture, orientation = _opened(file)
        size = picture.size
        # Pillow gives a TIFF file's size as it is shown.
        if picture.format == "TIFF" and orientation in SIDEWAYS:
            size = size[::-1]
        length = os.fstat(file.fileno()).st_size
        file.seek(max(0, length - _TAIL_BYTES))
        return Look(*size, orientation, (length, file.read(_TAIL_BYTES)))


def look_into(data: bytes) -> None:
    """Whether a file's bytes begin like a picture that can be opened; raises as `open_image`."""
    _opened(io.BytesIO(data))


def open_image(path: Path) -> Image.Image:
    """A file decoded to RGB, turned as it is to be shown.

    Raises:
        OSError: the file is missing, truncated or no picture of a format in `FORMATS`.
        ValueError: it decodes to more pixels than Pillow allows (a decompression bomb), or to what
            has no form in RGB.
    """
    return decode(path.read_bytes())


def decode(data: bytes) -> Image.Image:
    """`open_image` of a file's bytes."""
    picture, orientation = _opened(io.BytesIO(data))
    with picture, _as_reason():
        picture.load()
        # Pillow turns TIFF files itself.
        if orientation in TURNS and picture.format != "TIFF":
            return as_rgb(picture.transpose(TURNS[orientation]))
        return as_rgb(picture)


def _opened(file: BinaryIO) -> tuple[Image.Image, int]:
    """A picture that is not decoded yet, and its orientation."""
    with _HEADERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Pillow warns of a large picture and refuses one of twice that size; here both are refused.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with _as_reason():
            picture = Image.open(file, formats=FORMATS)
        return picture, _orientation(picture)


def _orientation(picture: Image.Image) -> int:
    try:
        # Not the method of PNG files, which decodes the whole picture to find what stands after
        # it. So turned is what says so before its pixels, here as in browsers.
        found = Image.Image.getexif(picture).get(ExifTags.Base.Orientation, 1)
        return int(found) if found in TURNS else 1
    except Exception:  # broken EXIF data raise whatever their bytes lead to
        return 1


@contextmanager
def _as_reason() -> Iterator[None]:
    """Turns whatever Pillow raises at a file's bytes into the two errors of `open_image`."""
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ValueError(f"decompression bomb: {error}") from error
    except UnidentifiedImageError as error:
        raise OSError(f"no picture of a format that is opened ({', '.join(FORMATS)})") from error
    except (OSError, ValueError):
        raise
    # Its readers raise SyntaxError, struct.error, IndexError, ... where bytes mean nothing.
    except Exception as error:
        raise OSError(f"broken: {message_of(error)}") from error


class Manifest:
    """Image ids of a catalog's rows, and which rows could not be read, with the reason.

    A picture that stands under two rows is the first one's that is looked at; the other counts as
    unreadable, so that no case shows it twice. `alike` says whether the same is known of two rows:
    one picture with different labels has no true answer. `rows`: how many there are, if known.
    Safe to use from threads.
    """

    def __init__(
        self,
        source: ImageSource,
        alike: Callable[[int, int], bool] = lambda first, second: True,
        *,
        rows: int | None = None,
    ) -> None:
        self._source, self._alike, self._rows = source, alike, rows
        self._ids: dict[int, str] = {}
        self._row_of: dict[str, int] = {}
        self._lock = threading.Lock()
        self.unreadable: dict[int, str] = {}

    def hand_out(self, ids: Sequence[str]) -> None:
        """Takes over the ids of all rows from somebody who has looked at the pictures already."""
        with self._lock:
            self._row_of |= {image_id: row for row, image_id in enumerate(ids)}
            self._ids |= dict(enumerate(ids))

    def knows(self, image_id: str) -> bool:
        """Whether it has handed out this id."""
        return image_id in self._row_of

    def readable(self, row: int) -> bool:
        """Whether the picture decodes; looks at it once.

        Raises:
            CatalogError: it is the picture of another row too, of which something else is known.
        """
        # Without the lock, which most calls then never take: an id, once there, never changes.
        if row in self._ids:
            return True
        if row < 0 or (self._rows is not None and row >= self._rows):
            return False
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
            image_id = hashlib.sha256(data).hexdigest()
            if (first := self._row_of.get(image_id)) is not None:
                self.unreadable[row] = self._repeated(first, row)
                return False
            # The id last: a thread that sees it without the lock goes on to ask for its row.
            self._row_of[image_id] = row
            self._ids[row] = image_id
            return True

    def _repeated(self, first: int, row: int) -> str:
        names = self._source.describe(first), self._source.describe(row)
        if not self._alike(first, row):
            raise CatalogError(
                f"images {names[0]!r} and {names[1]!r} are one picture with different labels; keep"
                " the entry that is right"
            )
        return f"{names[1]}: the same picture as {names[0]}"

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
            raise OSError(self.unreadable.get(row, f"there is no row {row}"))
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
