"""Pictures of suites: where their bytes are, so that no more than one row is held in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mimic_checks.suites.row_groups import value_at


class Picture(Protocol):
    """A picture in a suite's files; small, comparable, and it pickles."""

    @property
    def name(self) -> str:
        """What a person calls it: a file name, or row and column."""

    def read(self) -> bytes:
        """The bytes of its file.

        Raises:
            OSError: they cannot be read.
        """


@dataclass(frozen=True, slots=True)
class FilePicture:
    """A picture that is a file of its own."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def read(self) -> bytes:
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture in a column of a Parquet file: `row` of the file, `index` in the cell's list
    (None: the cell is one picture)."""

    path: Path
    row: int
    column: str
    index: int | None = None

    @property
    def name(self) -> str:
        place = "" if self.index is None else f"[{self.index}]"
        return f"{self.path.name} row {self.row} {self.column}{place}"

    def read(self) -> bytes:
        value = value_at(self.path, self.row, self.column)
        if self.index is not None:
            pictures = len(value) if value.is_valid else 0
            if not 0 <= self.index < pictures:
                raise OSError(f"{self.name}: the cell holds {pictures} pictures")
            value = value[self.index]
        found = value.as_py()
        data = found.get("bytes") if isinstance(found, dict) else found
        if isinstance(data, bytes):
            return data
        path = found.get("path") if isinstance(found, dict) else None
        where = f", only their path {path!r}" if path else ""
        raise OSError(f"{self.name}: the cell holds no bytes of a picture{where}")
