"""Super-categories of which people ask "which kinds of ... are there?".

A data set's super-categories were made to sort its classes, not to be asked about: nobody asks for
"kinds of kitchen", "of outdoor" or "of electronic". Only a noun that its classes are kinds of makes
a question.
"""

from __future__ import annotations

from collections.abc import Collection

_WORDS = """
accessory, aircraft, animal, appliance, baked good, beverage, bird, boat, building, clothing,
container, cutlery, dessert, dog, drink, fastener, fish, flower, food, footwear, fruit,
furniture, garment, household appliance, insect, invertebrate, kitchen appliance, kitchen
utensil, kitchenware, land vehicle, mammal, marine animal, musical instrument, office supply,
plant, reptile, shape, sports equipment, tableware, tool, toy, traffic sign, tree, vegetable,
vehicle, watercraft, weapon
"""
KINDS = frozenset(" ".join(_WORDS.split()).split(", "))
"""The allow-list; a user's own are added with `--vlm-kinds`."""


def may_ask_kinds(supercategory: str, added: Collection[str] = ()) -> bool:
    """Whether "kinds of <super-category>" is a question, as it is written or in the plural."""
    word = _plain(supercategory)
    return word in KINDS or word.removesuffix("s") in KINDS or word in map(_plain, added)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
