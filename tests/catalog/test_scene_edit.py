"""Edits of scenes: what they change, and that nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.catalog import scene_edit
from mimic_checks.catalog.patterns import PATTERNS, twin
from mimic_checks.catalog.scene import SceneObject, object_mask, place, render
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.catalog.signs import WORDS, Sign
from mimic_checks.errors import InvalidArgument

NAMES = list(SHAPES)
SEEDS = st.integers(0, 2**32)
SIZE_PX = 64


def scene_of(seed, *names):
    rng = np.random.default_rng(seed)
    return place([NAMES.index(name) for name in names], rng)


def pixels(scene):
    return np.asarray(render(scene, SIZE_PX)).astype(int)


def grown(mask):
    """A mask and the pixels around it: averaging down mixes an edge into them, and tips that cover
    less than half of a pixel are in no mask."""
    steps = (-2, -1, 0, 1, 2)
    return np.logical_or.reduce([np.roll(mask, (x, y), (0, 1)) for x in steps for y in steps])


def covered(scene):
    masks = [object_mask(item, SIZE_PX) for item in scene.objects]
    shown = np.logical_or.reduce([np.zeros((SIZE_PX, SIZE_PX), bool), *masks])
    if scene.sign:
        left, top, right, bottom = (share * SIZE_PX for share in scene.sign.box)
        shown[int(top) : int(bottom) + 2, int(left) : int(right) + 2] = True
    return shown


@given(st.sampled_from(sorted(PATTERNS)), SEEDS)
def test_twins_differ_only_where_one_of_them_shows_what_the_other_does_not(pattern, seed):
    first, second = twin(pattern, np.random.default_rng(seed)).scenes
    changed = (pixels(first) != pixels(second)).any(axis=2)
    assert changed.any()
    own = [set(first.objects) - set(second.objects), set(second.objects) - set(first.objects)]
    signs = (first.sign, second.sign) if first.sign != second.sign else (None, None)
    edited = [
        replace(scene, objects=tuple(mine), sign=sign)
        for scene, mine, sign in zip((first, second), own, signs, strict=True)
    ]
    allowed = grown(covered(edited[0]) | covered(edited[1]))
    assert not (changed & ~allowed).any()
    assert first.background == second.background


@given(SEEDS)
def test_a_mirrored_object_is_the_mirror_image_where_it_stands(seed):
    scene = scene_of(seed, "bird")
    item = replace(scene.objects[0], x=0.5, y=0.5)
    scene = replace(scene, objects=(item,))
    before = object_mask(item, SIZE_PX)
    after = object_mask(scene_edit.mirrored(scene, 0).objects[0], SIZE_PX)
    assert (after != before[:, ::-1]).mean() < 0.01
    assert scene_edit.mirrored(scene_edit.mirrored(scene, 0), 0) == scene


@given(SEEDS, st.sampled_from(NAMES))
def test_half_of_an_object_is_the_left_half_and_nothing_beyond(seed, name):
    item = SceneObject(NAMES.index(name), 0.5, 0.5, 0.8, 0.0, (200, 100, 50))
    scene = replace(scene_of(seed), objects=(item,))
    whole = object_mask(item, SIZE_PX)
    half = object_mask(scene_edit.halved(scene, 0).objects[0], SIZE_PX)
    middle = SIZE_PX // 2
    # Cut anew, an edge may take in another pixel beside it.
    assert (half[:, :middle] != whole[:, :middle]).mean() < 0.01
    assert not half[:, middle + 1 :].any()
    assert half.sum() < whole.sum()


@given(SEEDS)
def test_exchanged_objects_stand_where_the_other_stood(seed):
    scene = scene_of(seed, "cat", "key", "saw")
    after = scene_edit.exchanged(scene, 0, 2)
    assert [(o.x, o.y) for o in after.objects] == [
        (scene.objects[k].x, scene.objects[k].y) for k in (2, 1, 0)
    ]
    assert [o.class_index for o in after.objects] == [o.class_index for o in scene.objects]


def test_an_edit_and_its_opposite_give_the_same_picture():
    scene = scene_of(3, "cat", "key")
    less = scene_edit.without(scene, 1)
    assert (pixels(scene_edit.with_another(less, scene.objects[1])) == pixels(scene)).all()
    assert (pixels(scene_edit.upended(scene_edit.upended(scene, 0), 0)) == pixels(scene)).all()


@pytest.mark.parametrize("word", WORDS)
def test_words_on_signs_are_told_apart_and_painted_in_two_colours(word):
    scene = replace(scene_of(1), sign=Sign(word, 0.5, 0.5, 0.8))
    picture = pixels(scene)
    others = [pixels(scene_edit.reworded(scene, other)) for other in WORDS if other != word]
    assert all((np.abs(picture - other).max(axis=2) > 100).sum() > 20 for other in others)
    with pytest.raises(InvalidArgument, match="3 letters"):
        scene_edit.reworded(scene, "LONGER")
    with pytest.raises(InvalidArgument, match="a scene with a sign"):
        scene_edit.reworded(scene_of(1), word)


def test_what_is_not_in_the_scene_is_refused():
    with pytest.raises(InvalidArgument, match="place=2 is not allowed; allowed: 0 to 1"):
        scene_edit.mirrored(scene_of(1, "cat", "key"), 2)
