"""Every answer over images full of doubt is the one that the raw annotations give."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from mimic_checks.cases import (
    common_sweep,
    counting_sweep,
    draw,
    flatten,
    listing_sweep,
    odd_one_sweep,
)
from mimic_checks.catalog import coco
from mimic_checks.catalog.labels import plural
from tests.doubtful import CLASSES, MAX_INSTANCES, MIN_SHARE, write_doubtful
from tests.second_oracle import disagreement, world_of_coco


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_doubtful(tmp_path_factory.mktemp("doubtful") / "data", seed=0)


@pytest.fixture(scope="module")
def catalog(folder):
    return coco(folder, min_share=MIN_SHARE, max_instances=MAX_INSTANCES)


@pytest.fixture(scope="module")
def world(folder):
    return world_of_coco(folder, MIN_SHARE, MAX_INSTANCES)


def table(folder):
    """From the raw JSON: per image and class, (askable instances, others)."""
    data = json.loads((folder / "annotations" / "instances.json").read_text())
    askable, others = Counter(), Counter()
    for entry in data["annotations"]:
        _, _, width, height = entry["bbox"]
        small = 100 * width * height < 80 * 60
        (others if entry["iscrowd"] or small else askable)[
            entry["image_id"], CLASSES[entry["category_id"] - 1]
        ] += 1
    ids = [entry["id"] for entry in data["images"]]
    return [[(askable[k, name], others[k, name]) for name in CLASSES] for k in ids]


@pytest.mark.parametrize("most", [1, 2, MAX_INSTANCES - 1, MAX_INSTANCES, MAX_INSTANCES + 1])
def test_the_catalog_doubts_what_the_annotations_leave_open(folder, most):
    catalog = coco(folder, min_share=MIN_SHARE, max_instances=most)
    for row, entries in enumerate(table(folder)):
        for column, (askable, others) in enumerate(entries):
            assert catalog.counts[row, column] == askable
            assert catalog.uncountable[row, column] == (others > 0 or askable > most)


def test_there_is_doubt_of_every_kind(folder):
    entries = [entry for row in table(folder) for entry in row]
    assert any(askable == MAX_INSTANCES for askable, _ in entries)
    assert any(askable > MAX_INSTANCES for askable, _ in entries)
    assert any(others and not askable for askable, others in entries)
    assert any(others and askable for askable, others in entries)
    assert any(not any(map(any, row)) for row in table(folder)), "an image with nothing in it"
    data = json.loads((folder / "annotations" / "instances.json").read_text())
    assert 60 <= len(data["images"]) <= 150
    assert {entry["iscrowd"] for entry in data["annotations"]} == {0, 1}


SWEEPS = {
    "spread, balanced": lambda c: counting_sweep(
        c, factor="spread", levels=(1, 2, 3), total=(3, 5), distractors=1, template="any"
    ),
    "spread, random": lambda c: counting_sweep(
        c, factor="spread", levels=(2, 3), total=(3, 5), distribution="random", template="any"
    ),
    "spread, unbalanced": lambda c: counting_sweep(
        c, factor="spread", levels=(1, 2), instances=(1, MAX_INSTANCES), distractors=1
    ),
    "distractors": lambda c: counting_sweep(c, factor="distractors", levels=(1, 4)),
    "concepts": lambda c: counting_sweep(
        c, factor="concepts", levels=(1, 2), spread=2, distractors=1, template="any"
    ),
    "images": lambda c: counting_sweep(c, factor="images", levels=(2, 4)),
    "listing": lambda c: listing_sweep(c, levels=(2, 3), template="any"),
    "common": lambda c: common_sweep(c, levels=(2, 3, 4), template="any"),
    "odd one": lambda c: odd_one_sweep(c, levels=(2, 4), template="any"),
    "odd one, alone": lambda c: odd_one_sweep(c, levels=(3, 4), template="any"),
}


@pytest.mark.parametrize("sweep", SWEEPS)
def test_the_second_oracle_agrees_over_doubtful_images(catalog, world, sweep):
    cases = flatten(draw(SWEEPS[sweep](catalog), 250, seed=1))
    plurals = {plural(name): name for name in CLASSES}
    problems = [
        (case.id, case.question, text)
        for case in cases
        if (text := disagreement(case, world, plurals))
    ]
    assert problems == []
