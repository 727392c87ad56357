"""Rendered scenes: exact masks and boxes, shapes that differ, every size."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog import scene as scenes
from mimic_checks.catalog.scene import (
    GRID,
    MAX_OBJECTS,
    Scene,
    arrange,
    loose_object,
    mask_box,
    object_mask,
    place,
    render,
)
from mimic_checks.catalog.shapes import SHAPES


@given(st.integers(0, 2**32), st.integers(1, MAX_OBJECTS), st.sampled_from([64, 96, 160]))
def test_a_mask_is_where_the_object_changes_the_picture(seed, objects, size_px):
    """Against an oracle that shares nothing with masks: the scene with and without the object. The
    mask holds only pixels that change, and all of those that change in each of their sixteen parts
    when drawn at four times the size."""
    rng = np.random.default_rng(seed)
    scene = place(rng.integers(len(SHAPES), size=objects).tolist(), rng)
    without = Scene(scene.objects[1:], scene.background, scene.noise_seed)

    def changed(side_px):
        pictures = [np.asarray(render(shown, side_px)) for shown in (scene, without)]
        return (pictures[0] != pictures[1]).any(axis=-1)

    mask = object_mask(scene.objects[0], size_px)
    covered = changed(4 * size_px).reshape(size_px, 4, size_px, 4).all(axis=(1, 3))
    assert mask.any()
    assert (mask & ~changed(size_px)).sum() <= 2, (
        "a covered pixel may equal its background by chance"
    )
    assert (covered & ~mask).sum() <= 1


TOUCH = 0.05
"""The share of an object that a neighbour's tip may cover."""


def most_hidden(masks):
    """The largest share of one object's pixels that another one covers too."""
    return max((a & b).sum() / min(a.sum(), b.sum()) for a, b in combinations(masks, 2))


def test_tips_that_touch_hide_nothing_that_is_counted():
    """The shape that reaches furthest out of its cell, in the fullest scenes."""
    banana = list(SHAPES).index("banana")
    hidden = []
    for seed in range(60):
        scene = place([banana] * MAX_OBJECTS, np.random.default_rng(seed))
        hidden.append(most_hidden([object_mask(item, 128) for item in scene.objects]))
    assert 0 < max(hidden) < TOUCH, "they do touch"


@given(st.integers(0, 2**32), st.integers(2, MAX_OBJECTS))
def test_objects_have_cells_of_their_own_and_hide_nothing_of_each_other(seed, objects):
    rng = np.random.default_rng(seed)
    scene = place(rng.integers(len(SHAPES), size=objects).tolist(), rng)
    masks = np.stack([object_mask(item, 128) for item in scene.objects])
    assert most_hidden(masks) < TOUCH
    cells = {(int(item.y * GRID), int(item.x * GRID)) for item in scene.objects}
    assert len(cells) == objects
    for _item, mask in zip(scene.objects, masks, strict=True):
        left, top, width, height = mask_box(mask)
        assert mask[top : top + height, left : left + width].sum() == mask.sum()
        assert width * height / 128**2 > 0.01, "every object is large enough to be asked for"


def test_classes_differ_in_shape_and_not_only_in_colour():
    """Silhouettes of any two classes, same size and no rotation, differ in more than a tenth of
    their union."""
    masks = []
    for index in range(len(SHAPES)):
        item = scenes.SceneObject(index, 0.5, 0.5, 0.24, 0.0, (200, 200, 200))
        masks.append(object_mask(item, 256))
    assert len(masks) >= 16
    assert len({shape.supercategory for shape in SHAPES.values()}) >= 4
    for first in range(len(masks)):
        for second in range(first):
            union, both = (masks[first] | masks[second]).sum(), (masks[first] & masks[second]).sum()
            assert 1 - both / union > 0.1, (list(SHAPES)[first], list(SHAPES)[second])


@pytest.mark.parametrize("size_px", [32, 64, 224, 448])
def test_one_scene_is_the_same_picture_at_every_size(size_px):
    scene = place([0, 5, 9], np.random.default_rng(1))
    picture = render(scene, size_px)
    assert picture.size == (size_px, size_px)
    assert picture.mode == "RGB"
    assert render(scene, size_px).tobytes() == picture.tobytes()
    small, large = object_mask(scene.objects[0], size_px), object_mask(scene.objects[0], 448)
    assert small.mean() == pytest.approx(large.mean(), rel=0.2)


def test_re_placing_keeps_everything_but_the_place():
    rng = np.random.default_rng(2)
    objects = [loose_object(3, rng) for _ in range(4)]
    for scene in (arrange(objects, rng), arrange(objects, rng)):
        assert [(o.class_index, o.size, o.rotation_deg, o.colour) for o in scene.objects] == [
            (o.class_index, o.size, o.rotation_deg, o.colour) for o in objects
        ]
    with pytest.raises(ValueError, match="objects=17"):
        arrange([loose_object(0, rng)] * 17, rng)
