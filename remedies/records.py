"""What made training data, adapters and proofs, in files that are there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mimic_checks.errors import RemedyError
from mimic_checks.runs.whole_file import replace_file


def write_record(path: Path, record: Any) -> None:
    """Writes a JSON file.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, json.dumps(record, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text file.

    Raises:
        OSError: it cannot be written.
    """
    replace_file(path, text.encode())


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object from its file.

    Raises:
        RemedyError: it cannot be read; names the file.
    """
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise RemedyError(
            f"{str(path)!r} cannot be read ({error}); move its folder away and give the command"
            " that made it again"
        ) from error
    if not isinstance(record, dict):
        raise RemedyError(
            f"{str(path)!r} holds no JSON object; move its folder away and give the command that"
            " made it again"
        )
    return record
