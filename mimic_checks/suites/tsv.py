"""TSV files with pictures in their cells, row by row, each picture by its place in the file.

A cell is bare, or in double quotes, within which a quote is doubled and a line may end. A cell of
pictures is base64 text, a list of such texts (Python's or JSON's notation), or the index of another
row whose pictures it shares.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mimic_checks.errors import SuiteError
from mimic_checks.suites.folder import check_columns

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_AROUND = b" \r\n'\""
"""What stands around a text in a list."""
_ENDS = 64
"""Bytes of a picture's text that are looked at before it is read."""
_MOST_REFERENCE = 64
"""A longer cell of pictures is a picture, a shorter one another row's index: no picture is so
small."""


@dataclass(frozen=True, slots=True)
class Base64Picture:
    """A picture as base64 text, `length` bytes from `offset` of a TSV file; `row` from 1, and its
    number in the cell's list (None: the cell is one picture)."""

    path: Path
    row: int
    column: str
    offset: int
    length: int
    index: int | None = None

    @property
    def name(self) -> str:
        place = "" if self.index is None else f"[{self.index}]"
        return f"{self.path.name} row {self.row} {self.column}{place}"

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.offset)
            text = file.read(self.length)
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise OSError(f"{self.name} is not base64 ({error})") from error


@dataclass(frozen=True, slots=True)
class TsvCell:
    """What stands in a cell, as in the file; `offset`: where, in bytes."""

    offset: int
    content: bytes
    quoted: bool

    @property
    def text(self) -> str:
        raw = self.content.replace(b'""', b'"') if self.quoted else self.content
        return raw.decode()


@dataclass(frozen=True, slots=True)
class TsvRow:
    """A row by its number from 1; its cells by column."""

    path: Path
    number: int
    cells: Mapping[str, TsvCell]

    def text(self, column: str) -> str:
        """The words of a cell, "" where there is no such column.

        Raises:
            SuiteError: they are not UTF-8.
        """
        if column not in self.cells:
            return ""
        try:
            return self.cells[column].text
        except UnicodeDecodeError as error:
            raise SuiteError(
                f"{str(self.path)!r}, row {self.number}: {column} is not UTF-8 ({error})"
            ) from error

    def pictures(self, column: str) -> tuple[Base64Picture, ...] | str | None:
        """The pictures of a cell; the index of the row that has them; None where it is neither."""
        cell = self.cells[column]
        content = cell.content
        if content[:1] == b"[" and content[-1:] == b"]":
            spans = _list_spans(content)
        elif len(content) <= _MOST_REFERENCE:
            return self.text(column) or None
        else:
            spans = [(0, len(content))]
        if not all(_like_base64(content, start, end) for start, end in spans):
            return None
        listed = content[:1] == b"["
        return tuple(
            Base64Picture(
                self.path,
                self.number,
                column,
                cell.offset + start,
                end - start,
                index if listed else None,
            )
            for index, (start, end) in enumerate(spans)
        )


def tsv_rows(path: Path, needed: tuple[str, ...]) -> Iterator[TsvRow]:
    """The rows of a file after its header, one in memory at a time.

    Raises:
        SuiteError: a needed column is missing, a row has another number of cells than the header,
            or a quoted cell does not end.
    """
    with path.open("rb") as file:
        start = 3 if file.read(3) == b"\xef\xbb\xbf" else 0
        file.seek(start)
        records = _records(path, file, start)
        header = [cell.text for cell in next(records, [])]
        check_columns(path, header, needed)
        for number, cells in enumerate(records, start=1):
            if len(cells) != len(header):
                raise SuiteError(
                    f"{str(path)!r}, row {number}: {len(cells)} cells under {len(header)} columns"
                )
            yield TsvRow(path, number, dict(zip(header, cells, strict=True)))


def _records(path: Path, file: BinaryIO, offset: int) -> Iterator[list[TsvCell]]:
    while line := file.readline():
        if not line.strip(b"\r\n"):
            offset += len(line)
            continue
        cells: list[TsvCell] = []
        at = 0
        while True:
            cell, line, at = _cell(path, file, line, at, offset)
            cells.append(cell)
            if line[at : at + 1] != b"\t":
                break
            at += 1
        if line[at:].strip(b"\r\n"):
            raise SuiteError(
                f"{str(path)!r}: text after the closing quote of cell {len(cells)} of the row at"
                f" byte {offset}"
            )
        yield cells
        offset += len(line)


def _cell(
    path: Path, file: BinaryIO, line: bytes, at: int, offset: int
) -> tuple[TsvCell, bytes, int]:
    """The cell that begins there, the line (longer, if the cell goes on after its end), and where
    the cell ends in it."""
    if line[at : at + 1] != b'"':
        end = line.find(b"\t", at)
        end = end if end >= 0 else len(line.rstrip(b"\r\n"))
        return TsvCell(offset + at, line[at:end], False), line, end
    end = at + 1
    while True:
        quote = line.find(b'"', end)
        if quote < 0:
            end = len(line)
            more = file.readline()
            if not more:
                raise SuiteError(f"{str(path)!r}: the quote at byte {offset + at} never closes")
            line += more
        elif line[quote + 1 : quote + 2] == b'"':
            end = quote + 2
        else:
            return TsvCell(offset + at + 1, line[at + 1 : quote], True), line, quote + 1


def _list_spans(content: bytes) -> list[tuple[int, int]]:
    """Where the texts of a list stand, without their quotes; base64 has no comma."""
    spans = []
    start, last = 1, len(content) - 1
    while start <= last:
        comma = content.find(b",", start, last)
        end = comma if comma >= 0 else last
        first, behind = start, end
        while first < behind and content[first] in _AROUND:
            first += 1
        while first < behind and content[behind - 1] in _AROUND:
            behind -= 1
        spans.append((first, behind))
        start = end + 1
    return spans


def _like_base64(content: bytes, start: int, end: int) -> bool:
    """Whether both ends of a text are base64; what is between is looked at when it is read."""
    first, last = content[start : start + _ENDS], content[max(start, end - _ENDS) : end]
    padding = len(last) - len(last.rstrip(b"="))
    return (
        end > start
        and (end - start) % 4 == 0
        and padding <= 2
        and not (first.rstrip(b"=") + last.rstrip(b"=")).translate(None, _BASE64)
    )
