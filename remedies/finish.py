"""What makes finished shards a `datasets` folder that says what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.runs.whole_file import rename_whole
from remedies.columns import features
from remedies.datasheet import Counts, write_datasheet
from remedies.in_processes import in_processes
from remedies.records import read_record, write_record
from remedies.sample import llava_record


def finish(folder: Path, files: Sequence[Path], processes: int) -> None:
    """Writes the datasheet and the LLaVA file, then what makes the shards a `datasets` folder."""
    about = read_record(folder / "about.json")
    counts = Counts()
    for shard_counts in in_processes(
        _summarise, [(file, about["class_names"]) for file in files], processes
    ):
        counts.merge(shard_counts)
    write_datasheet(counts.sheet(), about, folder)
    _join([_fragment(file) for file in files], folder / "llava.json")
    # What `Dataset.save_to_disk` writes. The fingerprint names the caches of `datasets`: it comes
    # from what made the data, so the same data made again finds them.
    state: dict[str, Any] = {
        "_data_files": [{"filename": file.name} for file in files],
        "_fingerprint": hashlib.sha256((folder / "about.json").read_bytes()).hexdigest()[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    write_record(folder / "dataset_info.json", {"features": features().to_dict()})
    # Last of all: a folder with this file is finished.
    write_record(folder / "state.json", state)


def _summarise(file: Path, class_names: Sequence[str]) -> Counts:
    """Counts a shard, and writes its samples in LLaVA's form beside it."""
    import pyarrow as pa

    counts = Counts()
    with pa.memory_map(str(file)) as shard, _fragment(file).open("w", encoding="utf-8") as fragment:
        for batch in pa.ipc.open_stream(shard):
            for row in batch.to_pylist():
                counts.add(row, class_names)
                texts = [message["content"][-1]["text"] for message in row["messages"]]
                turns = list(zip(texts[::2], texts[1::2], strict=True))
                record = llava_record(row["id"], row["images"], turns)
                fragment.write(json.dumps(record) + "\n")
    return counts


def _fragment(file: Path) -> Path:
    return file.with_name(f"{file.name}.llava.part")


def _join(fragments: Sequence[Path], path: Path) -> None:
    """One JSON array of all fragments, which are then removed."""
    # Pasted together as text: only one fragment is in memory at a time.
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number, fragment in enumerate(fragments):
            file.write(
                (",\n" if number else "")
                + fragment.read_text(encoding="utf-8").rstrip("\n").replace("\n", ",\n")
            )
        file.write("\n]\n")
    rename_whole(part, path)
    for fragment in fragments:
        fragment.unlink()
