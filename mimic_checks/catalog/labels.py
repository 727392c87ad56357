"""Class names as people write them: plurals and synonyms, by table.

Plurals serve questions, spellings the parsing of answers. Tables and two plain rules, no stemmer: a
spelling outside them is not understood, never guessed.
"""

from __future__ import annotations

_IRREGULAR_PLURALS = {
    "person": "people",
    "mouse": "mice",
    "knife": "knives",
    "sheep": "sheep",
    "skis": "skis",
    "scissors": "scissors",
    "fish": "fish",
    "man": "men",
    "woman": "women",
    "child": "children",
    "shelf": "shelves",
    "goose": "geese",
    "deer": "deer",
    "broccoli": "broccoli",
    "leaf": "leaves",
    "foot": "feet",
    "tooth": "teeth",
}

_SYNONYMS = {
    "person": ("human", "man", "woman", "boy", "girl", "child", "pedestrian"),
    "bicycle": ("bike", "cycle"),
    "motorcycle": ("motorbike",),
    "airplane": ("plane", "aeroplane", "aircraft"),
    "tv": ("television", "tv set", "tv monitor"),
    "couch": ("sofa",),
    "cell phone": ("cellphone", "mobile phone", "phone", "smartphone"),
    "hot dog": ("hotdog",),
    "donut": ("doughnut",),
    "dining table": ("table",),
    "potted plant": ("plant", "houseplant"),
    "sports ball": ("ball",),
    "refrigerator": ("fridge",),
    "hair drier": ("hair dryer",),
    "traffic light": ("traffic signal", "stoplight"),
    "fire hydrant": ("hydrant",),
    "laptop": ("laptop computer", "notebook computer"),
    "remote": ("remote control",),
    "teddy bear": ("stuffed bear",),
    "wine glass": ("wineglass",),
    "baseball glove": ("baseball mitt",),
    "plane": ("airplane", "aeroplane", "aircraft"),
    "boat": ("sailboat", "ship"),
    "key": ("padlock key",),
}


def plural(name: str) -> str:
    """The plural of a class name: `"traffic light"` gives `"traffic lights"`, `"person"` gives
    `"people"`."""
    head, _, last = name.rpartition(" ")
    prefix = f"{head} " if head else ""
    if last in _IRREGULAR_PLURALS:
        return prefix + _IRREGULAR_PLURALS[last]
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return f"{prefix}{last}es"
    if last.endswith("y") and last[-2:-1] not in "aeiou":
        return f"{prefix}{last[:-1]}ies"
    return f"{prefix}{last}s"


def spellings(names: tuple[str, ...]) -> dict[str, str]:
    """Every accepted spelling, lower case, mapped to its class name.

    A class's own name and plural always win over another class's synonym; a synonym that two
    classes share is dropped, because it does not say which one is meant."""
    table: dict[str, str] = {}
    ambiguous: set[str] = set()
    for name in names:
        for synonym in _SYNONYMS.get(name, ()):
            for spelling in (synonym, plural(synonym)):
                if table.get(spelling, name) != name:
                    ambiguous.add(spelling)
                table[spelling] = name
    # Only now: deleted at once, a spelling would be free for a third class that claims it.
    for spelling in ambiguous:
        del table[spelling]
    # Later entries win: plurals over synonyms, and names, in a loop of their own, over plurals.
    for name in names:
        table[plural(name.lower())] = name
    for name in names:
        table[name.lower()] = name
    return table
