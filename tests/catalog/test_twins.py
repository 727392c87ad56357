"""The true answers of twins, computed again from pixels, by code that shares nothing with the
scenes."""

from __future__ import annotations

import colorsys
import re

import numpy as np
import pytest
from scipy import ndimage

from mimic_checks.catalog import load_catalog
from mimic_checks.catalog.patterns import PATTERNS, twin
from mimic_checks.catalog.rendered import TRAINING_SEED
from mimic_checks.catalog.twins import twin_of, twins
from mimic_checks.errors import InvalidArgument

SIZE_PX = 256
CATALOG = twins(seed=7, size_px=SIZE_PX, pairs=25)


def picture(row):
    return np.asarray(CATALOG.source.load(row)[0]).astype(int)


def painted(pixels):
    """Where something stands on the muted background: saturated, or much darker or brighter than
    its row's middle."""
    brightest, darkest = pixels.max(axis=2), pixels.min(axis=2)
    saturation = (brightest - darkest) / np.maximum(brightest, 1)
    return ndimage.binary_opening(saturation > 0.4, iterations=1)


def blobs(pixels, least=120):
    """Connected things as (pixels, centre row, centre column, hue), the largest first."""
    joined = ndimage.binary_closing(painted(pixels), iterations=6)
    labels, number = ndimage.label(joined)
    found = []
    for label in range(1, number + 1):
        where = (labels == label) & painted(pixels)
        if where.sum() >= least:
            rows, columns = np.nonzero(where)
            red, green, blue = np.median(pixels[where], axis=0) / 255
            hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]
            found.append((int(where.sum()), rows.mean(), columns.mean(), hue))
    return sorted(found, reverse=True)


def both(pattern):
    for number in CATALOG.of(pattern):
        yield CATALOG.twins[number], picture(2 * number), picture(2 * number + 1)


def options(found):
    return dict(zip(found.options, (0, 1), strict=True))


def test_of_presence_and_count_one_picture_has_one_thing_more():
    for pattern in ("presence", "count"):
        for found, *pictures in both(pattern):
            things = [len(blobs(pixels)) for pixels in pictures]
            more, less = ("yes", "no") if pattern == "presence" else sorted(found.options)[::-1]
            place = options(found)
            # Neighbours that touch are one blob in both pictures, or in neither.
            assert things[place[more]] >= things[place[less]], found.stem
            added = painted(pictures[place[more]]).sum() - painted(pictures[place[less]]).sum()
            assert added > 100, found.stem


def test_things_that_are_counted_are_as_many():
    right = 0
    for found, *pictures in both("count"):
        for pixels, said in zip(pictures, found.options, strict=True):
            right += len(blobs(pixels)) == int(said) + 1  # and one of another class
    assert right >= 0.85 * 2 * len(CATALOG.of("count"))  # touching neighbours are one blob


def test_colours_are_those_of_the_pixels_that_change():
    hues = {"red": 2, "yellow": 48, "green": 130, "blue": 215}
    for found, first, second in both("colour"):
        changed = np.abs(first - second).max(axis=2) > 40
        for pixels, said in zip((first, second), found.options, strict=True):
            red, green, blue = np.median(pixels[changed], axis=0) / 255
            hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]
            nearest = min(hues, key=lambda name: abs((hues[name] - hue + 180) % 360 - 180))
            assert nearest == said, found.stem


def test_positions_are_those_of_centres():
    """Which of the two things is which is told from their colours, where those differ."""
    for found, first, second in both("position"):
        across = {"left", "right"} == set(found.options)
        asked = re.search(r"Is the (\w+)", found.stem)[1]
        hue_of = hues_of_classes()
        for pixels, said in zip((first, second), found.options, strict=True):
            two = sorted(blobs(pixels)[:2], key=lambda b: b[2 if across else 1])
            other = re.search(r"(?:of|above or below) the (\w+)\?", found.stem)[1]
            if abs((hue_of[asked] - hue_of[other] + 180) % 360 - 180) < 40:
                continue  # of one colour: not told apart by it
            near = [abs((b[3] - hue_of[asked] + 180) % 360 - 180) for b in two]
            place = ("left", "right") if across else ("above", "below")
            assert place[int(np.argmin(near))] == said, found.stem


def hues_of_classes():
    from mimic_checks.catalog.shapes import SHAPES

    return {name: shape.hue_deg for name, shape in SHAPES.items()}


def test_a_half_is_smaller_and_an_upended_or_mirrored_thing_is_as_large():
    for found, *pictures in both("structure"):
        place = options(found)
        whole, half = (painted(pictures[place[k]]).sum() for k in ("whole", "cut in half"))
        assert half < whole - 60, found.stem
    for pattern in ("direction", "state"):
        for found, first, second in both(pattern):
            sizes = painted(first).sum(), painted(second).sum()
            assert abs(sizes[0] - sizes[1]) < 0.1 * max(sizes), found.stem
            assert (np.abs(first - second).max(axis=2) > 40).sum() > 150


def test_a_bird_faces_where_its_dark_beak_and_eye_are():
    """The darkest pixels (eye, beak) lie on the side of its head. Of other classes, the mirror test
    of edits shows that they turn."""
    for found, first, second in both("direction"):
        if "the bird " not in found.stem:
            continue
        for pixels, said in zip((first, second), found.options, strict=True):
            changed = np.abs(first - second).max(axis=2) > 25
            rows, columns = np.nonzero(changed)
            box = pixels[rows.min() : rows.max(), columns.min() : columns.max()]
            dark = box.max(axis=2) < 60
            side = np.nonzero(dark)[1].mean() / box.shape[1]
            assert (side > 0.5) == (said == "right"), found.stem


def test_every_pattern_has_as_many_twins_and_both_answers_first():
    for pattern in PATTERNS:
        found = [CATALOG.twins[number] for number in CATALOG.of(pattern)]
        assert len(found) == 25
        assert all(one.options[0] != one.options[1] for one in found)
        assert all(CATALOG.answer(2 * n) == CATALOG.twins[n].options[0] for n in range(5))
    first = [CATALOG.twins[n].options[0] for n in CATALOG.of("direction")]
    assert 5 < first.count("left") < 20


def test_the_same_arguments_give_the_same_pictures_and_more_begin_with_the_same():
    assert load_catalog("twins?seed=7&size_px=256&pairs=25").manifest.id(3) == CATALOG.manifest.id(
        3
    )
    assert twin_of("text", 7, 4) == CATALOG.twins[CATALOG.of("text")[4]]
    assert twin_of("text", 8, 4) != twin_of("text", 7, 4)
    assert twin("text", np.random.default_rng(1)) == twin("text", np.random.default_rng(1))


@pytest.mark.parametrize(
    "option", ["seed=-1", f"seed={TRAINING_SEED}", "size_px=47", "pairs=0", "pairs=many"]
)
def test_what_is_out_of_range_is_refused(option):
    with pytest.raises(InvalidArgument, match=option.partition("=")[0]):
        load_catalog(f"twins?{option}")
