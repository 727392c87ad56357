"""Samples: answers recomputed from raw annotations, factors as stated, held-out pairs apart."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from mimic_checks.catalog import coco, rendered
from mimic_checks.catalog.images import Manifest, SceneImages
from mimic_checks.catalog.labels import plural
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT
from mimic_checks.errors import EmptyPool
from mimic_checks.tasks import TASKS, Choice, Counts, Names, Unread, Vocabulary
from remedies.generate import composition, samples
from remedies.held_out import held_out_pairs, meets
from remedies.mixture import BUILTIN, Part
from remedies.pools import Pools
from tests.second_oracle import refuted, world_of_coco, world_of_scenes

FAMILIES = ("counting", "listing", "common", "odd_one")


@pytest.fixture(scope="module")
def catalog():
    return rendered(seed=11, scenes=1500, families=0)


@pytest.fixture(scope="module")
def pools(catalog):
    return Pools(presence(catalog), held_out_pairs(catalog.class_names))


def part(family, **settings):
    return Part(
        **{
            "name": "p",
            "family": family,
            "samples": 1,
            "images": (2, 6),
            "turns": (2, 4),
            **settings,
        }
    )


def drawn(pools, part, number, seed=0):
    return list(samples(pools, part, number, np.random.default_rng(seed)))


@pytest.mark.parametrize("which", [p.name for p in BUILTIN.parts])
def test_every_turn_of_the_built_in_mixture_is_true(which, catalog, pools):
    chosen = next(p for p in BUILTIN.parts if p.name == which)
    found = drawn(pools, chosen, 60)
    rows = sorted({row for sample in found for row in sample.rows})
    world = world_of_scenes(catalog, rows)
    ids = {row: catalog.manifest.id(row) for row in rows}
    plurals = {plural(name): name for name in catalog.class_names}
    for sample in found:
        images = [ids[row] for row in sample.rows]
        for turn in sample.turns:
            assert refuted(turn.question, turn.answer, images, world, plurals) == "", turn
        assert sample.grade == "verified"
        assert chosen.turns[0] - 2 <= len(sample.turns) <= chosen.turns[1]
        assert chosen.images[0] <= len(sample.rows) <= chosen.images[1]
        assert len(set(sample.rows)) == len(sample.rows)


def test_on_photos(photos):
    catalog = coco(photos)
    pools = Pools(presence(catalog), held_out_pairs(catalog.class_names))
    plurals = {plural(name): name for name in catalog.class_names}
    world = world_of_coco(photos, 0.01, 10)
    for sample in [
        s
        for family in ("counting", "listing")
        for s in drawn(pools, part(family, images=(1, 4)), 40)
    ]:
        ids = [catalog.manifest.id(row) for row in sample.rows]
        for turn in sample.turns:
            assert refuted(turn.question, turn.answer, ids, world, plurals) == "", turn


def taught(turn, class_names):
    """(task, truth, offered names) of a turn, taken apart from its text by hand."""
    lettered = dict(re.findall(r"^([A-D])\. (.*)$", turn.question, re.MULTILINE))
    if lettered:
        options = tuple(lettered.values())
        return "multiple_choice", Choice("ABCD".index(turn.answer), options), options
    if turn.task == "counting":
        pairs = re.findall(r"([^:,]+): (\d+)", turn.answer) or [
            (class_names[turn.asked[0]], turn.answer)
        ]
        return "counting", Counts(tuple((name.strip(), int(n)) for name, n in pairs)), ()
    names = () if turn.answer == "none" else tuple(turn.answer.split(", "))
    return turn.task, Names(names), ()


@pytest.mark.parametrize("options", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_taught_is_judged_right(family, options, catalog, pools):
    """A model that answers as it was taught is right in a check: the reader of the turn's task
    reads the taught answer back as the truth that the turn states."""
    vocabulary = Vocabulary(catalog.class_names)
    tasks = set()
    chosen = part(family, options=options and family != "counting", images=(3, 6))
    for sample in drawn(pools, chosen, 80):
        for turn in sample.turns:
            name, truth, offered = taught(turn, catalog.class_names)
            task = TASKS.get(name)
            prediction = task.read(turn.answer, truth, offered, vocabulary)
            assert not isinstance(prediction, Unread), turn
            assert task.score(prediction, truth).right, turn
            assert truth.text == turn.answer
            tasks.add(name)
    if options and family in ("common", "odd_one"):
        assert "multiple_choice" in tasks


def test_spread_and_distractors_are_what_the_images_show(catalog, pools):
    for sample in drawn(pools, part("counting", turns=(1, 1)), 200):
        counts = catalog.counts[list(sample.rows), sample.turns[0].asked[0]]
        assert (counts > 0).sum() == sample.factors["spread"]
        assert (counts == 0).sum() == sample.factors["distractors"]
        assert counts.sum() == sample.factors["instances"] == int(sample.turns[0].answer)


def test_asked_classes_and_totals_are_balanced(pools):
    found = drawn(pools, part("counting", images=(1, 2), most_instances=4, turns=(1, 1)), 800)
    asked = np.bincount([sample.turns[0].asked[0] for sample in found], minlength=16)
    assert ((asked - 50) ** 2 / 50).sum() < chi2.ppf(0.9999, 15)
    alone = [s.factors["instances"] for s in found if len(s.rows) == 1]
    assert (
        (np.bincount(alone, minlength=5)[1:] - len(alone) / 4) ** 2 / (len(alone) / 4)
    ).sum() < chi2.ppf(0.9999, 3)


def test_the_same_generator_gives_the_same_samples_and_none_twice(pools):
    first, again, other = (drawn(pools, part("listing"), 150, seed) for seed in (3, 3, 4))
    assert first == again != other
    assert len({(s.rows, s.turns[0].question) for s in first}) == 150


@pytest.mark.parametrize("family", ["common", "odd_one", "counting"])
def test_held_out_pairs_never_meet(family, catalog, pools):
    settings = {"concepts": (2, 3)} if family == "counting" else {}
    found = drawn(pools, part(family, **settings), 150)
    assert not any(
        _pair_met(catalog, pools.held_out, sample, turn)
        for sample in found
        for turn in sample.turns
    )


def test_the_check_of_held_out_pairs_sees_a_planted_one(catalog):
    none = np.zeros((16, 16), dtype=bool)
    held_out = held_out_pairs(catalog.class_names, share=0.3)
    free = drawn(Pools(presence(catalog), none), part("common"), 100)
    assert any(
        _pair_met(catalog, held_out, sample, turn) for sample in free for turn in sample.turns
    )


def _pair_met(catalog, held_out, sample, turn):
    beside = (
        np.flatnonzero(catalog.counts[list(sample.rows)].any(axis=0))
        if turn.task in ("common", "odd_one")
        else ()
    )
    return turn.task != "listing" and meets(held_out, turn.asked, beside)


def test_held_out_pairs_are_the_same_wherever_both_classes_are():
    small, large = (
        held_out_pairs(["dog", "Cat", "bus"], share=0.4),
        held_out_pairs(["bus", "cat", "car", "dog"], share=0.4),
    )
    assert small[0, 1] == large[3, 1] == small[1, 0]
    assert small[0, 2] == large[3, 0]
    names = [f"class {k}" for k in range(120)]
    share = held_out_pairs(names, share=0.1)[np.triu_indices(120, 1)].mean()
    assert abs(share - 0.1) < 0.015
    assert (held_out_pairs(names) != held_out_pairs(names, name="other")).any()


def test_options_have_one_right_letter(catalog, pools):
    for family in ("common", "odd_one"):
        for sample in drawn(pools, part(family, options=True, images=(3, 6)), 80):
            turn = sample.turns[0]
            offered = re.findall(r"^([A-D])\. (.*)$", turn.question, re.MULTILINE)
            assert len(offered) == turn.options == len(turn.asked) >= 2
            shown = (catalog.counts[list(sample.rows)] > 0).sum(axis=0)
            images = {letter: shown[catalog.class_names.index(name)] for letter, name in offered}
            right = [
                k
                for k, n in images.items()
                if (n == len(sample.rows) if family == "common" else n == min(images.values()))
            ]
            assert right == [turn.answer]


def sparse(seed, images=4000, classes=12, *, negatives=True):
    """Labels of which most are unknown, and the truth behind them."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random((images, classes)) < 0.25, rng.integers(1, 4, (images, classes)), 0)
    known = rng.random((images, classes)) < np.where(truth > 0, 0.7, 0.35 if negatives else 0.0)
    states = np.where(truth > 0, np.where(rng.random(truth.shape) < 0.2, PRESENT, truth), ABSENT)
    rows, columns = np.nonzero(known)
    source = SceneImages([], 8)
    return truth, Presence(
        "sparse",
        tuple(f"thing {k}" for k in range(classes)),
        {"tool": (0, 1, 2, 3), "fruit": (4, 5, 6)},
        np.ones(classes, dtype=bool),
        np.searchsorted(rows, np.arange(images + 1)),
        columns.astype(np.int16),
        states[rows, columns].astype(np.int16),
        DOUBT,
        source,
        Manifest(source),
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_sparse_labels_give_only_true_answers(family):
    truth, sparse_labels = sparse(1)
    pools = Pools(sparse_labels, held_out_pairs(sparse_labels.class_names))
    options = family in ("common", "odd_one", "listing")
    for sample in drawn(pools, part(family, images=(2, 4), options=options, turns=(1, 2)), 120):
        shown = truth[list(sample.rows)]
        for turn in sample.turns:
            names = {k: sparse_labels.class_names[k] for k in range(12)}
            if turn.task == "counting":
                totals = shown[:, turn.asked].sum(axis=0)
                stated = [
                    int(number)
                    for number in re.findall(
                        r"(?<!thing )\b(\d+)\b", turn.answer.replace("thing ", "thing_")
                    )
                ]
                assert stated == totals.tolist()
            elif turn.task == "listing":
                assert turn.answer == (
                    ", ".join(names[c] for c in sorted(turn.asked) if shown[:, c].any()) or "none"
                )
                assert f"Choose from: {', '.join(names[c] for c in turn.asked)}." in turn.question
            else:
                offered = dict(re.findall(r"^([A-D])\. (.*)$", turn.question, re.MULTILINE))
                images = {
                    letter: (shown[:, int(name.split()[1])] > 0).sum()
                    for letter, name in offered.items()
                }
                fits = [
                    k
                    for k, n in images.items()
                    if (n == len(shown) if turn.task == "common" else n == 1)
                ]
                assert fits == [turn.answer]
        assert sample.grade == "verified"


def test_the_open_form_on_sparse_labels_is_training_grade():
    _, labels = sparse(2)
    pools = Pools(labels, np.zeros((12, 12), dtype=bool))
    found = drawn(pools, part("common", images=(4, 6), training_grade=True, turns=(1, 1)), 40)
    assert Counter(sample.grade for sample in found)["training"] > 0
    with pytest.raises(EmptyPool, match="training_grade = true"):
        drawn(pools, part("common", images=(2, 2), turns=(1, 1)), 4000)


def test_a_part_that_cannot_be_filled_is_named(pools):
    with pytest.raises(EmptyPool, match=r"part='p' \(family='odd_one', images=\(90, 90\)"):
        drawn(pools, part("odd_one", images=(90, 90)), 1)


@given(st.integers(1, 9), st.integers(0, 12), st.integers(0, 2**32))
def test_a_composition_adds_up(parts, more, seed):
    found = composition(parts + more, parts, np.random.default_rng(seed))
    assert len(found) == parts
    assert sum(found) == parts + more
    assert min(found) >= 1
