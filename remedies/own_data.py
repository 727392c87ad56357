"""What a training sees: the procedural samples, and the user's own instruction data beside them by
weight.

Data in: a folder of training data (whose mixture may name own data). Data out: one memory-mapped
`datasets.Dataset`, and the folder that image paths are relative to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimic_checks.errors import RemedyError
from remedies.dataset import features, open_training_data
from remedies.mixture import OwnData

_COLUMNS = ["images", "messages", "length"]


def training_rows(folder: Path) -> tuple[Any, Path]:
    """`images`, `messages`, `length` of everything to train on, and the image root. Own data has
    paths of its own.

    Raises:
        RemedyError: no finished training data, or own data that cannot be read.
    """
    from datasets import concatenate_datasets

    data = open_training_data(folder).select_columns(_COLUMNS)
    about = json.loads((folder / "about.json").read_text())
    root = Path(folder, about["image_root"])
    own = [OwnData.model_validate(entry) for entry in about["mixture"]["own"]]
    procedural = 1 - sum(entry.weight for entry in own)
    rng = np.random.default_rng(about["mixture"]["seed"])
    parts = [data]
    for entry in own:
        rows = _own_rows(entry)
        wanted = round(len(data) * entry.weight / procedural)
        order = np.concatenate(
            [rng.permutation(len(rows)) for _ in range(-(-wanted // len(rows)))]
        )[:wanted]
        parts.append(rows.select(order))
    return concatenate_datasets(parts) if own else data, root


def _own_rows(entry: OwnData) -> Any:
    from datasets import Dataset

    columns = features()
    return Dataset.from_list(
        list(_converted(entry)), features=type(columns)({name: columns[name] for name in _COLUMNS})
    )


def _converted(entry: OwnData) -> Iterator[dict[str, Any]]:
    try:
        records = json.loads(entry.path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RemedyError(
            f"own data {str(entry.path)!r} cannot be read: {error}; give a JSON array of LLaVA"
            " records"
        ) from error
    if not isinstance(records, list) or not records:
        raise RemedyError(
            f"own data {str(entry.path)!r} is empty or no array; give a JSON array of LLaVA records"
        )
    for number, record in enumerate(records):
        try:
            yield _row(record, entry.image_root)
        except (KeyError, TypeError, ValueError) as error:
            raise RemedyError(
                f"own data {str(entry.path)!r}, record {number}: {error!r}; LLaVA records have"
                " image and conversations"
            ) from error


def _row(record: dict[str, Any], root: Path) -> dict[str, Any]:
    """A LLaVA record as chat messages; images without a placeholder come before the first question,
    as LLaVA reads them."""
    given = record.get("image", [])
    images = [given] if isinstance(given, str) else list(given)
    turns = record["conversations"]
    marked = sum(turn["value"].count("<image>") for turn in turns)
    if marked > len(images):
        raise ValueError(f"{marked} <image> placeholders for {len(images)} images")
    roles = {
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
        "system": "system",
    }
    messages = []
    for number, turn in enumerate(turns):
        text = "<image>" * (len(images) - marked if number == 0 else 0) + turn["value"]
        messages.append({"role": roles[turn["from"]], "content": _content(text)})
    paths = [str((root / name).resolve()) for name in images]
    return {"images": paths, "messages": messages, "length": len(images)}


def _content(text: str) -> list[dict[str, str | None]]:
    content: list[dict[str, str | None]] = []
    for number, piece in enumerate(text.split("<image>")):
        if number:
            content.append({"type": "image", "text": None})
        if piece.strip("\n"):
            content.append({"type": "text", "text": piece.strip("\n")})
    return content
