"""Training data stays what it was: the samples of released versions, as hashes.

Adapters trained on data of two releases can only be compared where the data is the same.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from mimic_checks.catalog import coco, rendered
from mimic_checks.catalog.presence import presence
from remedies.generate import samples
from remedies.held_out import held_out_pairs
from remedies.mixture import BUILTIN, PAPER, Part
from remedies.pools import Pools
from tests.doubtful import MAX_INSTANCES, MIN_SHARE, write_doubtful
from tests.remedies.test_generate import sparse

SMALL = tuple(
    Part(name=f"{family} {options}", family=family, samples=1, images=(2, 4), options=options)
    for family, options in [
        ("counting", False),
        ("listing", False),
        ("listing", True),
        ("common", False),
        ("common", True),
        ("odd_one", False),
        ("odd_one", True),
    ]
)
SPARSE = tuple(
    part.model_copy(update={"training_grade": not part.options, "turns": (1, 4)}) for part in SMALL
)
GOLDEN = {
    "builtin": "1cc9ec72cbb8d70e",
    "paper": "819e78024cb2faed",
    "doubtful": "79856de21e7629ea",
    "sparse": "de00738701a4dd36",
}


def digest(labels, parts, number):
    """Some samples of every part: rows, factors, and every turn word by word."""
    pools = Pools(labels, held_out_pairs(labels.class_names))
    generated = []
    for index, part in enumerate(parts):
        for sample in samples(pools, part, number, np.random.default_rng([7, index])):
            turns = [
                [t.task, t.question, t.answer, list(t.asked), t.grade, t.options]
                for t in sample.turns
            ]
            generated.append([sample.part, list(sample.rows), sample.factors, turns])
    return hashlib.sha256(json.dumps(generated).encode()).hexdigest()[:16]


def digests(folder):
    """All digests by name; `folder`: where the doubtful data set may be written."""
    scenes = presence(rendered(seed=31, scenes=1500, families=0))
    doubtful = coco(
        write_doubtful(folder, seed=0), min_share=MIN_SHARE, max_instances=MAX_INSTANCES
    )
    return {
        "builtin": digest(scenes, BUILTIN.parts, 30),
        "paper": digest(scenes, PAPER.parts, 30),
        "doubtful": digest(presence(doubtful), SMALL, 30),
        "sparse": digest(sparse(1)[1], SPARSE, 30),
    }


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    return digests(tmp_path_factory.mktemp("same") / "data")


@pytest.mark.parametrize("name", GOLDEN)
def test_the_samples_are_those_of_version_0_1(generated, name):
    assert generated[name] == GOLDEN[name]
