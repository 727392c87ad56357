"""Draws are uniform up to the end of a small pool, or refused with how many are: against an oracle
that lists every case of a tiny catalog without the generator."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import chisquare

from mimic_checks.cases import counting_cases, draw, flatten, listing_cases
from mimic_checks.catalog import Catalog
from mimic_checks.checks.discovery import find_checks
from mimic_checks.errors import EmptyPool


class Blank:
    """Pictures of one pixel, told apart by their number."""

    def load(self, row):
        return Image.new("RGB", (1, 1)), self.hashed(row)

    def hashed(self, row):
        return str(row).encode()

    def describe(self, row):
        return f"picture {row}"

    def file(self, row):
        return None


def tiny(*images_of):
    """A catalog of classes c0, c1, ..., each alone, once, in so many images of its own."""
    rows = [c for c, number in enumerate(images_of) for _ in range(number)]
    counts = np.zeros((len(rows), len(images_of)), dtype=np.int16)
    counts[np.arange(len(rows)), rows] = 1
    names = tuple(f"c{c}" for c in range(len(images_of)))
    return Catalog(
        name="tiny",
        class_names=names,
        supercategories=("animal",) * len(names),
        counts=counts,
        uncountable=np.zeros(counts.shape, dtype=bool),
        areas=counts.astype(np.float32),
        source=Blank(),
    )


def asked(case):
    return case.truth.counts[0][0]


def fit(seen, expected):
    """How well numbers agree with shares, as a p-value."""
    total = sum(seen.values())
    keys = list(expected)
    shares = np.array([expected[key] for key in keys])
    assert set(seen) <= set(keys)
    return chisquare([seen[key] for key in keys], total * shares / shares.sum()).pvalue


def test_every_case_comes_as_often_as_its_class_and_images_say():
    """All needle-and-distractor cases of a tiny catalog, in both orders, enumerated by hand."""
    catalog = tiny(2, 3)
    groups = {0: (0, 1), 1: (2, 3, 4)}
    expected = {}
    for c, needles in groups.items():
        others = groups[1 - c]
        for needle, other, order in itertools.product(needles, others, (0, 1)):
            rows = (needle, other) if order == 0 else (other, needle)
            expected[rows] = 1 / 2 / len(needles) / len(others) / 2
    seen = Counter(
        tuple(catalog.manifest.row(image) for image in case.images)
        for seed in range(600)
        for case in draw(counting_cases(catalog, distractors=1), 1, seed)
    )
    assert fit(seen, expected) > 1e-4


@pytest.mark.parametrize("pools", [(3, 40), (2, 5, 60), (1, 1, 1, 30, 30)])
def test_a_pool_that_bends_is_refused_with_how_many_draws_do_not(pools):
    """The right share of every class is one over their number: the oracle. What is left by
    rejecting repeats is far from it; what is given, or named as possible, is not."""
    catalog = tiny(*pools)
    strategy = counting_cases(catalog, instances=1)
    n = sum(pools) - 2
    seen: Counter = Counter()
    for seed in range(8):
        with pytest.raises(EmptyPool, match=r"n=\d+ is not possible") as refused:
            draw(strategy, n, seed)
        assert 1 <= refused.value.possible < n
        assert str(refused.value.possible) in str(refused.value)
        seen.update(map(asked, draw(strategy, refused.value.possible, seed)))
    assert fit(seen, {f"c{c}": 1 for c in range(len(pools))}) > 1e-4


@pytest.mark.parametrize("pools", [(20, 20), (9, 9, 9, 9, 9)])
def test_pools_of_equal_size_are_drawn_to_nearly_their_end(pools):
    """Repeats fall on all classes alike, and bend nothing."""
    strategy = counting_cases(tiny(*pools), instances=1)
    n = round(0.8 * sum(pools))
    given = [draw_or_none(strategy, n, seed) for seed in range(40)]
    drawn = [cases for cases in given if cases is not None]
    assert len(drawn) >= 38
    assert fit(Counter(map(asked, flatten_all(drawn))), {f"c{c}": 1 for c in range(len(pools))})


def draw_or_none(strategy, n, seed):
    try:
        return draw(strategy, n, seed)
    except EmptyPool:
        return None


def flatten_all(lists):
    return [case for cases in lists for case in cases]


def test_a_pool_that_runs_dry_says_how_many_draws_there_are_and_how_many_are_even():
    strategy = counting_cases(tiny(2, 50), instances=1)
    with pytest.raises(
        EmptyPool, match=r"only 52 distinct cases .* and \d+ that ask about all classes alike"
    ):
        draw(strategy, 60, seed=0)


@given(st.integers(0, 2**32), st.data())
def test_draws_that_are_left_out_are_replaced_and_the_others_stay(seed, data):
    strategy = listing_cases(tiny(30, 30), images=2)
    before = draw(strategy, 12, seed)
    marked = data.draw(st.sets(st.sampled_from([case.id for case in before]), max_size=6))
    after = draw(strategy, 12, seed, leave_out=marked)
    assert not marked & {case.id for case in after}
    stayed = [case for case in before if case.id not in marked]
    assert after[: len(stayed)] == stayed, "others fill in behind"
    assert after == draw(strategy, 12, seed, leave_out=marked)


GOLDEN = {
    "spread.balanced": "07ca083d994a4c84",
    "distractors": "99b855aedb979da7",
    "multi_concept": "1ddc72c6a23e6021",
    "image_count.listing": "9f7b1836ac47c9e2",
}


@pytest.fixture(scope="module")
def rendered_by_default():
    from mimic_checks.catalog import load_catalog

    return load_catalog("rendered")


@pytest.mark.parametrize("name", GOLDEN)
def test_the_default_run_asks_what_it_asked_in_0_1(rendered_by_default, name):
    """Repeats and all: runs and baselines refer to these cases. Images as rows, because ids of
    rendered images hash pixels of the installed Pillow."""
    catalog, check = rendered_by_default, find_checks()[name].check
    levels = tuple(level.value for level in check.drawn_levels("standard"))
    strategy = check.cases(catalog, levels=levels, template="plain")
    said = [
        [catalog.manifest.row(image) for image in case.images] + [case.question, case.truth.text]
        for case in flatten(draw(strategy, 100, check.seed(0)))
    ]
    assert hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16] == GOLDEN[name]
