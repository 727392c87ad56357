"""What a training sees: the procedural samples, and the user's own instruction data beside them.

Own data is read when a training starts, not when the procedural data is made: its pictures stay
where they are, and it may change in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mimic_checks.errors import RemedyError
from remedies.columns import features
from remedies.dataset import open_training_data
from remedies.mixture import OwnData
from remedies.records import read_record

_COLUMNS = ["images", "messages", "length"]


def training_rows(folder: Path) -> tuple[Any, Path]:
    """Everything to train on, as one memory-mapped `datasets.Dataset`, and the image root.

    The columns are `images`, `messages` and `length`; paths of own data are absolute.

    Raises:
        RemedyError: no finished training data, or own data that cannot be read.
    """
    from datasets import concatenate_datasets

    data = open_training_data(folder).select_columns(_COLUMNS)
    about = read_record(folder / "about.json")
    root = Path(folder, about["image_root"])
    entries = [OwnData.model_validate(entry) for entry in about["mixture"]["own"]]
    procedural = 1 - sum(entry.weight for entry in entries)
    rng = np.random.default_rng(about["mixture"]["seed"])
    parts = [data]
    for entry in entries:
        rows = _own_rows(entry)
        wanted = round(len(data) * entry.weight / procedural)
        # As often through all of it as the weight asks for, in a new order each time.
        rounds = -(-wanted // len(rows))
        order = np.concatenate([rng.permutation(len(rows)) for _ in range(rounds)])[:wanted]
        parts.append(rows.select(order))
    return concatenate_datasets(parts) if entries else data, root


def _own_rows(entry: OwnData) -> Any:
    from datasets import Dataset

    columns = features()
    own_columns = type(columns)({name: columns[name] for name in _COLUMNS})
    return Dataset.from_list(list(_converted(entry)), features=own_columns)


def _converted(entry: OwnData) -> Iterator[dict[str, Any]]:
    try:
        records = json.loads(entry.path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RemedyError(
            f"own data {str(entry.path)!r} cannot be read: {error};"
            " give a JSON array of LLaVA records"
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
                f"own data {str(entry.path)!r}, record {number}: {error!r};"
                " LLaVA records have image and conversations"
            ) from error


def _row(record: dict[str, Any], root: Path) -> dict[str, Any]:
    """A LLaVA record as chat messages.

    Images without a placeholder come before the first question, as LLaVA reads them.
    """
    image = record.get("image", [])
    images = [image] if isinstance(image, str) else list(image)
    turns = record["conversations"]
    placeholders = sum(turn["value"].count("<image>") for turn in turns)
    if placeholders > len(images):
        raise ValueError(f"{placeholders} <image> placeholders for {len(images)} images")
    roles = {
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
        "system": "system",
    }
    messages = []
    for number, turn in enumerate(turns):
        text = "<image>" * (len(images) - placeholders if number == 0 else 0) + turn["value"]
        messages.append({"role": roles[turn["from"]], "content": _content(text)})
    paths = [str((root / name).resolve()) for name in images]
    return {"images": paths, "messages": messages, "length": len(images)}


def _content(text: str) -> list[dict[str, str | None]]:
    """The parts of a message; every image has a text of None, as Arrow wants all parts alike."""
    content: list[dict[str, str | None]] = []
    for number, piece in enumerate(text.split("<image>")):
        if number:
            content.append({"type": "image", "text": None})
        if piece.strip("\n"):  # LLaVA puts a placeholder on a line of its own
            content.append({"type": "text", "text": piece.strip("\n")})
    return content
