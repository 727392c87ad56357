"""Edits of a scene: one property changes, every pixel that it does not touch stays as it was.

A scene is data, and painted from it in one order; so an edited scene is the same picture outside of
what the edit covers before or after. Objects are named by their place in the scene.
"""

from __future__ import annotations

from dataclasses import replace

from mimic_checks.catalog.scene import Scene, SceneObject
from mimic_checks.catalog.signs import Sign
from mimic_checks.errors import InvalidArgument


def mirrored(scene: Scene, place: int) -> Scene:
    """An object that faces the other way."""
    item = _at(scene, place)
    # Its rotation, too, or it would lean otherwise: the mirror image, not another pose.
    return _with(
        scene, place, replace(item, mirrored=not item.mirrored, rotation_deg=-item.rotation_deg)
    )


def upended(scene: Scene, place: int) -> Scene:
    """An object with its top down, or up again."""
    item = _at(scene, place)
    return _with(scene, place, replace(item, upside_down=not item.upside_down))


def halved(scene: Scene, place: int) -> Scene:
    """An object of which the right half is cut off."""
    return _with(scene, place, replace(_at(scene, place), half=True))


def recoloured(scene: Scene, place: int, colour: tuple[int, int, int]) -> Scene:
    """An object in another colour (0-255 each)."""
    return _with(scene, place, replace(_at(scene, place), colour=colour))


def exchanged(scene: Scene, first: int, second: int) -> Scene:
    """Two objects, each where the other one was."""
    one, other = _at(scene, first), _at(scene, second)
    moved = _with(scene, first, replace(one, x=other.x, y=other.y))
    return _with(moved, second, replace(other, x=one.x, y=one.y))


def without(scene: Scene, place: int) -> Scene:
    """The scene with an object less."""
    item = _at(scene, place)
    return replace(scene, objects=tuple(other for other in scene.objects if other is not item))


def with_another(scene: Scene, item: SceneObject) -> Scene:
    """The scene with one more object, painted last."""
    return replace(scene, objects=(*scene.objects, item))


def reworded(scene: Scene, word: str) -> Scene:
    """The scene's sign with another word of as many letters.

    Raises:
        InvalidArgument: the scene has no sign, or the word another length.
    """
    sign = scene.sign
    if sign is None or len(sign.word) != len(word):
        raise InvalidArgument(
            "word", word, allowed=f"{len(sign.word)} letters" if sign else "a scene with a sign"
        )
    return replace(scene, sign=Sign(word, sign.x, sign.y, sign.width))


def _at(scene: Scene, place: int) -> SceneObject:
    if not 0 <= place < len(scene.objects):
        raise InvalidArgument("place", place, allowed=f"0 to {len(scene.objects) - 1}")
    return scene.objects[place]


def _with(scene: Scene, place: int, item: SceneObject) -> Scene:
    objects = list(scene.objects)
    objects[place] = item
    return replace(scene, objects=tuple(objects))
