"""Rows of a suite's Parquet files, one at a time, pictures as the places where their bytes are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from mimic_checks.errors import SuiteError, first_names
from mimic_checks.suites.item import Unusable
from mimic_checks.suites.pictures import Cell
from mimic_checks.suites.row_groups import Part, opened, stream

SPLITS = ("train", "val", "validation", "dev", "test")
"""Words that say in a file's name, or in that of a folder, which split it holds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file. `number`: from 0. `values`: by column, as plain Python values; `pictures`:
    of every image column those that are there, in order."""

    path: Path
    number: int
    values: Mapping[str, Any]
    pictures: Mapping[str, tuple[Cell, ...]]

    @property
    def place(self) -> str:
        """Where a person finds it."""
        return f"{self.path.name} row {self.number}"

    def text(self, column: str) -> str:
        """A value as text; "" where there is none.

        Raises:
            SuiteError: neither text nor a number.
        """
        value = self.values[column]
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._unlike(column, "a text")
        return str(value)

    def texts(self, column: str) -> tuple[str, ...]:
        """A value that is a list of texts; () where there is none.

        Raises:
            SuiteError: it is none.
            Unusable: one of the texts is missing.
        """
        value = self.values[column]
        if value is None:
            return ()
        if isinstance(value, list) and None in value:
            raise Unusable(f"number {value.index(None) + 1} of its {column} is missing")
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self._unlike(column, "a list of texts")
        return tuple(value)

    def _unlike(self, column: str, wanted: str) -> SuiteError:
        return SuiteError(
            f"{self.place}: {column}={self.values[column]!r:.200} is not what the suite has there;"
            f" allowed: {wanted}"
        )


def shards(folder: Path, split: str = "") -> list[Path]:
    """All Parquet files of a folder, of one split if their names tell splits apart, by name.

    Raises:
        SuiteError: there are none.
    """
    if not folder.exists():
        raise SuiteError(f"folder={str(folder)!r} does not exist; give the folder of the files")
    if folder.is_file():
        return [folder]
    files = sorted(folder.rglob("*.parquet"))
    wanted = {"val", "validation"} if split in ("val", "validation") else {split}
    chosen = [
        path
        for path in files
        if not split or _split_of(path.relative_to(folder)) in (wanted | {""})
    ]
    if not chosen:
        names = [str(path.relative_to(folder)) for path in files]
        raise SuiteError(
            f"folder={str(folder)!r} holds no Parquet file"
            + (f" of split {split!r}, only {first_names(names)}" if names else "")
            + "; give the folder into which the data set was downloaded"
        )
    return chosen


def rows(
    files: Sequence[Path], columns: Sequence[str], images: Sequence[str] = ()
) -> Iterator[Row]:
    """The rows of all files in order, with these columns, `images` those of pictures: each a
    picture or none, or a list of them. Holds one part of a row group at a time; decodes no picture.

    Raises:
        SuiteError: a file cannot be read, or lacks a column; before the first row is given.
    """
    for path in files:
        _check_columns(path, columns, images)
    return _rows(files, columns, images)


def distinct(files: Sequence[Path], column: str) -> list[str]:
    """The values of a column of texts, each once, as they first stand; reads nothing else.

    Raises:
        SuiteError: a file cannot be read, or lacks the column.
    """
    return list(dict.fromkeys(row.text(column) for row in rows(files, [column])))


def in_order(found: Iterable[str], known: Sequence[str]) -> list[str]:
    """Categories in the order of the suite's paper, unknown ones after them."""
    there = dict.fromkeys(found)
    return [*(name for name in known if name in there), *(n for n in there if n not in known)]


def _rows(files: Sequence[Path], columns: Sequence[str], images: Sequence[str]) -> Iterator[Row]:
    for path in files:
        for part in stream(path, [*columns, *images]):
            values = [part.columns[name].to_pylist() for name in columns]
            pictures = [_cells(part, name) for name in images]
            start, stop = part.start, part.stop
            del part  # else its bytes are held while the next part is read
            for at in range(stop - start):
                yield Row(
                    path,
                    start + at,
                    {name: found[at] for name, found in zip(columns, values, strict=True)},
                    {name: found[at] for name, found in zip(images, pictures, strict=True)},
                )


def _cells(part: Part, column: str) -> list[tuple[Cell, ...]]:
    """Where the pictures of every row are."""
    import pyarrow.compute as compute
    import pyarrow.types as types

    array = part.columns[column]
    path, start = part.path, part.start
    if not types.is_list(array.type) and not types.is_large_list(array.type):
        return [
            (Cell(path, start + at, column),) if is_there else ()
            for at, is_there in enumerate(_there(array).to_pylist())
        ]
    lengths = compute.fill_null(compute.list_value_length(array), 0).to_pylist()
    return [
        tuple(Cell(path, start + at, column, index) for index in range(length))
        for at, length in enumerate(lengths)
    ]


def _there(array: Any) -> Any:
    """Of every value, whether it says anything of a picture: bytes, or at least a path."""
    import pyarrow.compute as compute
    import pyarrow.types as types

    if not types.is_struct(array.type):
        return array.is_valid()
    said = [part.is_valid() for part in array.flatten()]  # null where the struct is
    return reduce(compute.or_, said)


def _check_columns(path: Path, columns: Sequence[str], images: Sequence[str]) -> None:
    with opened(path) as file:
        schema = file.schema_arrow
    if missing := [name for name in (*columns, *images) if name not in schema.names]:
        raise SuiteError(
            f"{path} has no column {', '.join(map(repr, missing))}; it has"
            f" {first_names([repr(name) for name in schema.names])}: give the files of this suite,"
            " as they were published"
        )
    for name in images:
        if not _holds_pictures(schema.field(name).type):
            raise SuiteError(
                f"{path}: column {name!r} is of type {schema.field(name).type}; allowed: the bytes"
                " of a picture's file, alone or as a struct of bytes and path, or lists of those"
            )


def _holds_pictures(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_list(kind) or types.is_large_list(kind):
        kind = kind.value_type
    if types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        return "bytes" in names and _holds_bytes(kind.field("bytes").type)
    return _holds_bytes(kind)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _split_of(path: Path) -> str:
    """The split that a file's name says, or that of the folder next above; "" if none does."""
    for part in reversed(path.parts):
        word = re.split(r"[-.]", part)[0]
        if word in SPLITS:
            return word
    return ""
