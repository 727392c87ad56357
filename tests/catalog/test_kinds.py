"""Kinds are asked for of nouns that people ask kinds of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.cases import draw
from mimic_checks.catalog import rendered
from mimic_checks.catalog.kinds import may_ask_kinds
from mimic_checks.checks import strategies
from mimic_checks.errors import EmptyPool

COCO = {
    "animal": True,
    "food": True,
    "vehicle": True,
    "furniture": True,
    "accessory": True,
    "appliance": True,
    "kitchen": False,
    "indoor": False,
    "outdoor": False,
    "electronic": False,
    "sports": False,
    "person": False,
}


@pytest.mark.parametrize("name", COCO)
def test_of_cocos_super_categories_those_are_asked_that_a_person_would_ask(name):
    assert may_ask_kinds(name) is COCO[name]
    assert may_ask_kinds(f" {name.title()}s") is COCO[name]


def test_a_user_may_add_some():
    assert not may_ask_kinds("Power_Tool")
    assert may_ask_kinds("Power_Tool", ["power tool"])


def renamed(made, *, kinds=()):
    names = {"fruit": "kitchen", "tool": "indoor", "animal": "outdoor", "vehicle": "sports"}
    return replace(made, supercategories=tuple(names[s] for s in made.supercategories), kinds=kinds)


def test_a_listing_check_draws_from_the_allowed_ones():
    made = rendered(scenes=200, families=0)
    words = {"levels": (1, 2), "template": "plain"}
    with pytest.raises(EmptyPool, match=r"\(indoor, kitchen, outdoor, sports\).*--vlm-kinds"):
        strategies.listing(renamed(made), **words)
    allowed = strategies.listing(renamed(made, kinds=("Indoor",)), **words)
    asked = {case.factors["supercategory"] for cases in draw(allowed, 10, 0) for case in cases}
    assert asked == {"indoor"}
