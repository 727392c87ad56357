"""What is asked: cases, groups, levels, the strategies that make them, and deterministic draws.

Names are imported when they are used: `mimic_checks.cases.level` must stay free of numpy,
hypothesis and Pillow, for collecting checks imports it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_checks.cases.case import (
        RULE_VERSION,
        Case,
        Content,
        ImageOpener,
        ImagePart,
        TextPart,
        chat_messages,
        images_first,
        make_case,
        question_text,
    )
    from mimic_checks.cases.choice import ChoiceQuestion, rotations
    from mimic_checks.cases.common_object import common_cases, common_sweep
    from mimic_checks.cases.counting import counting_cases, counting_sweep
    from mimic_checks.cases.drawing import draw, flatten
    from mimic_checks.cases.group import Draw, Group, Item, cases_of, clustered, pair
    from mimic_checks.cases.level import VERDICT, Level, LevelValue, refuse_alike
    from mimic_checks.cases.listing import listing_cases, listing_sweep
    from mimic_checks.cases.odd_one import odd_one_cases, odd_one_sweep
    from mimic_checks.cases.outcome import (
        OUTCOME_KINDS,
        GroupOutcome,
        Outcome,
        OutcomeKind,
        Scored,
        judge,
        outcome_of,
        scored,
    )

_HOMES = {
    "case": (
        "RULE_VERSION",
        "Case",
        "Content",
        "ImageOpener",
        "ImagePart",
        "TextPart",
        "chat_messages",
        "images_first",
        "make_case",
        "question_text",
    ),
    "choice": ("ChoiceQuestion", "rotations"),
    "counting": ("counting_cases", "counting_sweep"),
    "drawing": ("draw", "flatten"),
    "group": ("Draw", "Group", "Item", "cases_of", "clustered", "pair"),
    "common_object": ("common_cases", "common_sweep"),
    "odd_one": ("odd_one_cases", "odd_one_sweep"),
    "level": ("VERDICT", "Level", "LevelValue", "refuse_alike"),
    "listing": ("listing_cases", "listing_sweep"),
    "outcome": (
        "OUTCOME_KINDS",
        "GroupOutcome",
        "Outcome",
        "OutcomeKind",
        "Scored",
        "judge",
        "outcome_of",
        "scored",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = [
    "OUTCOME_KINDS",
    "RULE_VERSION",
    "VERDICT",
    "Case",
    "ChoiceQuestion",
    "Content",
    "Draw",
    "Group",
    "GroupOutcome",
    "ImageOpener",
    "ImagePart",
    "Item",
    "Level",
    "LevelValue",
    "Outcome",
    "OutcomeKind",
    "Scored",
    "TextPart",
    "cases_of",
    "chat_messages",
    "clustered",
    "common_cases",
    "common_sweep",
    "counting_cases",
    "counting_sweep",
    "draw",
    "flatten",
    "images_first",
    "judge",
    "listing_cases",
    "listing_sweep",
    "make_case",
    "odd_one_cases",
    "odd_one_sweep",
    "outcome_of",
    "pair",
    "question_text",
    "refuse_alike",
    "rotations",
    "scored",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
