"""How results reach the disk: one format version, files that are there whole or not at all, lines
of JSON that end at "\\n" and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from mimic_checks.characters import whole
from mimic_checks.errors import InvalidArgument, RunFolderError
from mimic_checks.runs.whole_file import replace_file

SCHEMA: Final = 2
"""The format of run folders, case sets and baselines; any other is refused, never guessed at.
Version 0.1 wrote none."""


class Stored(BaseModel):
    """A value on disk: read back, it equals what was written."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    def __init__(self, **values: Any) -> None:
        # Reasons and notes quote messages and file names, which may hold what no file can.
        super().__init__(**{name: _whole(value) for name, value in values.items()})


Model = TypeVar("Model", bound=BaseModel)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, tuple | list):
        return type(value)(map(_whole, value)) if type(value) in (tuple, list) else value
    if type(value) is dict:
        return {_whole(key): _whole(item) for key, item in value.items()}
    return value


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whenever this process is stopped.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        replace_file(path, data)
    except OSError as error:
        raise RunFolderError(
            f"{str(path)!r} cannot be written: {error.strerror}; free the disk, or make the folder"
            " writable, and run again with the same output folder: answered batches are kept"
        ) from error


def numbered_lines(data: bytes) -> list[tuple[int, bytes]]:
    """The lines of a file that are not empty, numbered from 1. Answers may hold U+2028 and other
    ends of lines of `str.splitlines`, which end no line of a file."""
    return [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line]


def read_models(kind: type[Model], path: Path) -> list[Model]:
    """The models that a file holds, one a line.

    Raises:
        RunFolderError: a line that cannot be read, by its number.
    """
    return [
        parse_model(kind, line, f"{path}:{number}")
        for number, line in numbered_lines(path.read_bytes())
    ]


def parse_model(kind: type[Model], data: bytes, source: object) -> Model:
    """A model from its JSON; `source` names it in errors.

    Raises:
        RunFolderError: it is none.
    """
    try:
        return kind.model_validate_json(data)
    except (ValidationError, InvalidArgument) as error:
        raise RunFolderError(
            f"{str(source)!r} is not a {kind.__name__}: {first_problem(error)}"
        ) from error


def first_problem(error: ValidationError | InvalidArgument) -> str:
    """What is wrong with a value that was read, in short."""
    if isinstance(error, InvalidArgument):
        return str(error)
    first = error.errors()[0]
    return f"{first['loc']}: {first['msg']}"
