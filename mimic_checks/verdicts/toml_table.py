"""TOML files of users: read, and searched for typing mistakes."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mimic_checks.errors import UsageError


def read_toml(name: str, path: Path, error: type[UsageError]) -> dict[str, Any]:
    """The tables of a file; `name` is what the option is called.

    Raises:
        UsageError: as the `error` given: a file that cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as problem:
        raise error(
            f"{name}={str(path)!r} cannot be read: {problem.strerror}; give a TOML file"
        ) from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise error(f"{name}={str(path)!r} is not valid TOML: {problem}") from problem


def closest(word: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or all that is allowed."""
    options = sorted(allowed)
    close = difflib.get_close_matches(word, options, n=1)
    return (
        f"; did you mean {close[0]!r}?" if close else f"; allowed: {', '.join(map(repr, options))}"
    )
