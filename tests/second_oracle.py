"""A second oracle: recomputes an answer from raw annotations. Shares no code with the generator.

`World` maps an image id to the raw objects in it: (class name, super-category, certain). Questions
are read as text, so that what is asked is what the model is asked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Thing:
    name: str
    supercategory: str
    certain: bool


World = dict[str, list[Thing]]
Shown = list[list[Thing]]


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
    """Why a case's stated answer is not the provably unique right one; "" if it is.

    Stricter than the truth where a listing is concerned: a case shows no image with doubt about a
    listed class, even if another image settles it.
    """
    shown = [world[image] for image in case.images]
    asked = re.search(r"kinds? of (.*?)(?: are)? in th", case.question)
    if asked and any(t.supercategory == asked[1] and not t.certain for ts in shown for t in ts):
        return "a listed class is in doubt"
    return refuted(case.question, case.truth.text, case.images, world, plurals)


def refuted(
    question: str, answer: str, images: Sequence[str], world: World, plurals: dict[str, str]
) -> str:
    """Why an answer is not the provably unique right one to a question; "" if it is."""
    if len(set(images)) != len(images):
        return "an image is shown twice"
    shown = [world[image] for image in images]
    if options := dict(re.findall(r"^([A-Z])\. (.*)$", question, re.MULTILINE)):
        return _refuted_option(question, answer, options, shown)
    if match := re.search(r"(?:How many|Count the) (.*?)(?: are there)? in th", question):
        return _refuted_count([plurals[w] for w in re.split(", | and ", match[1])], answer, shown)
    if match := re.search(r"kinds? of (.*?)(?: are)? in th", question):
        offered = re.search(r"Choose from: (.*)\.$", question)
        names = set(offered[1].split(", ")) if offered else None
        return _refuted_list(match[1], names, answer, shown)
    if re.search(r"all of|every one of", question):
        return _refuted_common(answer, shown)
    return _refuted_odd(answer, shown)


def _refuted_count(asked: list[str], answer: str, shown: Shown) -> str:
    if any(t.name in asked and not t.certain for things in shown for t in things):
        return "an asked class is uncountable in a shown image"
    counts = Counter(t.name for things in shown for t in things)
    right = (
        str(counts[asked[0]])
        if len(asked) == 1
        else ", ".join(f"{name}: {counts[name]}" for name in asked)
    )
    return "" if answer == right else f"{answer!r}, recounted {right!r}"


def _refuted_list(supercategory: str, offered: set[str] | None, answer: str, shown: Shown) -> str:
    """What is doubtful in one image must be certain in another, or the list is open."""
    inside = [
        t
        for things in shown
        for t in things
        if t.supercategory == supercategory and (offered is None or t.name in offered)
    ]
    right = {t.name for t in inside if t.certain}
    if open_names := {t.name for t in inside} - right:
        return f"{sorted(open_names)} may be in an image"
    stated = set() if answer == "none" else set(answer.split(", "))
    return "" if stated == right else f"{answer!r}, relisted {sorted(right)}"


def _possible_and_certain(shown: Shown) -> tuple[Counter[str], Counter[str]]:
    """In how many images every class may be, and certainly is."""
    possible = Counter(name for things in shown for name in {t.name for t in things})
    certain = Counter(name for things in shown for name in {t.name for t in things if t.certain})
    return possible, certain


def _refuted_common(answer: str, shown: Shown) -> str:
    possible, certain = _possible_and_certain(shown)
    if certain[answer] != len(shown):
        return f"{answer!r} is not in every image"
    rivals = [name for name in possible if possible[name] == len(shown) and name != answer]
    return f"{sorted(rivals)} may be in every image too" if rivals else ""


def _refuted_odd(answer: str, shown: Shown) -> str:
    possible, certain = _possible_and_certain(shown)
    if possible[answer] != 1 or certain[answer] != 1:
        return f"{answer!r} is in {certain[answer]} to {possible[answer]} images, not in one"
    rivals = [name for name in possible if name != answer and certain[name] * 2 <= len(shown)]
    return f"{rivals} are in no more than half of the images" if rivals else ""


def _refuted_option(question: str, letter: str, options: dict[str, str], shown: Shown) -> str:
    """As the open question, but only what is offered can be a rival."""
    if letter not in options:
        return f"{letter!r} is no option"
    possible, certain = _possible_and_certain(shown)
    answer = options[letter]
    rivals = [name for name in options.values() if name != answer]
    if len(set(options.values())) != len(options):
        return "an option is offered twice"
    if "all of" in question:
        if certain[answer] != len(shown):
            return f"{answer!r} is not in every image"
        left = [name for name in rivals if possible[name] == len(shown)]
        return f"{left} may be in every image too" if left else ""
    if possible[answer] != 1 or certain[answer] != 1:
        return f"{answer!r} is in {certain[answer]} to {possible[answer]} images, not in one"
    left = [name for name in rivals if certain[name] * 2 <= len(shown)]
    return f"{left} are in no more than half of the images" if left else ""
