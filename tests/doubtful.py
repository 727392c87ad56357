"""A small COCO data set in which much is doubtful, made here: coloured rectangles on a ground.

Every image has a certain part (a set of classes that other images show too) and, in nearly half of
them, doubt about a class: a crowd, an instance too small to be asked for, more instances than may
be asked for. Certain and doubtful images show the same sets of classes, so that a generator that
overlooks doubt soon takes one for the other.
"""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

from PIL import Image, ImageDraw

MIN_SHARE, MAX_INSTANCES = 0.01, 5
SUPERCATEGORIES = {
    "animal": ("cat", "dog", "horse"),
    "vehicle": ("car", "bus"),
    "kitchen": ("cup", "bowl"),
}
CLASSES = tuple(name for names in SUPERCATEGORIES.values() for name in names)
WIDTH, HEIGHT, CELL = 80, 60, 10
SMALLEST = (8, 6)
"""Just 0.01 of the picture: the smallest box that may be asked for."""
DOUBTS = ("crowd", "too small", "too many")
SETS = (*((name,) for name in CLASSES), *list(combinations(CLASSES, 2))[::2], CLASSES[:3])


def write_doubtful(folder: Path, seed: int) -> Path:
    """Writes `images/` and `annotations/instances.json`; the same seed writes the same data."""
    generator = random.Random(f"doubtful {seed}")
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    images, annotations = [], []
    for number, boxes in enumerate(_contents(generator), 1):
        name = f"{number:03}.png"
        _picture(number, boxes).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        for label, box, crowd in boxes:
            category = CLASSES.index(label) + 1
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": list(box),
                    "iscrowd": int(crowd),
                }
            )
    categories = [
        {"id": CLASSES.index(name) + 1, "name": name, "supercategory": group}
        for group, names in SUPERCATEGORIES.items()
        for name in names
    ]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations" / "instances.json").write_text(json.dumps(data))
    return folder


def _contents(generator):
    """What is in every image: lists of (class, box, is a crowd)."""
    contents = [[] for _ in range(6)]
    for shown in SETS:
        contents += [_boxes(generator, shown) for _ in range(4)]
        for _ in range(2):
            # Half the time the doubt is about a class that is not in the set.
            doubted = generator.choice(shown if generator.random() < 0.5 else CLASSES)
            contents.append(_boxes(generator, shown, doubted, generator.choice(DOUBTS)))
    contents += [_boxes(generator, (), name, doubt) for name in CLASSES for doubt in DOUBTS[:2]]
    return contents


def _boxes(generator, shown, doubted=None, doubt=None):
    wanted = [(name, _askable(generator), False) for name in shown for _ in range(_some(generator))]
    if doubt == "crowd":
        wanted.append((doubted, (CELL - 1, CELL - 1), True))
    elif doubt == "too small":
        wanted.append((doubted, (SMALLEST[0] - 1, SMALLEST[1]), False))
    elif doubt == "too many":
        present = sum(name == doubted for name, _, _ in wanted)
        wanted += [(doubted, SMALLEST, False)] * (MAX_INSTANCES + 1 - present)
    columns = WIDTH // CELL
    cells = generator.sample(range(columns * (HEIGHT // CELL)), len(wanted))
    return [
        (name, (CELL * (cell % columns), CELL * (cell // columns), *size), crowd)
        for (name, size, crowd), cell in zip(wanted, cells, strict=True)
    ]


def _askable(generator):
    return generator.choice([SMALLEST, (8, 8), (9, 9)])


def _some(generator):
    return generator.choice([1, 1, 2, 3, MAX_INSTANCES])


def _picture(number, boxes):
    """Its ground is its own, so that two images with nothing in them are two images."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (255 - number // 16 * 4, 255, 255 - number % 16))
    drawing = ImageDraw.Draw(picture)
    for label, (left, top, width, height), crowd in boxes:
        colour = (20 + 30 * CLASSES.index(label), 60 if crowd else 0, 90)
        drawing.rectangle((left, top, left + width - 1, top + height - 1), fill=colour)
    return picture
