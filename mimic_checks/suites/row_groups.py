"""Columns of a Parquet file in parts of its row groups: the last part that was read stays in
memory, so that the pictures of neighbouring rows cost one read, and little more is ever held."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimic_checks.errors import SuiteError

if TYPE_CHECKING:
    import pyarrow.parquet


_PART_BYTES = 64 * 2**20
"""A part has as many rows as fit; the hub's row groups of pictures are one part, most of them."""
_READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `start` to `stop` of a file. `stamp`: size and time of the file that was read;
    `columns`: Arrow arrays of as many values as there are rows."""

    path: Path
    stamp: tuple[int, int]
    start: int
    stop: int
    columns: dict[str, Any]


_last: list[Part] = []
"""The part that this process read last, or none."""
_reading = threading.Lock()


def pyarrow_parquet() -> Any:
    """`pyarrow.parquet`, which only the suites in Parquet files need.

    Raises:
        SuiteError: it is not installed.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise SuiteError(
            "Parquet files are read with pyarrow, which is not installed; run"
            " pip install 'mimic-checks[suites]'"
        ) from error
    return parquet


def opened(path: Path) -> pyarrow.parquet.ParquetFile:
    """The file with its footer read.

    Raises:
        SuiteError: it is no Parquet file, or cannot be read.
    """
    parquet = pyarrow_parquet()
    try:
        return parquet.ParquetFile(path, buffer_size=_READ_BYTES, pre_buffer=False)
    except (OSError, ValueError) as error:  # pyarrow's errors are one of both
        raise SuiteError(f"{path} cannot be read as a Parquet file: {error}") from error


def stream(path: Path, columns: Sequence[str]) -> Iterator[Part]:
    """All parts in order, with these columns.

    Raises:
        SuiteError: the file cannot be read.
    """
    with opened(path) as file:
        for number in range(file.metadata.num_row_groups):
            parts = _parts(file, path, number, columns)
            while True:
                with _reading:
                    _last.clear()  # before the next is read, so that both are never held
                    _last.extend(islice(parts, 1))
                    if not _last:
                        break
                    handed = _last[:]
                yield handed.pop()  # no name here holds it while the next is read


def value_at(path: Path, row: int, column: str) -> Any:
    """The Arrow scalar in a row of the file.

    Raises:
        SuiteError: the file cannot be read.
        OSError: it has no such row or column (any more).
    """
    with _reading:
        part = _cached(path, row)
        if part is None or column not in part.columns:
            part = _with_column(part, path, row, column)
        return part.columns[column][row - part.start]


def _cached(path: Path, row: int) -> Part | None:
    for part in _last:
        if (
            part.path == path
            and part.start <= row < part.stop
            and part.stamp == _stamp(path)  # nobody has written the file anew
        ):
            return part
    return None


def _with_column(known: Part | None, path: Path, row: int, column: str) -> Part:
    """The part that has this row, read anew; it joins the columns that are known of it."""
    if known is None:
        _last.clear()
    with opened(path) as file:
        if not 0 <= row < file.metadata.num_rows:
            raise OSError(f"{path} has {file.metadata.num_rows} rows, no row {row}")
        if column not in file.schema_arrow.names:
            raise OSError(f"{path} has no column {column!r}")
        number = bisect_right(_starts(file), row) - 1
        part = next(part for part in _parts(file, path, number, [column]) if row < part.stop)
    if known is not None and (known.start, known.stop) == (part.start, part.stop):
        part = replace(part, columns=known.columns | part.columns)
    _last[:] = [part]
    return part


def _parts(
    file: pyarrow.parquet.ParquetFile, path: Path, number: int, columns: Sequence[str]
) -> Iterator[Part]:
    """A row group in its parts, whose rows do not depend on the columns."""
    group, start = file.metadata.row_group(number), _starts(file)[number]
    rows = max(1, _PART_BYTES * group.num_rows // max(1, group.total_byte_size))
    try:
        for batch in file.iter_batches(min(rows, 2**20), [number], list(columns)):
            stop = start + batch.num_rows
            found = {name: batch.column(name) for name in columns}
            yield Part(path, _stamp(path), start, stop, found)
            del batch, found
            start = stop
    except (OSError, ValueError) as error:
        raise SuiteError(f"{path}, row group {number}, cannot be read: {error}") from error


def _starts(file: pyarrow.parquet.ParquetFile) -> list[int]:
    """The first row of every group, then the number of rows."""
    metadata = file.metadata
    sizes = (metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    return list(accumulate(sizes, initial=0))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
