"""A suite of rendered pictures in a made-up format, for tests of the frame: `items.json` beside
pictures. Which is the red square?"""

from __future__ import annotations

import json
import random
from pathlib import Path

from PIL import Image

from mimic_checks.suites import (
    RIGHT,
    WRONG,
    FilePicture,
    HarnessScore,
    Refused,
    SuiteFormat,
    SuiteItem,
    choice_of,
)
from mimic_checks.suites.scoring import macro
from mimic_checks.tasks import YesNo

COLOURS = {"red": (220, 30, 30), "blue": (30, 60, 220), "green": (20, 160, 60)}


def write(folder: Path, items: int = 40) -> Path:
    """Half of the items ask for one of three pictures, half whether a colour is shown; two have no
    answer."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(items):
        names = list(COLOURS)
        random.Random(number).shuffle(names)
        shown = names[:3]
        files = [_picture(folder, f"{number}-{k}", name, number) for k, name in enumerate(shown)]
        asked = shown[0] if number % 4 == 0 else random.Random(-number).choice(shown)
        row = {"id": f"q{number}", "files": files, "asked": asked, "shown": shown}
        rows.append(row | {"category": "which one" if number % 2 else "is there"})
    rows.append({"id": "no picture", "files": ["gone.png"], "category": "is there"})
    rows.append({"id": "bad gold", "gold": "J", "files": [], "category": "is there"})
    (folder / "items.json").write_text(json.dumps(rows))
    return folder


def _picture(folder: Path, name: str, colour: str, seed: int) -> str:
    picture = Image.new("RGB", (24, 24), COLOURS[colour])
    picture.putpixel((seed % 24, seed // 24), (1, 2, 3))  # no two items show one picture
    picture.save(folder / f"{name}.png")
    return f"{name}.png"


def read(folder: Path, *, flavour: str = "plain"):
    for row in json.loads((folder / "items.json").read_text()):
        if "gold" in row:
            yield Refused(row["id"], f"its gold {row['gold']!r} is not an option")
            continue
        images = tuple(FilePicture(folder / name) for name in row["files"])
        if row["category"] == "which one" and "asked" in row:
            options = ((0,), (1,), (2,))
            yield SuiteItem(
                id=row["id"],
                category="which one",
                question=(f"Which picture is {row['asked']}?",),
                options=options,
                truth=choice_of(row["shown"].index(row["asked"]), options),
                images=images,
            )
        else:
            yield SuiteItem(
                id=row["id"],
                category="is there",
                question=(*range(len(images)), f"Is the first one {row.get('asked')}?"),
                truth=YesNo(row.get("shown", [None])[0] == row.get("asked")),
                images=images,
                group=row.get("group", ""),
            )


def categories(folder: Path, *, flavour: str = "plain"):
    return [row["category"] for row in json.loads((folder / "items.json").read_text())[:2]]


def key(folder: Path, *, flavour: str = "plain"):
    return "the only one"


def official(item: SuiteItem):
    pieces = list(item.question)
    for letter, option in zip("ABC", item.options, strict=False):
        pieces += [f"\n({letter}) ", *option]
    return (*pieces, "\nAnswer: ")


def as_in_the_file(item: SuiteItem):
    return ("Which? (A) first (B) second (C) third",)


def official_points(item: SuiteItem, answer: str):
    """The first letter or word, whatever it means."""
    said = answer.strip("(). ").casefold()
    return RIGHT if said.startswith(item.truth.text.casefold()) else WRONG


TOY = SuiteFormat(
    name="toy",
    title="A toy suite",
    read=read,
    categories=categories,
    key=key,
    templates={"official": official, "as_in_the_file": as_in_the_file},
    scores={"official": HarnessScore(official_points, macro, "mean of categories")},
)
