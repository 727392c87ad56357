"""A second oracle: recomputes a case's answer from raw annotations. Shares no code with the
generator.

`World` maps an image id to the raw objects in it: (class name, super-category, certain). Questions
are read as text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Thing:
    name: str
    supercategory: str
    certain: bool


World = dict[str, list[Thing]]


def world_of_scenes(catalog, rows) -> World:
    """From the scene descriptions, by hashing the rendered pixels here again."""
    from mimic_checks.catalog.scene import render

    names, supers = catalog.class_names, catalog.supercategories
    world = {}
    for row in rows:
        scene = catalog.source.scenes[row]
        picture = render(scene, catalog.source.size_px)
        key = hashlib.sha256(b"RGB %dx%d:" % picture.size + picture.tobytes()).hexdigest()
        world[key] = [
            Thing(names[o.class_index], supers[o.class_index], True) for o in scene.objects
        ]
    return world


def world_of_coco(folder: Path, min_share: float, max_instances: int) -> World:
    """From the instances JSON, read without pycocotools."""
    data = json.loads((folder / "annotations" / "instances.json").read_text())
    categories = {c["id"]: c for c in data["categories"]}
    world = {}
    for image in data["images"]:
        things = []
        for a in data["annotations"]:
            if a["image_id"] == image["id"]:
                c = categories[a["category_id"]]
                share = a["bbox"][2] * a["bbox"][3] / (image["width"] * image["height"])
                things.append(
                    Thing(c["name"], c["supercategory"], not a["iscrowd"] and share >= min_share)
                )
        many = {
            name
            for name, n in Counter(t.name for t in things if t.certain).items()
            if n > max_instances
        }
        things = [Thing(t.name, t.supercategory, t.certain and t.name not in many) for t in things]
        key = hashlib.sha256((folder / "images" / image["file_name"]).read_bytes()).hexdigest()
        world[key] = things
    return world


def disagreement(case, world: World, plurals: dict[str, str]) -> str:
    """Why the case's stated answer is not the provably unique right one; "" if it is."""
    shown = [world[image] for image in case.images]
    stated, text = case.truth.text, case.question
    if len(set(case.images)) != len(case.images):
        return "an image is shown twice"
    if match := re.search(r"(?:How many|Count the) (.*?)(?: are there)? in th", text):
        asked = [plurals[word] for word in re.split(", | and ", match[1])]
        if any(t.name in asked and not t.certain for things in shown for t in things):
            return "an asked class is uncountable in a shown image"
        counts = Counter(t.name for things in shown for t in things)
        right = (
            str(counts[asked[0]])
            if len(asked) == 1
            else ", ".join(f"{a}: {counts[a]}" for a in asked)
        )
        return "" if stated == right else f"{stated!r}, recounted {right!r}"
    if match := re.search(r"kinds? of (.*?)(?: are)? in th", text):
        inside = [t for things in shown for t in things if t.supercategory == match[1]]
        if any(not t.certain for t in inside):
            return "a listed class is in doubt"
        right = {t.name for t in inside}
        return "" if set(stated.split(", ")) == right else f"{stated!r}, relisted {sorted(right)}"
    if re.search(r"all of|every one of", text):
        return _check_common(stated, shown)
    return _check_odd(stated, shown)


def _check_common(stated: str, shown: list[list[Thing]]) -> str:
    if not all(any(t.name == stated and t.certain for t in things) for things in shown):
        return f"{stated!r} is not in every image"
    possible = [{t.name for t in things} for things in shown]
    others = set.intersection(*possible) - {stated}
    return f"{sorted(others)} may be in every image too" if others else ""


def _check_odd(stated: str, shown: list[list[Thing]]) -> str:
    possible = Counter(name for things in shown for name in {t.name for t in things})
    certain = Counter(name for things in shown for name in {t.name for t in things if t.certain})
    if possible[stated] != 1 or certain[stated] != 1:
        return f"{stated!r} is in {certain[stated]} to {possible[stated]} images, not in one"
    rivals = [name for name in possible if name != stated and certain[name] * 2 <= len(shown)]
    return f"{rivals} are in no more than half of the images" if rivals else ""
