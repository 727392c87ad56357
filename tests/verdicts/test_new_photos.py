"""How far a level's rate reaches: the effective number of cases against sums written out, a
published coefficient and simulated catalogs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from mimic_checks.cases import Level, images_first
from mimic_checks.verdicts import judge_levels, load_thresholds, tally
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.new_photos import FEWEST, Sharing, effective_cases, interval, new_photos
from mimic_checks.verdicts.result import level_result
from mimic_checks.verdicts.text import is_far, reach
from tests.scored import QUESTION, group, outcome


def shows(number, kind, images, needles=(0,)):
    """An outcome of a case that shows these images."""
    made = outcome(number, kind)
    content = images_first(images, QUESTION)
    return replace(made, case=replace(made.case, content=content, needles=tuple(needles)))


def crossed(seed, cases=40, photos=25, images=3):
    rng = np.random.default_rng(seed)
    shown = [
        {f"p{k}" for k in rng.choice(photos, rng.integers(1, images + 1), False)}
        for _ in range(cases)
    ]
    return shown, (rng.random((cases, 1)) < 0.7).astype(float)


def by_sums(shown, right):
    """The same in double sums and a linear system."""
    n = len(shown)
    common = np.array([[len(a & b) / (len(a) * len(b)) ** 0.5 for b in shown] for a in shown])
    least = n**2 / sum(common[i, j] for i in range(n) for j in range(n))
    left = right[:, 0] - right.mean()
    centred = np.eye(n) - np.ones((n, n)) / n
    seen = [left @ left, sum(left[i] * left[j] * common[i, j] for i in range(n) for j in range(n))]
    # Mean squares, plain and weighted, of cases alone and of photos.
    means = [
        [np.trace(centred), np.trace(centred @ common)],
        [np.trace(centred @ common), np.trace(centred @ common @ centred @ common)],
    ]
    alone, by_photos = np.linalg.solve(means, seen)
    share = np.clip(by_photos / (alone + by_photos), 0, 1)
    fewer = least * min(right.mean(), 1 - right.mean())
    share = (fewer * share + 1) / (fewer + 1)
    return n / (1 + share * (n / least - 1)), least


@pytest.mark.parametrize("seed", range(8))
def test_effective_cases_are_what_the_sums_say(seed):
    shown, right = crossed(seed)
    expected, least = by_sums(shown, right)
    sharing = Sharing.of(shown)
    assert sharing.least == pytest.approx(least)
    assert sharing.effective(right)[0] == pytest.approx(expected)


def test_with_one_photo_a_case_the_share_is_the_published_intraclass_correlation():
    """Shrout and Fleiss 1979, table 2 (six targets, four judges): ICC(1, 1) = 0.17, there in two
    digits; R's psych::ICC gives 0.166 for it."""
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    values = np.array(ratings, dtype=float).reshape(-1, 1)
    sharing = Sharing.of([{f"target {k // 4}"} for k in range(24)])
    assert sharing.least == pytest.approx(6)
    assert sharing.explained(values - values.mean())[0] == pytest.approx(0.166, abs=5e-4)


@pytest.mark.parametrize(("right", "n"), [(0, 9), (4, 9), (9, 9), (180, 200)])
def test_the_interval_of_whole_cases_is_clopper_and_pearson_s(right, n):
    low, high = interval(np.array([right / n]), np.array([float(n)]), 0.05)
    exact = binomtest(right, n).proportion_ci(0.95, "exact")
    assert (low[0], high[0]) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_photos_of_their_own_leave_this_catalog_s_interval():
    items = [shows(k, "wrong" if k < 20 else "right", [f"a{k}", f"b{k}"]) for k in range(100)]
    found = new_photos(items, 0.05)
    exact = binomtest(80, 100).proportion_ci(0.95, "exact")
    assert (found.photos, found.effective) == (200, 100)
    assert found.interval == (pytest.approx(exact.low), pytest.approx(exact.high))


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_at_the_ends_of_the_scale_the_photos_count(kind):
    """Ten photos, each twenty times, always right: ten cases, not two hundred."""
    found = new_photos([shows(k, kind, [f"p{k % 10}"]) for k in range(200)], 0.05)
    exact = binomtest(10 if kind == "right" else 0, 10).proportion_ci(0.95, "exact")
    assert (found.photos, found.effective) == (10, 10)
    assert found.interval == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_a_few_needles_among_many_photos_count_where_they_decide():
    """Eight photos hold what is asked for, and decide; no other is shown twice."""
    items = [
        shows(k, "right" if k % 8 < 5 else "wrong", [f"n{k % 8}", *(f"{k} {j}" for j in range(4))])
        for k in range(160)
    ]
    found = new_photos(items, 0.05)
    assert (found.photos, found.effective) == (8 + 640, 8)
    # As if all images were needles: hardly anything seems shared.
    every = [replace(i, case=replace(i.case, needles=(0, 1, 2, 3, 4))) for i in items]
    assert new_photos(every, 0.05).effective > 30


def test_a_group_shows_the_images_of_all_its_members():
    items = [group(k, ["right", "wrong" if k % 2 else "right"]) for k in range(4)]
    assert new_photos(items, 0.05).photos == 2
    assert new_photos(items, 0.05).absent.startswith("where photos decide they are worth 1.0 cases")


def test_the_same_photos_in_every_case_tell_nothing_of_new_ones():
    items = [shows(k, "right", [f"p{j}" for j in range(35)]) for k in range(100)]
    found = new_photos(items, 0.05)
    assert (found.photos, found.effective, found.interval) == (35, 1, None)


def test_cases_without_images_share_nothing():
    right = np.array([[1.0], [0.0], [1.0]])
    assert effective_cases([(), (), ()], [(), (), ()], right) == (pytest.approx([3]), 3)


def stored(items):
    """A level with these items, as it is stored."""
    thresholds = load_thresholds().defaults
    level = Level("spread", 1)
    verdict = judge_levels([(level, tally(items, thresholds.alpha, {}))], thresholds, TestFamily(1))
    return level_result(verdict.levels[0], items, thresholds.alpha)


def test_what_is_stored_says_so_in_words_only_where_it_matters():
    few = stored([shows(k, "wrong" if k % 9 < 2 else "right", [f"p{k % 9}"]) for k in range(180)])
    assert (few.photos, few.effective) == (9, 9)
    assert is_far(few)
    assert reach(few) == (
        f"these 180 cases show 9 photos: for new photos the rate is between {few.new_low:.2f} and"
        f" {few.new_high:.2f}"
    )
    assert few.new_low < few.low - 0.2
    many = stored([shows(k, "wrong" if k % 9 < 2 else "right", [f"p{k}"]) for k in range(180)])
    assert not is_far(many)
    assert (many.new_low, many.new_high) == (pytest.approx(many.low), pytest.approx(many.high))
    same = stored([shows(k, "right", ["p1", "p2"]) for k in range(180)])
    assert is_far(same)
    assert "show 2 photos, too few to say anything about new ones: where photos" in reach(same)


def test_a_level_without_answers_has_no_rate_on_new_photos_either():
    failed = stored([shows(k, "error", [f"p{k}"]) for k in range(40)])
    assert (failed.new_low, failed.effective, is_far(failed)) == (None, None, False)


@pytest.mark.parametrize(("photos", "images"), [(35, 1), (60, 4), (200, 8)])
def test_the_rate_on_new_photos_is_covered(photos, images):
    """A case is wrong if any of its photos is a bad one: photos decide all. The interval of the
    cases alone misses; so would one that ignores that photos are crossed."""
    rng, rate, cases, runs, catalogs = np.random.default_rng(0), 0.8, 100, 50, 20
    covered, alone = [], []
    for _ in range(catalogs):
        shown = rng.random((cases, photos)).argsort(axis=1)[:, :images]
        bad = rng.random((photos, runs)) > rate ** (1 / images)
        right = 1.0 - bad[shown].any(axis=1)
        ids = [[str(photo) for photo in case] for case in shown]
        effective, least = effective_cases(ids, [case[:1] for case in ids], right)
        assert least >= FEWEST
        for found, n in ((covered, effective), (alone, np.full_like(effective, cases))):
            low, high = interval(right.mean(axis=0), n, 0.05)
            found.append((low <= rate) & (rate <= high))
    assert np.mean(covered) >= 0.93
    assert np.mean(alone) < 0.85
