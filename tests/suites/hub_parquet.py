"""Files as the hub has them, written by `datasets` itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet


def write(
    path: Path,
    columns: Mapping[str, Sequence[Any]],
    *,
    images: Sequence[str] = (),
    lists: Sequence[str] = (),
    group: int = 0,
) -> Path:
    """Writes columns through `datasets` as the hub's files are: `images` hold a picture's bytes or
    None, `lists` lists of them; row groups of so many rows (0: one)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = dict(columns)
    for name in images:
        shown[name] = [_cell(data) for data in columns[name]]
    for name in lists:
        shown[name] = [[_cell(data) for data in cell] for cell in columns[name]]
    features = datasets.Dataset.from_dict(shown).features
    for name in images:
        features[name] = datasets.Image()
    for name in lists:
        features[name] = datasets.List(datasets.Image())
    data = datasets.Dataset.from_dict(shown, features=features)
    data.to_parquet(path)
    if group:
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path), path, row_group_size=group)
    return path


def _cell(data: bytes | None) -> dict[str, Any] | None:
    return None if data is None else {"bytes": data, "path": None}
