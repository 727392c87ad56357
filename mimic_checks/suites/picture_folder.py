"""Pictures that a suite's table names by their paths: files of a folder, or members of the archives
that were downloaded and not unpacked."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from mimic_checks.suites.item import Unusable
from mimic_checks.suites.pictures import FilePicture, Picture


@dataclass(frozen=True, slots=True)
class ZipPicture:
    """A picture in an archive."""

    archive: Path
    member: str

    @property
    def name(self) -> str:
        return f"{self.archive.name}/{self.member}"

    def read(self) -> bytes:
        try:
            return _opened(self.archive, *_stamp(self.archive)).read(self.member)
        except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise OSError(f"{self.name}: {error}") from error


class PictureFolder:
    """Where a suite's pictures are: `folder`, and in it every `*.zip`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archives = sorted(folder.glob("*.zip"))
        self._members: dict[Path, frozenset[str]] = {}

    def picture(self, path: str) -> Picture:
        """The picture at a path of the table (`./images/a.png`). In an archive it stands under the
        same path, with or without the archive's own name in front.

        Raises:
            Unusable: it is nowhere, or the path leads out of the folder.
        """
        parts = [part for part in PurePosixPath(path).parts if part != "."]
        if not parts or ".." in parts or PurePosixPath(path).is_absolute():
            raise Unusable(f"its picture {path!r} is no path in the folder")
        inside = "/".join(parts)
        if (self._folder / inside).is_file():
            return FilePicture(self._folder / inside)
        for archive in self._archives:
            names = [inside] if parts[0] != archive.stem else [inside, "/".join(parts[1:])]
            for name in names:
                if name in self._names(archive):
                    return ZipPicture(archive, name)
        raise Unusable(f"its picture {path!r} is missing")

    def _names(self, archive: Path) -> frozenset[str]:
        if archive not in self._members:
            try:
                with zipfile.ZipFile(archive) as file:
                    self._members[archive] = frozenset(file.namelist())
            except (OSError, zipfile.BadZipFile) as error:
                raise Unusable(f"the archive {archive.name} cannot be read: {error}") from error
        return self._members[archive]


def _stamp(path: Path) -> tuple[int, int, int]:
    """Process, size and time: an archive that was written anew, or opened before a fork, is opened
    again."""
    status = path.stat()
    return os.getpid(), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=8)
def _opened(path: Path, process: int, size: int, time: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
