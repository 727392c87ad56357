"""The paper's 198K training samples from a catalog of OpenImages' size.

    python -m bench.training_data

1.74 M images x 600 classes: 14.6 M boxes and 9.4 M human-verified labels (two of three negative),
drawn at random with a heavy tail over classes, a hierarchy of fifty parents. Both the making of the
catalog from these (as `openimages()` does after reading) and the writing of all eight parts as
Arrow, LLaVA JSON and datasheet, on two processes. Labels drawn at random verify fewer classes
together than people do: what is hard for the sampler is harder here. Pictures do not exist: an id
is the hash of its number. Target: under two minutes and under 4 GiB.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from mimic_checks.catalog.images import Manifest
from mimic_checks.catalog.openimages import verified_states
from mimic_checks.catalog.openimages_csv import Boxes, Hierarchy, Labels
from mimic_checks.catalog.presence import Presence
from mimic_checks.catalog.states import DOUBT
from remedies.dataset import write_training_data
from remedies.mixture import PAPER, Part

IMAGES, CLASSES, PARENTS, BOXES, LABELS = 1_743_042, 600, 50, 14_600_000, 9_400_000


class NoPictures:
    """A source of ids without pictures."""

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        raise OSError("no pictures here")

    def hashed(self, row: int) -> bytes:
        return b"%016x" % row

    def describe(self, row: int) -> str:
        return f"{row:016x}.jpg"

    def file(self, row: int) -> Path:
        return Path(f"/images/{row:016x}.jpg")


def hierarchy() -> Hierarchy:
    """Classes 0 to 49 are parents of eleven classes each."""
    down = tuple(
        tuple(range(PARENTS + 11 * k, PARENTS + 11 * (k + 1))) if k < PARENTS else ()
        for k in range(CLASSES)
    )
    up = tuple(() if c < PARENTS else ((c - PARENTS) // 11,) for c in range(CLASSES))
    return Hierarchy(up, down, {f"kind {k}": down[k] for k in range(PARENTS)})


def boxes(rng: np.random.Generator, weights: np.ndarray) -> Iterator[Boxes]:
    """In bunches: an image has several boxes of one class, as photos do."""
    left = BOXES
    while left > 0:
        n = min(500_000, left // 2 + 1)
        repeats = rng.integers(1, 4, n)
        image = np.repeat(rng.integers(IMAGES, size=n).astype(np.uint64), repeats)
        kind = np.repeat(rng.choice(CLASSES, n, p=weights).astype(np.int16), repeats)
        fine = rng.random(len(image))
        left -= len(image)
        # Every box in a place of its own.
        place = np.arange(left, left + len(image), dtype=np.int64).view(np.uint64)
        yield image, kind, fine > 0.12, fine > 0.08, place


def labels(rng: np.random.Generator, weights: np.ndarray) -> Iterator[Labels]:
    for _ in range(20):
        n = LABELS // 20
        yield (
            rng.integers(IMAGES, size=n).astype(np.uint64),
            rng.choice(CLASSES, n, p=weights).astype(np.int16),
            rng.random(n) < 1 / 3,
        )


class Peak(threading.Thread):
    """The most memory that this process and its children hold together, sampled every 2 s.

    Pages that they share count once.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mib, self.done = 0.0, threading.Event()

    def run(self) -> None:
        me = psutil.Process()
        while not self.done.wait(2):
            processes = (me, *me.children(recursive=True))
            self.mib = max(self.mib, sum(_share_mib(process.pid) for process in processes))


def _share_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> list[str]:
    peak = Peak()
    peak.start()
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(2, CLASSES + 2) ** 0.8
    weights = rng.permutation(weights / weights.sum())
    all_boxes, all_labels = list(boxes(rng, weights)), list(labels(rng, weights))
    began = time.perf_counter()
    tree = hierarchy()
    _, classes, states, starts = verified_states(
        iter(all_boxes), iter(all_labels), tree, CLASSES, 10, None
    )
    del all_boxes, all_labels
    source = NoPictures()
    presence = Presence(
        "synthetic OpenImages",
        tuple(f"class {k}" for k in range(CLASSES)),
        tree.groups,
        tree.leaves,
        starts,
        classes,
        states,
        DOUBT,
        source,
        Manifest(source),
    )
    catalog_s = time.perf_counter() - began
    allowed = PAPER.model_copy(update={"parts": tuple(_with_grades(part) for part in PAPER.parts)})
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        out = write_training_data(presence, allowed, Path(folder) / "data")
        writing_s = time.perf_counter() - began
        sheet = json.loads((out / "datasheet.json").read_text())
        size_mib = sum(file.stat().st_size for file in out.iterdir() if file.is_file()) / 2**20
    peak.done.set()
    totals = ", ".join(f"{name} {number:,}" for name, number in sheet["totals"].items())
    return [
        f"training data from {len(presence):,} images x {CLASSES} classes"
        f" ({len(states):,} verified states): catalog {catalog_s:.0f} s,"
        f" {allowed.samples:,} samples written in **{writing_s:.0f} s**,"
        f" **{peak.mib / 1024:.1f} GiB** peak of all processes, {size_mib:,.0f} MiB on disk"
        f" (target under 120 s, under 4 GiB); {totals}"
    ]


def _with_grades(part: Part) -> Part:
    """Open common and odd-one questions are training grade on labels like these."""
    is_open = part.family in ("common", "odd_one", "listing") and not part.options
    return part.model_copy(update={"training_grade": is_open})


if __name__ == "__main__":
    print("\n".join(main()))
