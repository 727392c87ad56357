"""What is asked stays what it was: the draws of released versions, as hashes over everything that a
case says.

Outcomes of two releases can only be compared where both were asked the same. Images go in as rows
of their catalog, because ids of rendered images hash pixels of the installed Pillow.
"""

from __future__ import annotations

import hashlib
import json

import pytest

from mimic_checks.cases import common_sweep, counting_sweep, draw, listing_sweep, odd_one_sweep
from mimic_checks.catalog import coco, rendered
from tests.doubtful import MAX_INSTANCES, MIN_SHARE, write_doubtful

SWEEPS = {
    "spread, balanced": lambda c: counting_sweep(
        c, factor="spread", levels=(1, 2, 3), total=(3, 5), distractors=1, template="any"
    ),
    "spread, random": lambda c: counting_sweep(
        c, factor="spread", levels=(2, 3), total=(3, 5), distribution="random", template="any"
    ),
    "spread, unbalanced": lambda c: counting_sweep(
        c, factor="spread", levels=(1, 2), instances=(1, 2), distractors=1, order="needles_last"
    ),
    "distractors": lambda c: counting_sweep(c, factor="distractors", levels=(0, 1, 4)),
    "concepts": lambda c: counting_sweep(
        c, factor="concepts", levels=(1, 2), spread=2, distractors=1, template="any"
    ),
    "images": lambda c: counting_sweep(
        c, factor="images", levels=(1, 2, 4), order="needles_first", template="any"
    ),
    "listing": lambda c: listing_sweep(c, levels=(1, 2, 3), template="any"),
    "common": lambda c: common_sweep(c, levels=(2, 3, 4), template="any"),
    "odd one": lambda c: odd_one_sweep(c, levels=(2, 4), template="any"),
    "odd one, alone": lambda c: odd_one_sweep(c, levels=(3, 4), template="any"),
}
GOLDEN = {
    ("rendered", 0): "23e75d4c3330a7af",
    ("rendered", 1): "ef8cf9d24ed6fb4d",
    ("rendered", 20270101): "dc571ef89ef41263",
    ("doubtful", 0): "c8b11579fca3fb5c",
    ("doubtful", 1): "62c91cd1fe5dcc30",
    ("doubtful", 20270101): "1c08606b7204f3a1",
}


def said(case, catalog):
    rows = [catalog.manifest.row(image) for image in case.images]
    factors = sorted(case.factors.items())
    needles = list(case.needles)
    return [case.task, case.template, rows, case.question, case.truth.text, needles, factors]


def digest(catalog, seed):
    """All draws of all sweeps with one seed."""
    drawn = {
        name: [[said(case, catalog) for case in cases] for cases in draw(sweep(catalog), 20, seed)]
        for name, sweep in SWEEPS.items()
    }
    return hashlib.sha256(json.dumps(drawn).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory):
    folder = write_doubtful(tmp_path_factory.mktemp("same") / "data", seed=0)
    return {
        "rendered": rendered(seed=7, scenes=1200, families=12),
        "doubtful": coco(folder, min_share=MIN_SHARE, max_instances=MAX_INSTANCES),
    }


@pytest.mark.parametrize(("name", "seed"), GOLDEN)
def test_the_draws_are_those_of_version_0_1(catalogs, name, seed):
    assert digest(catalogs[name], seed) == GOLDEN[name, seed]
