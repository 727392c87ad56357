"""MMVP-VLM (2401.06209): of two pictures, which fits a statement? Pairs for encoders of pictures
and texts, nine patterns; a pair counts if both of its statements find their picture.

`Questions.csv` is read by the place of its columns (number, pattern, statement), as the official
script does; rows follow each other in pairs, and the pictures are `<pattern>/<number>.jpg`. The
official scorer is for encoders (`"a photo of " + statement`, softmax over the two pictures); as a
suite the same matching is asked of a VLM, which is nobody's official question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mimic_checks.errors import SuiteError
from mimic_checks.suites.folder import csv_rows, find_one, is_beside
from mimic_checks.suites.item import Refused, SuiteItem, choice_of
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.prompts import ours
from mimic_checks.suites.suite_format import SuiteFormat

# The readme's name, the script's, and a download without a space in it.
_HOMES = ("MMVP_VLM_Images", "MLLM_VLM Images", "MLLM_VLM_Images")


@dataclass(frozen=True, slots=True)
class StatementPair:
    """Two pictures that an encoder takes for one, and a statement that fits each of them alone.
    `number`: the file's own of the first, from which patterns are told apart officially."""

    number: int
    pattern: str
    statements: tuple[str, str]
    pictures: tuple[FilePicture, FilePicture]

    @property
    def id(self) -> str:
        return f"{self.number}/{self.number + 1}"


def read_pairs(folder: Path | str) -> Iterator[StatementPair | Refused]:
    """The pairs, in the order of the file; a `Refused` in place of one without its pictures.

    Raises:
        SuiteError: files are missing, or rows that are no pair.
    """
    path = _questions(folder)
    home = find_one("mmvp_vlm", folder, _HOMES, "folder of pictures")
    rows = csv_rows(path, 3)
    for line, first in rows:
        _, second = next(rows, (0, None))
        if second is None:
            raise SuiteError(f"{str(path)!r}, line {line}: row {first[0]!r} has no second row")
        pair = _pair(path, line, home, first, second)
        missing = [picture.name for picture in pair.pictures if not picture.path.is_file()]
        if missing:
            yield Refused(pair.id, f"its picture {pair.pattern}/{missing[0]} is missing")
        else:
            yield pair


def _pair(path: Path, line: int, home: Path, first: list[str], second: list[str]) -> StatementPair:
    numbers = [row[0].strip() for row in (first, second)]
    pattern, other = (row[1].strip() for row in (first, second))
    # An odd number is the first picture of a pair: that is the official answer key.
    good = all(number.isdecimal() for number in numbers) and int(numbers[0]) % 2 == 1
    if not good or int(numbers[1]) != int(numbers[0]) + 1:
        raise SuiteError(
            f"{str(path)!r}, line {line}: rows {numbers[0]!r} and {numbers[1]!r} are no pair;"
            " allowed: an odd number, then the next one"
        )
    if not is_beside(pattern) or pattern != other:
        raise SuiteError(
            f"{str(path)!r}, line {line}: the rows of a pair have the patterns {pattern!r} and"
            f" {other!r}; allowed: one pattern, the name of a folder"
        )
    pictures = (
        FilePicture(home / pattern / f"{numbers[0]}.jpg"),
        FilePicture(home / pattern / f"{numbers[1]}.jpg"),
    )
    statements = (first[2].strip(), second[2].strip())
    return StatementPair(int(numbers[0]), pattern, statements, pictures)


def _questions(folder: Path | str) -> Path:
    return find_one("mmvp_vlm", folder, ["Questions.csv"], "questions")


def _read(folder: Path) -> Iterator[SuiteItem | Refused]:
    for pair in read_pairs(folder):
        if isinstance(pair, Refused):
            yield from (Refused(id_, pair.reason) for id_ in pair.id.split("/"))
            continue
        options = ((0,), (1,))
        for place, statement in enumerate(pair.statements):
            yield SuiteItem(
                id=str(pair.number + place),
                category=pair.pattern,
                question=(f'Which image fits "a photo of {statement}"?',),
                truth=choice_of(place, options),
                images=pair.pictures,
                options=options,
                group=pair.id,
            )


def _categories(folder: Path) -> list[str]:
    path = _questions(folder)
    return list(dict.fromkeys(row[1].strip() for _, row in csv_rows(path, 3)))


def _key(folder: Path) -> str:
    return "odd numbers fit the first picture, even ones the second"


MMVP_VLM = SuiteFormat(
    name="mmvp_vlm",
    title="MMVP-VLM, asked of a VLM",
    read=_read,
    categories=_categories,
    key=_key,
    templates={"ours": ours},
    grouped=True,
)
