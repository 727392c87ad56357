"""The true answers and lures of misleading twins, computed again from pixels."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from scipy import ndimage

from mimic_checks.catalog.misleading import CATEGORIES, misleading
from mimic_checks.errors import InvalidArgument

SIZE_PX = 256
CATALOG = misleading(seed=11, size_px=SIZE_PX, pairs=30)
USUAL = {"apple": 2, "banana": 48, "pear": 130, "plum": 215}
"""Hues in degrees of fruit as people know them."""


def picture(row):
    return np.asarray(CATALOG.source.load(row)[0]).astype(int)


def near(pixels, colour, within=14):
    return (np.abs(pixels - np.array(colour)) <= within).all(axis=2)


def painted(pixels):
    brightest, darkest = pixels.max(axis=2), pixels.min(axis=2)
    vivid = (brightest - darkest) / np.maximum(brightest, 1) > 0.4
    return ndimage.binary_opening(vivid & ~near(pixels, (105, 70, 40), 30), iterations=1)


def blobs(shown, least=150):
    labels, number = ndimage.label(shown)
    return [label for label in range(1, number + 1) if (labels == label).sum() >= least], labels


def twins(category):
    for number in CATALOG.of(category):
        yield CATALOG.twins[number], picture(2 * number), picture(2 * number + 1)


def test_a_fruit_keeps_its_outline_and_takes_the_colour_of_the_lure():
    for twin, normal, misled in twins("resemblance"):
        one, other = painted(normal), painted(misled)
        assert (one != other).mean() < 0.01, twin
        assert twin.right[0] == twin.right[1] != twin.lure
        for pixels, shown, said in ((normal, one, twin.right[0]), (misled, other, twin.lure)):
            red, green, blue = np.median(pixels[shown], axis=0) / 255
            hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]
            usual = min(USUAL, key=lambda name: abs((USUAL[name] - hue + 180) % 360 - 180))
            assert usual == said


def test_what_is_in_the_frame_does_not_count():
    as_said = 0
    for twin, normal, misled in twins("representation"):
        assert not ndimage.binary_opening(near(normal, (105, 70, 40)), iterations=2).any()
        wood = ndimage.binary_opening(near(misled, (105, 70, 40)), iterations=2)
        rows, columns = np.nonzero(wood)
        inside = np.zeros_like(wood)
        inside[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
        whole, _ = blobs(ndimage.binary_closing(painted(normal), iterations=6))
        outside, _ = blobs(ndimage.binary_closing(painted(misled) & ~inside, iterations=6))
        as_said += (str(len(whole)), str(len(outside))) == twin.right
        assert (painted(misled) & inside).sum() > 150
        assert twin.lure == twin.right[0] == str(int(twin.right[1]) + 1)
    assert as_said >= 27  # neighbours that touch are one blob


def test_a_post_leaves_a_piece_on_both_sides_and_the_number_as_it_is():
    as_said = 0
    for twin, normal, misled in twins("occlusion"):
        post = [near(pixels, (70, 70, 76), 3) for pixels in (normal, misled)]
        assert not (ndimage.binary_dilation(post[0], iterations=3) & painted(normal)).any()
        rows, columns = np.nonzero(ndimage.binary_opening(post[1], iterations=3))
        box = slice(rows.min(), rows.max())
        left = painted(misled)[box, : columns.min()][:, -25:]
        right = painted(misled)[box, columns.max() + 1 :][:, :25]
        assert left.sum() > 30, twin
        assert right.sum() > 30, twin
        joined = ndimage.binary_closing(painted(normal), iterations=6)
        as_said += str(len(blobs(joined)[0])) == twin.right[0]
        assert twin.right[0] == twin.right[1]
        assert int(twin.lure) == int(twin.right[1]) + 1
    assert as_said >= 26


def test_options_hold_the_right_answers_and_the_lure_at_any_place():
    for category in CATEGORIES:
        found = [CATALOG.twins[number] for number in CATALOG.of(category)]
        assert all({*twin.right, twin.lure} <= set(twin.options) for twin in found)
        assert all(len(set(twin.options)) == 4 for twin in found)
        ranks = {sorted(twin.options).index(twin.right[1]) for twin in found}
        assert len(ranks) >= 3, f"{category}: the right one is told by its rank"


@pytest.mark.parametrize("option", [{"seed": -1}, {"size_px": 40}, {"pairs": 0}])
def test_what_is_out_of_range_is_refused(option):
    with pytest.raises(InvalidArgument, match=next(iter(option))):
        misleading(**option)
