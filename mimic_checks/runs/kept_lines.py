"""What is found out beside the answers, a line each, on the disk as it is found: a run that is
taken up again goes on behind the last whole line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from mimic_checks.errors import RunFolderError

T = TypeVar("T")


def kept_lines(path: Path, parse: Callable[[dict[str, Any]], T]) -> Iterator[T]:
    """The entries of a file, none where there is none yet. A last line without its end was cut off:
    it is taken away, so that what is appended next begins a line of its own.

    Raises:
        RunFolderError: a line that `parse` cannot read.
    """
    data = path.read_bytes() if path.is_file() else b""
    whole, _, cut = data.rpartition(b"\n")
    if cut:
        path.write_bytes(whole + b"\n" if whole else b"")
    for number, line in enumerate(whole.split(b"\n") if whole else (), start=1):
        try:
            entry = parse(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise RunFolderError(
                f"{str(path)!r}, line {number} is broken ({error}); delete the file: what it held"
                " is asked again"
            ) from error
        yield entry
