"""Training data over images full of doubt says only what the raw annotations prove."""

from __future__ import annotations

import numpy as np
import pytest

from mimic_checks.catalog import coco
from mimic_checks.catalog.labels import plural
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.catalog.states import DOUBT
from remedies.generate import samples
from remedies.held_out import held_out_pairs
from remedies.mixture import Part
from remedies.pools import Pools
from tests.doubtful import CLASSES, MAX_INSTANCES, MIN_SHARE, write_doubtful
from tests.second_oracle import Thing, refuted, world_of_coco

PLURALS = {plural(name): name for name in CLASSES}
PARTS = {
    "counting": {"family": "counting", "images": (1, 4), "concepts": (1, 2)},
    "listing": {"family": "listing", "images": (1, 3)},
    "listing, offered": {"family": "listing", "images": (2, 3), "options": True},
    "common": {"family": "common", "images": (2, 4)},
    "common, options": {"family": "common", "images": (2, 4), "options": True},
    "odd one": {"family": "odd_one", "images": (2, 4)},
    "odd one, options": {"family": "odd_one", "images": (3, 4), "options": True},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_doubtful(tmp_path_factory.mktemp("doubtful") / "data", seed=0)


@pytest.fixture(scope="module")
def labels(folder):
    return presence(coco(folder, min_share=MIN_SHARE, max_instances=MAX_INSTANCES))


@pytest.fixture(scope="module")
def world(folder):
    return world_of_coco(folder, MIN_SHARE, MAX_INSTANCES)


def problems(labels, world, settings, number=150):
    """What the second oracle refutes among all turns of some samples."""
    part = Part(name="p", samples=1, turns=(1, 4), **settings)
    pools = Pools(labels, held_out_pairs(labels.class_names, share=0.0))
    ids = [labels.manifest.digest(row) for row in range(len(labels))]
    return [
        (turn.question, turn.answer, problem)
        for sample in samples(pools, part, number, np.random.default_rng(0))
        for turn in sample.turns
        if (
            problem := refuted(
                turn.question, turn.answer, [ids[row] for row in sample.rows], world, PLURALS
            )
        )
    ]


@pytest.mark.parametrize("which", PARTS)
def test_every_turn_is_proved_by_the_annotations(which, labels, world):
    assert problems(labels, world, PARTS[which]) == []


def unverified(labels, share):
    """The labels of which nobody verified some: what was certain is unknown, entry by entry."""
    states = labels.of(range(len(labels)))
    known = (np.random.default_rng(1).random(states.shape) >= share) & (states != DOUBT)
    rows, classes = np.nonzero(known)
    sparse = Presence(
        name="unverified",
        class_names=labels.class_names,
        groups=labels.groups,
        leaves=labels.leaves,
        starts=np.searchsorted(rows, np.arange(len(labels) + 1)),
        classes=classes.astype(np.int16),
        states=states[rows, classes],
        unlisted=DOUBT,
        source=labels.source,
        manifest=labels.manifest,
    )
    return sparse, known


@pytest.mark.parametrize(
    "which", ["counting", "listing, offered", "common, options", "odd one, options"]
)
def test_what_nobody_verified_is_never_used(which, labels, world):
    """In the oracle's world every unverified class may be in the image, so that an answer that
    leans on one is refuted."""
    sparse, known = unverified(labels, share=0.15)
    groups = {c: name for name, members in labels.groups.items() for c in members}
    open_world = {}
    for row in range(len(labels)):
        image = labels.manifest.digest(row)
        verified = {CLASSES[c] for c in np.flatnonzero(known[row])}
        open_world[image] = [thing for thing in world[image] if thing.name in verified] + [
            Thing(name, groups[c], False) for c, name in enumerate(CLASSES) if name not in verified
        ]
    assert problems(sparse, open_world, PARTS[which], number=80) == []
