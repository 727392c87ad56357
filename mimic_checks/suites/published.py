"""Numbers that others published of a suite, as reference lines: never a threshold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_SHIPPED = Path(__file__).with_name("published.toml")
_ABSENT = "-"
_KEYS = {"source", "suites", "models"}
_MAY_HAVE = {"counted", "labels"}


@dataclass(frozen=True, slots=True)
class Published:
    """A number that somebody published. `percent`: in [0, 100]; `source`: where it stands;
    `counted`: how, "" for the share of right items or what is not said; `labels`: what is known of
    the labels of then; `data`: the hash of the data, as `Suite.data_hash` ("": not known)."""

    model: str
    percent: float
    source: str
    counted: str = ""
    labels: str = ""
    data: str = ""

    def data_is(self, data_hash: str) -> str:
        """Whether it is of the data with this hash, in words."""
        if not self.data:
            return "not known"
        return "the same" if self.data == data_hash else "other data"


@cache
def published(suite: str) -> tuple[Published, ...]:
    """The shipped numbers of a suite, in the order of `published.toml`."""
    return read_published(tomllib.loads(_SHIPPED.read_text())).get(suite, ())


def read_published(tables: Mapping[str, Any]) -> dict[str, tuple[Published, ...]]:
    """Numbers by suite, from the tables of such a file.

    Raises:
        ValueError: a table with other keys, a row of another length, a number that is no percent, a
            remark on a suite that the table does not name.
    """
    found: dict[str, list[Published]] = {}
    for table in tables["table"]:
        _check_table(table)
        for model, row in table["models"].items():
            for suite, value in zip(table["suites"], row, strict=True):
                if value != _ABSENT:
                    found.setdefault(suite, []).append(_one(table, suite, model, value))
    return {suite: tuple(rows) for suite, rows in found.items()}


def _one(table: Mapping[str, Any], suite: str, model: str, value: float) -> Published:
    if not isinstance(value, float) or not 0 <= value <= 100:
        raise ValueError(f"{model!r} on {suite!r}: {value!r} is no percent (a number like 41.7)")
    remarks: Sequence[str] = [table.get(kind, {}).get(suite, "") for kind in ("counted", "labels")]
    return Published(model, value, table["source"], *remarks)


def _check_table(table: Mapping[str, Any]) -> None:
    if not set(table) >= _KEYS or set(table) - _KEYS - _MAY_HAVE:
        raise ValueError(
            f"a table has {sorted(table)}; it needs {sorted(_KEYS)} and may have"
            f" {sorted(_MAY_HAVE)}"
        )
    for kind in _MAY_HAVE:
        if foreign := set(table.get(kind, ())) - set(table["suites"]):
            raise ValueError(f"{table['source']!r}: {kind} of {sorted(foreign)}, not in its suites")
