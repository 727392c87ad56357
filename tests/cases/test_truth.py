"""Every case has a true, unique answer: the second oracle agrees on 10,000 rendered cases and 5,000
of photos.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.cases import (
    common_cases,
    common_sweep,
    counting_cases,
    counting_sweep,
    draw,
    flatten,
    listing_cases,
    listing_sweep,
    odd_one_cases,
    odd_one_sweep,
)
from mimic_checks.catalog import coco, rendered
from mimic_checks.catalog.labels import plural
from mimic_checks.tasks import Counts
from tests.second_oracle import disagreement, world_of_coco, world_of_scenes


@pytest.mark.slow
def test_second_oracle_agrees_on_ten_thousand_rendered_cases():
    catalog = rendered(seed=11)
    sweeps = [
        counting_sweep(catalog, factor="spread", levels=(1, 2, 3, 4), total=(4, 6), template="any"),
        counting_sweep(
            catalog,
            factor="spread",
            levels=(1, 2, 3, 4, 5),
            total=(5, 6),
            distribution="random",
            template="any",
        ),
        counting_sweep(
            catalog,
            factor="spread",
            levels=(1, 2, 4),
            instances=(1, 2),
            distractors=2,
            order="needles_last",
        ),
        counting_sweep(catalog, factor="distractors", levels=(0, 1, 3, 7, 15), template="any"),
        counting_sweep(
            catalog, factor="concepts", levels=(1, 2, 3, 4), spread=2, distractors=1, template="any"
        ),
        counting_sweep(
            catalog, factor="images", levels=(1, 2, 4, 8), instances=(1, 2), order="needles_first"
        ),
        listing_sweep(catalog, levels=(1, 2, 4, 8), template="any"),
        common_sweep(catalog, levels=(2, 4, 8), template="any"),
        odd_one_sweep(catalog, levels=(2, 4, 6), template="any"),
        odd_one_sweep(catalog, levels=(3, 5), template="any"),
    ]
    cases = [
        case
        for number, sweep in enumerate(sweeps)
        for case in flatten(draw(sweep, 285, seed=number))
    ]
    assert len(cases) >= 10_000
    rows = {catalog.manifest.row(image) for case in cases for image in case.images}
    world = world_of_scenes(catalog, rows)
    plurals = {plural(name): name for name in catalog.class_names}
    problems = [
        (case.id, case.question, text)
        for case in cases
        if (text := disagreement(case, world, plurals))
    ]
    assert problems == []


@pytest.mark.slow
def test_second_oracle_agrees_on_five_thousand_photo_cases(photos):
    catalog = coco(photos)
    strategies = [
        (counting_cases(catalog, spread=1, distractors=2, template="any"), 1770),
        (counting_cases(catalog, spread=2, distractors=1, instances=(1, 3), template="any"), 1000),
        (
            counting_cases(
                catalog,
                spread=2,
                total=(2, 4),
                distribution="random",
                distractors=3,
                template="any",
            ),
            500,
        ),
        (counting_cases(catalog, concepts=2, spread=2, distractors=1, template="any"), 500),
        (listing_cases(catalog, images=3, template="any"), 900),
        (common_cases(catalog, images=3, template="any"), 130),
        (odd_one_cases(catalog, images=3, template="any"), 200),
    ]
    cases = [
        case
        for number, (strategy, n) in enumerate(strategies)
        for case in draw(strategy, n, seed=number)
    ]
    assert len(cases) == 5_000
    world = world_of_coco(photos, min_share=0.01, max_instances=10)
    plurals = {plural(name): name for name in catalog.class_names}
    problems = [
        (case.id, case.question, text)
        for case in cases
        if (text := disagreement(case, world, plurals))
    ]
    assert problems == []


def test_the_second_oracle_sees_a_wrong_answer(scenes):
    """The oracle itself is worth something: shifting every counting answer by one is noticed in
    every case."""
    cases = draw(counting_cases(scenes, spread=2, instances=(1, 2)), 50, seed=0)
    world = world_of_scenes(
        scenes, {scenes.manifest.row(image) for case in cases for image in case.images}
    )
    plurals = {plural(name): name for name in scenes.class_names}
    for case in cases:
        name, count = case.truth.counts[0]
        assert disagreement(replace(case, truth=Counts(((name, count + 1),))), world, plurals)
        assert not disagreement(case, world, plurals)
