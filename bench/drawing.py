"""Drawing 10,000 counting cases from a catalog as large as COCO, against the pycocotools loop.

    python -m bench.drawing

118,287 images x 80 classes, synthetic counts (COCO has 7.3 instances and 2.9 classes per image on
average). Both draw: a class, uniformly; a number of instances from 1 to 4, uniformly; a needle with
just so many; four images without the class. The loop is what a user writes with `getImgIds` and
`getAnnIds`; it is timed on fewer cases, since its time per case is constant. That both draw from
one distribution is checked by chi-square on classes and instances.
"""

from __future__ import annotations

import contextlib
import io
import random
import time
from collections import Counter

import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from scipy.stats import chi2_contingency

from mimic_checks.cases import counting_cases, draw
from mimic_checks.catalog.catalog import Catalog

IMAGES, CLASSES, DRAWN, LOOPED, DISTRACTORS = 118_287, 80, 10_000, 300, 4


class Nothing:
    """Pictures that cost nothing: identity is the row."""

    _picture = Image.new("RGB", (1, 1))

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        return self._picture, self.hashed(row)

    def hashed(self, row: int) -> bytes:
        return str(row).encode()

    def describe(self, row: int) -> str:
        return str(row)

    def file(self, row: int) -> None:
        return None


def counts() -> np.ndarray:
    rng = np.random.default_rng(0)
    present = rng.random((IMAGES, CLASSES)) < 2.9 / CLASSES
    return (present * np.minimum(rng.geometric(0.4, (IMAGES, CLASSES)), 9)).astype(np.int16)


def ours(matrix: np.ndarray) -> tuple[float, list[tuple[int, int]]]:
    names = tuple(f"class {k}" for k in range(CLASSES))
    began = time.perf_counter()
    catalog = Catalog(
        "synthetic",
        names,
        names,
        matrix,
        np.zeros(matrix.shape, bool),
        np.zeros((0,), np.float32),
        Nothing(),
    )
    cases = draw(counting_cases(catalog, distractors=DISTRACTORS), DRAWN, seed=0)
    seconds = time.perf_counter() - began
    return seconds, [
        (names.index(case.truth.counts[0][0]), case.truth.counts[0][1]) for case in cases
    ]


def index(matrix: np.ndarray) -> COCO:
    rows, columns = np.nonzero(matrix)
    numbers = matrix[rows, columns]
    annotations = [
        {"image_id": int(row), "category_id": int(column), "iscrowd": 0, "area": 1.0}
        for row, column, number in zip(rows, columns, numbers, strict=True)
        for _ in range(number)
    ]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number
    coco = COCO()
    coco.dataset = {
        "images": [{"id": k} for k in range(IMAGES)],
        "annotations": annotations,
        "categories": [{"id": k, "name": f"class {k}"} for k in range(CLASSES)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco


def loop(coco: COCO, number: int) -> tuple[float, list[tuple[int, int]]]:
    generator = random.Random(0)
    drawn = []
    began = time.perf_counter()
    for _ in range(number):
        category = generator.choice(coco.getCatIds())
        wanted = generator.randint(1, 4)
        holders = coco.getImgIds(catIds=[category])
        needle = generator.choice(
            [k for k in holders if len(coco.getAnnIds(imgIds=[k], catIds=[category])) == wanted]
        )
        others = generator.sample(sorted(set(coco.getImgIds()) - set(holders)), DISTRACTORS)
        drawn.append((category, wanted, needle, others))
    return time.perf_counter() - began, [(category, wanted) for category, wanted, *_ in drawn]


def main() -> list[str]:
    matrix = counts()
    seconds, our_draws = ours(matrix)
    loop_seconds, loop_draws = loop(index(matrix), LOOPED)
    p_class, p_instances = (same_distribution(our_draws, loop_draws, k) for k in (0, 1))
    case_seconds = loop_seconds / LOOPED
    return [
        f"drawing 10,000 counting cases ({IMAGES:,} x {CLASSES}): {seconds:.1f} s, catalog set-up"
        f" and ids included; the pycocotools loop {case_seconds * 1e3:.0f} ms a case"
        f" ({LOOPED} timed) = {case_seconds * DRAWN:.0f} s:"
        f" **{case_seconds * DRAWN / seconds:.0f}x** (target 100x);"
        f" same distribution: p = {p_class:.2f} (class), {p_instances:.2f} (instances)"
    ]


def same_distribution(
    ours: list[tuple[int, int]], theirs: list[tuple[int, int]], field: int
) -> float:
    """The p-value of chi-square for one field of the draws."""
    values = sorted({draw[field] for draw in ours})
    table = [
        [Counter(draw[field] for draw in draws)[value] for value in values]
        for draws in (ours, theirs)
    ]
    return float(chi2_contingency(np.array(table)).pvalue)


if __name__ == "__main__":
    print("\n".join(main()))
