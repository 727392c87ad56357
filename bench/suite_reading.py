"""Reading a suite of 10,000 items with 40,000 images, against a plain `datasets` loop.

    python -m bench.suite_reading [--items 10000] [--images 4] [--kilobytes 16] [--group 100]

Parquet files as the hub has MuirBench (lists of pictures, 100 rows a row group), pictures of noise
as PNG files, which neither side decodes. Ours: items with every picture's bytes read; the peer: the
same files streamed by `datasets` with undecoded images, every row's texts and bytes touched; beside
them the suite opened for a run, with its cases, every picture hashed and looked into. Each run is a
process of its own, in turns; memory is the high-water mark of resident memory over the
imports, on Linux. The ratio is that of the best rates.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

ROWS_OF_A_SHARD = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--images", type=int, default=4, help="of an item")
    parser.add_argument("--kilobytes", type=int, default=16, help="of an image")
    parser.add_argument("--group", type=int, default=100, help="rows of a row group")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--read", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        print(json.dumps(measured(WAYS[options.read], options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), options)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in WAYS}
        for _ in range(options.repeats):
            for name, runs in found.items():
                runs.append(in_process(name, folder))
    report(options, found)


def write(folder: Path, options: argparse.Namespace) -> None:
    """The files, a shard at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    picture = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    for first in range(0, options.items, ROWS_OF_A_SHARD):
        numbers = range(first, min(first + ROWS_OF_A_SHARD, options.items))
        columns: dict[str, Any] = {
            "idx": [str(number) for number in numbers],
            "task": ["Counting"] * len(numbers),
            "image_relation": ["Independent"] * len(numbers),
            "image_type": ["Photography"] * len(numbers),
            "question": ["How many boats are in <image>" * options.images for _ in numbers],
            "options": [["one", "two", "three", "None of the choices provided"] for _ in numbers],
            "answer": ["B"] * len(numbers),
            "counterpart_idx": [str(number ^ 1) for number in numbers],
        }
        cells = [[_cell(options.kilobytes) for _ in range(options.images)] for _ in numbers]
        table = pa.table(columns | {"image_list": pa.array(cells, pa.list_(picture))})
        pq.write_table(table, folder / f"test-{first:05}.parquet", row_group_size=options.group)


def _cell(kilobytes: int) -> dict[str, Any]:
    from PIL import Image

    side = round((kilobytes * 1024 / 3) ** 0.5)
    picture, file = Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)), BytesIO()
    picture.save(file, "PNG", compress_level=0)
    return {"bytes": file.getvalue(), "path": "picture.png"}


def ours(folder: Path) -> Callable[[], tuple[int, int]]:
    import pyarrow.parquet  # noqa: F401 - its memory is no reader's

    from mimic_checks.suites.muirbench import MUIRBENCH

    def read() -> tuple[int, int]:
        items = size = 0
        for item in MUIRBENCH.read(folder):
            items += 1
            size += sum(len(picture.read()) for picture in item.images)
        return items, size

    return read


def plain(folder: Path) -> Callable[[], tuple[int, int]]:
    import datasets

    files = [str(path) for path in sorted(folder.glob("*.parquet"))]

    def read() -> tuple[int, int]:
        data = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
        data = data.cast_column("image_list", datasets.List(datasets.Image(decode=False)))
        items = size = 0
        for row in data:
            items += 1
            size += sum(len(cell["bytes"]) for cell in row["image_list"])
        return items, size

    return read


def opened(folder: Path) -> Callable[[], tuple[int, int]]:
    from mimic_checks.suites.suite import open_suite

    def read() -> tuple[int, int]:
        suite = open_suite(f"muirbench:{folder}")
        return len(suite.items), 0

    return read


WAYS = {"ours": ours, "datasets": plain, "opened for a run": opened}


def measured(way: Callable[[Path], Callable[[], tuple[int, int]]], folder: Path) -> dict[str, Any]:
    """Seconds, memory and what was read."""
    read = way(folder)
    before = peak_mib()
    began = time.perf_counter()
    items, size = read()
    seconds = time.perf_counter() - began
    peak = peak_mib()
    return {
        "seconds": seconds,
        "items": items,
        "bytes": size,
        "over_mib": peak - before,
        "peak_mib": peak,
    }


def peak_mib() -> float:
    """The high-water mark of this process alone; `getrusage` starts at that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def in_process(name: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.suite_reading", "--read", name, "--folder", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def report(options: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> None:
    what = {(run["items"], run["bytes"]) for name in ("ours", "datasets") for run in found[name]}
    assert len(what) == 1, f"the two read different things: {what}"
    assert {run["items"] for runs in found.values() for run in runs} == {options.items}
    best = {name: min(run["seconds"] for run in runs) for name, runs in found.items()}
    print(
        f"{options.items:,} items with {options.items * options.images:,} images of"
        f" {options.kilobytes} KiB, row groups of {options.group}; best of {options.repeats}:\n"
    )
    print("| way | s | items/s | peak MiB | over imports MiB |\n|---|---|---|---|---|")
    for name, runs in found.items():
        peak, over = (max(run[key] for run in runs) for key in ("peak_mib", "over_mib"))
        rate = options.items / best[name]
        print(f"| {name} | {best[name]:.2f} | {rate:,.0f} | {peak:.0f} | {over:.0f} |")
    print(f"\nratio of rates, ours to datasets: {best['datasets'] / best['ours']:.2f}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
