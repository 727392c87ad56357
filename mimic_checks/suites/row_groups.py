"""Columns of a Parquet file by row group: the last one that was read stays in memory, so that the
pictures of neighbouring rows cost one read, and no more than a row group is ever held."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimic_checks.errors import SuiteError

if TYPE_CHECKING:
    import pyarrow.parquet


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows `start` to `stop` of a file. `stamp`: size and time of the file that was read;
    `columns`: Arrow arrays of as many values as there are rows."""

    path: Path
    stamp: tuple[int, int]
    start: int
    stop: int
    columns: dict[str, Any]


_last: list[RowGroup] = []
"""The group that this process read last, or none."""
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
        return parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are one of both
        raise SuiteError(f"{path} cannot be read as a Parquet file: {error}") from error


def stream(path: Path, columns: Sequence[str]) -> Iterator[RowGroup]:
    """All row groups in order, with these columns.

    Raises:
        SuiteError: the file cannot be read.
    """
    with opened(path) as file:
        for number in range(file.metadata.num_row_groups):
            with _reading:
                group = _read(file, path, number, columns)
            yield group


def value_at(path: Path, row: int, column: str) -> Any:
    """The Arrow scalar in a row of the file.

    Raises:
        SuiteError: the file cannot be read.
        OSError: it has no such row or column (any more).
    """
    with _reading:
        if not (group := _cached(path, row)) or column not in group.columns:
            with opened(path) as file:
                group = _read(file, path, _group_of(file, path, row), [column])
        return group.columns[column][row - group.start]


def _cached(path: Path, row: int) -> RowGroup | None:
    for group in _last:
        if (
            group.path == path
            and group.start <= row < group.stop
            and group.stamp == _stamp(path)  # nobody has written the file anew
        ):
            return group
    return None


def _group_of(file: pyarrow.parquet.ParquetFile, path: Path, row: int) -> int:
    if not 0 <= row < file.metadata.num_rows:
        raise OSError(f"{path} has {file.metadata.num_rows} rows, no row {row}")
    return bisect_right(_starts(file), row) - 1


def _read(
    file: pyarrow.parquet.ParquetFile, path: Path, number: int, columns: Sequence[str]
) -> RowGroup:
    """A row group with at least these columns; it replaces the last one, or joins it."""
    starts = _starts(file)
    start, stop = starts[number], starts[number + 1]
    known: dict[str, Any] = {}
    if group := _cached(path, start):
        known = group.columns
    _last.clear()  # before the next is read, so that both are never held
    if wanting := [name for name in columns if name not in known]:
        if lacking := [name for name in wanting if name not in file.schema_arrow.names]:
            raise OSError(f"{path} has no column {lacking[0]!r}")
        try:
            table = file.read_row_group(number, wanting)
        except (OSError, ValueError) as error:
            raise SuiteError(f"{path}, row group {number}, cannot be read: {error}") from error
        known = known | {name: table.column(name) for name in wanting}
    _last.append(RowGroup(path, _stamp(path), start, stop, known))
    return _last[0]


def _starts(file: pyarrow.parquet.ParquetFile) -> list[int]:
    """The first row of every group, then the number of rows."""
    metadata = file.metadata
    sizes = (metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    return list(accumulate(sizes, initial=0))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
