"""draw(): uniform, matched, deterministic, duplicate-free, leaving nothing behind."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from mimic_checks.cases import (
    common_sweep,
    counting_cases,
    counting_sweep,
    draw,
    flatten,
    listing_cases,
    listing_sweep,
    odd_one_sweep,
)
from mimic_checks.catalog import rendered
from mimic_checks.errors import EmptyPool, InvalidArgument
from tests.second_oracle import disagreement, world_of_scenes

SMALL = rendered(seed=3, scenes=400, families=6)


def _uniform(observed: Counter, kinds: int) -> float:
    counts = [observed[k] for k in observed] + [0] * (kinds - len(observed))
    return float(chisquare(counts).pvalue)


@pytest.mark.parametrize(
    ("strategy", "label"),
    [
        (lambda c: counting_cases(c, distractors=1), lambda case: case.truth.counts[0][0]),
        (
            lambda c: counting_sweep(c, factor="spread", levels=(1, 2), total=(4, 6)),
            lambda case: case.truth.counts[0][0],
        ),
        (lambda c: common_sweep(c, levels=(2, 3)), lambda case: case.truth.names[0]),
        (lambda c: odd_one_sweep(c, levels=(3,)), lambda case: case.truth.names[0]),
    ],
)
def test_classes_are_uniform(strategy, label):
    catalog = rendered(seed=5)
    drawn = draw(strategy(catalog), 550, seed=1)
    seen = Counter(label(value[0] if isinstance(value, tuple) else value) for value in drawn)
    assert _uniform(seen, 16) > 1e-4


def test_images_are_uniform_given_class_and_count(scenes):
    cases = draw(counting_cases(scenes, classes=["cat"], instances=2, distractors=1), 1500, seed=2)
    needles = Counter(case.images[case.needles[0]] for case in cases)
    pool = scenes.exactly(scenes.class_index("cat"), 2)
    assert set(needles) <= {scenes.manifest.id(int(row)) for row in pool}
    assert _uniform(needles, len(pool)) > 1e-4


def test_instances_are_uniform(scenes):
    cases = draw(counting_cases(scenes, instances=(1, 4), distractors=2), 800, seed=4)
    assert _uniform(Counter(case.factors["instances"] for case in cases), 4) > 1e-4


@pytest.mark.parametrize("factor", ["spread", "distractors", "concepts", "images"])
def test_every_level_asks_the_same_class_mix(scenes, factor):
    levels = {
        "spread": (1, 2, 3),
        "distractors": (0, 2, 5),
        "concepts": (1, 2, 3),
        "images": (1, 2, 4),
    }[factor]
    draws = draw(
        counting_sweep(scenes, factor=factor, levels=levels, instances=(1, 2)), 200, seed=0
    )
    if factor == "concepts":
        for group in draws:
            names = [[name for name, _ in case.truth.counts] for case in group]
            assert all(
                longer[: len(shorter)] == shorter for shorter, longer in itertools.pairwise(names)
            )
            assert len({case.images for case in group}) == 1
    else:
        mixes = [
            Counter(group[k].truth.counts[0][0] for group in draws) for k in range(len(levels))
        ]
        assert all(mix == mixes[0] for mix in mixes)


def test_distractor_levels_are_nested_around_the_same_needle(scenes):
    for group in draw(
        counting_sweep(scenes, factor="distractors", levels=(0, 1, 3, 7)), 50, seed=0
    ):
        for few, many in itertools.pairwise(group):
            kept = [image for image in many.images if image in set(few.images)]
            assert kept == list(few.images), "the same images in the same relative order"
        assert len({case.truth for case in group}) == 1
        assert len({case.cluster for case in group}) == 1


def test_balanced_levels_re_place_the_same_objects(scenes):
    for group in draw(
        counting_sweep(scenes, factor="spread", levels=(1, 2, 3, 4), total=(4, 6)), 60, seed=0
    ):
        looks = []
        for case in group:
            name, total = case.truth.counts[0]
            index = scenes.class_index(name)
            objects = [
                o
                for image in case.images
                for o in scenes.source.scenes[scenes.manifest.row(image)].objects
            ]
            looks.append(
                Counter(
                    (o.size, o.rotation_deg, o.colour) for o in objects if o.class_index == index
                )
            )
            assert sum(looks[-1].values()) == total
        assert all(look == looks[0] for look in looks)


def test_a_list_over_many_images_is_not_the_whole_category(scenes):
    """Every class is left out as often as none is, and the second oracle agrees that it is absent.
    Without that, four of five lists would be the whole category."""
    drawn = draw(listing_sweep(scenes, levels=(1, 35)), 90, seed=3)
    missing = [len(case.offered) - len(case.truth.names) for _, case in drawn]
    assert 0.1 < missing.count(0) / len(drawn) < 0.3
    left_out = Counter(
        (case.question, name)
        for _, case in drawn
        for name in case.offered
        if name not in case.truth.names
    )
    assert len(left_out) == 16, "every class, of four in each of four categories"
    rows = {scenes.manifest.row(image) for _, case in drawn for image in case.images}
    world = world_of_scenes(scenes, sorted(rows))
    assert [disagreement(case, world, {}) for case in flatten(drawn)] == [""] * 180
    few = draw(listing_sweep(scenes, levels=(1, 8)), 90, seed=3)
    assert any(set(case.truth.names) == set(case.offered) for _, case in few)


def test_draws_are_prefixes_and_repeat(scenes):
    strategy = listing_sweep(scenes, levels=(1, 3))
    once, again, fewer = draw(strategy, 30, 9), draw(strategy, 30, 9), draw(strategy, 10, 9)
    assert once == again
    assert once[:10] == fewer
    assert draw(strategy, 30, 10) != once


def test_draws_are_the_same_on_every_machine():
    """Image places, not ids (those hash pixels of the installed Pillow): a committed sample of rows
    and answers."""
    cases = flatten(draw(counting_sweep(SMALL, factor="distractors", levels=(0, 2)), 3, seed=42))
    seen = [
        ([SMALL.manifest.row(image) for image in case.images], case.truth.text) for case in cases
    ]
    assert seen == GOLDEN


GOLDEN = [
    ([383], "4"),
    ([884, 383, 997], "4"),
    ([287], "4"),
    ([278, 287, 598], "4"),
    ([97], "2"),
    ([1116, 1117, 97], "2"),
]


@given(st.integers(0, 2**32), st.integers(0, 40))
def test_no_duplicates(seed, n):
    drawn = draw(listing_cases(SMALL, images=2), n, seed)
    assert len(drawn) == n
    assert len({case.id for case in drawn}) == n


def test_an_exhausted_pool_says_so():
    with pytest.raises(EmptyPool, match=r"n=5000 .*only \d+ distinct cases can be generated"):
        draw(counting_cases(SMALL, classes=["cat"], instances=5), 5000, seed=0)


@given(counting_cases(SMALL, spread=2, distractors=1))
def test_strategies_work_in_a_users_own_given_test(case):
    assert len(case.images) == 3
    assert case.messages[0]["content"][:3] == [{"type": "image"}] * 3


def test_drawing_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw(counting_cases(SMALL), 5, seed=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spread": 0}, r"spread=0 is not allowed"),
        ({"spread": 5, "total": 4}, r"total=4 is not allowed; allowed: at least spread=5"),
        ({"concepts": 2, "total": 4}, r"total=4 is not allowed; allowed: None when concepts > 1"),
        ({"template": "fancy"}, r"template='fancy' is not allowed; allowed: 'plain'"),
        ({"order": "needle_first"}, r"order='needle_first'.*did you mean 'needles_first'"),
        ({"classes": ["dog"]}, r"class='dog' is not allowed"),
        ({"instances": (3, 2)}, r"instances=\(3, 2\) is not allowed"),
    ],
)
def test_impossible_requests_are_refused_with_the_value(arguments, message):
    with pytest.raises(InvalidArgument, match=message):
        counting_cases(SMALL, **arguments)


def test_an_empty_pool_names_the_constraint():
    with pytest.raises(EmptyPool, match=r"no class has 900 images that show it \(16 classes met"):
        common_sweep(SMALL, levels=(900,))
    with pytest.raises(InvalidArgument, match="supercategory='weather'"):
        listing_cases(SMALL, images=1, supercategory="weather")
