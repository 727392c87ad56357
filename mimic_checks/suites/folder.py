"""Finding a suite's files in a folder, and what all readers refuse."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mimic_checks.errors import SuiteError, first_names
from mimic_checks.suites.item import Refused, SuiteItem

NO_ANSWER = "it has no answer"
"""Why an item is refused whose answer is left blank."""
_HIDDEN_AFTER = 50
"""So many items without an answer, and none with one: the answers are hidden. A file of gigabytes
is not read to its end to find that out."""


def folder_of(suite: str, folder: Path | str) -> Path:
    """The folder of a suite.

    Raises:
        SuiteError: there is none.
    """
    path = Path(folder)
    if not path.is_dir():
        raise SuiteError(f"vlm-suite={suite}:{str(folder)!r} is not a folder")
    return path


def find_one(suite: str, folder: Path | str, names: Sequence[str], what: str) -> Path:
    """The first of several paths (glob patterns, relative to the folder) that is there.

    Raises:
        SuiteError: none is, or a pattern fits several.
    """
    home = folder_of(suite, folder)
    for name in names:
        found = sorted(home.glob(name))
        if len(found) > 1:
            several = first_names([path.name for path in found])
            raise SuiteError(
                f"vlm-suite={suite}:{str(home)!r} has {len(found)} files of {what}: {several};"
                " keep one of them there"
            )
        if found:
            return found[0]
    raise SuiteError(
        f"vlm-suite={suite}:{str(home)!r} has no {what}; looked for"
        f" {' or '.join(repr(name) for name in names)}"
    )


def check_columns(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    """Raises:
    SuiteError: a needed column is missing, or there twice.
    """
    if missing := [name for name in needed if name not in columns]:
        raise SuiteError(
            f"{str(path)!r} has no column {first_names([repr(name) for name in missing])}; it has"
            f" {first_names([repr(name) for name in columns])}"
        )
    if twice := [name for name in needed if columns.count(name) > 1]:
        raise SuiteError(f"{str(path)!r} has column {twice[0]!r} twice")


def csv_rows(path: Path, columns: int | Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file after its header: line number, and the cells of the named columns; of
    so many first columns, whatever they are called, if `columns` is a number.

    Raises:
        SuiteError: not a text file, columns are missing, or a row has not enough cells.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            header = [name.strip() for name in next(rows, [])]
            if isinstance(columns, int):
                places = list(range(columns))
            else:
                check_columns(path, header, columns)
                places = [header.index(name) for name in columns]
            for row in rows:
                if not any(row):
                    continue
                if len(row) <= max(places):
                    raise SuiteError(
                        f"{str(path)!r}, line {rows.line_num}: {len(row)} cells, need"
                        f" {max(places) + 1}"
                    )
                yield rows.line_num, [row[place] for place in places]
    except (csv.Error, UnicodeDecodeError) as error:
        raise SuiteError(f"{str(path)!r} is not a CSV file in UTF-8 ({error})") from error


def json_of(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        SuiteError: it is none.
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise SuiteError(f"{str(path)!r} is not JSON ({error})") from error


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Line number and content of every line that is not blank.

    Raises:
        SuiteError: a line is not JSON.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except ValueError as error:
                    raise SuiteError(f"{str(path)!r}, line {number}: not JSON ({error})") from error


def texts_of(path: Path, place: str, record: Any, fields: Sequence[str]) -> Mapping[str, str]:
    """Fields of a JSON object that must be texts.

    Raises:
        SuiteError: no object, a field that is missing, or none of text.
    """
    if not isinstance(record, dict):
        raise SuiteError(f"{str(path)!r}, {place}: {record!r} is not an object")
    for name in fields:
        if not isinstance(record.get(name), str):
            raise SuiteError(
                f"{str(path)!r}, {place}: {name}={record.get(name)!r} is not allowed; allowed: a"
                " text"
            )
    return {name: record[name] for name in fields}


def is_beside(name: str) -> bool:
    """Whether a file's name leads to a place in the folder of the file that names it."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and "\\" not in name


def not_hidden(
    path: Path, items: Iterator[SuiteItem | Refused], instead: str
) -> Iterator[SuiteItem | Refused]:
    """The same items, unless their answers are left out as in a hidden test split. `instead`: what
    can be read in its place.

    Raises:
        SuiteError: no item has an answer.
    """
    blank: list[Refused] = []
    answered = False
    for item in items:
        if not answered and isinstance(item, Refused) and item.reason == NO_ANSWER:
            blank.append(item)
            if len(blank) == _HIDDEN_AFTER:
                break
            continue
        answered = True
        yield from blank
        blank = []
        yield item
    if blank:
        raise SuiteError(
            f"{str(path)!r} hides its answers (none in the first {len(blank)} items); {instead}"
        )
