"""Mantis-Eval (2405.01483): 217 questions about several images, multiple choice and short answers,
in Parquet files of TIGER-Lab.

With 217 items a rate of 65 % is known to within about six points: hardly a difference between two
models was ever significant.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from mimic_checks.suites.folder import not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable
from mimic_checks.suites.lettered import option_texts
from mimic_checks.suites.mantis import (
    MANTIS_COLUMNS,
    mantis_choice,
    mantis_item,
    mantis_prompt,
    mantis_short,
    short_prompt,
)
from mimic_checks.suites.parquet import rows, shards
from mimic_checks.suites.prompts import IMAGE, LETTER_DIRECTLY, joined, led, ours
from mimic_checks.suites.published import published
from mimic_checks.suites.scoring import RIGHT, WRONG, HarnessScore, Points, Rule, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import Choice, ShortText, of_type

_INSTEAD = "read split test, whose answers are public"
_NO_CATEGORY = "questions"


def _read(folder: Path) -> Iterator[SuiteItem | Refused]:
    return not_hidden(Path(folder), _items(folder), _INSTEAD)


def _items(folder: Path) -> Iterator[SuiteItem | Refused]:
    for row in rows(shards(Path(folder), "test"), MANTIS_COLUMNS, ["images"]):
        try:
            yield mantis_item(row, _NO_CATEGORY)
        except Unusable as error:
            yield Refused(row.text("id"), str(error))


def _categories(folder: Path) -> list[str]:
    found = (row.text("category") for row in rows(shards(Path(folder), "test"), ["category"]))
    return list(dict.fromkeys(category or _NO_CATEGORY for category in found))


def _key(folder: Path) -> str:
    return "TIGER-Lab's answers"


def _lmms_eval(item: SuiteItem) -> tuple[Piece, ...]:
    """The options come after the instruction, as Python prints a list."""
    if isinstance(item.truth, ShortText):
        return short_prompt(item)
    options = json.loads(item.raw["options"])
    (text,) = led([f"{item.raw['question']}\n{LETTER_DIRECTLY}{options}"], len(item.images))
    return text


def _internvl(item: SuiteItem) -> tuple[Piece, ...]:
    """All images first, each in a line with its name, by which the question then calls them."""
    number = len(item.images)
    question = item.raw["question"].replace(" ".join([IMAGE] * number), "").strip()
    for place in range(number):
        question = question.replace(IMAGE, f"Image-{place + 1}", 1)
    pieces: list[Piece] = [0, "\n"]
    if number > 1:
        pieces = [part for n in range(number) for part in (f"Image-{n + 1}: ", n, "\n")]
    if isinstance(item.truth, ShortText):
        lines = ["Answer the question using a single word or phrase."]
    else:
        lines = [*map(str.strip, json.loads(item.raw["options"])), LETTER_DIRECTLY]
    return joined([*pieces, "\n".join([question, *lines])])


def _rule(item: SuiteItem, answer: str) -> Points:
    """Mantis's own, which lmms-eval has too."""
    if isinstance(item.truth, ShortText):
        return mantis_short(answer, item.truth)
    return mantis_choice(answer, of_type(item.truth, Choice).index, option_texts(item))


def _internvl_rule(item: SuiteItem, answer: str) -> Points:
    """`(X)`, the bare letter, or the option as the file has it, with its own `(X)`; anything else
    is wrong, "B." for one."""
    if isinstance(item.truth, ShortText):
        return RIGHT if answer.lower() == item.truth.text.lower() else WRONG
    choice = of_type(item.truth, Choice)
    right = (choice.text, f"({choice.text})", json.loads(item.raw["options"])[choice.index])
    return RIGHT if answer in right else WRONG


def _of(kind: Literal["choice", "short_text"], items: Sequence[tuple[SuiteItem, float]]) -> float:
    """The mean over the items of one kind; not a number where there are none."""
    own = [(item, points) for item, points in items if item.truth.kind == kind]
    return micro(own) if own else math.nan


def _scores(name: str, rule: Rule) -> dict[str, HarnessScore]:
    """Mantis and InternVL print both kinds apart, and all together."""
    return {
        f"{name}, multiple choice": HarnessScore(rule, partial(_of, "choice"), "micro"),
        f"{name}, short answer": HarnessScore(rule, partial(_of, "short_text"), "micro"),
        name: HarnessScore(rule, micro, "micro"),
    }


MANTIS_EVAL = SuiteFormat(
    name="mantis_eval",
    title="Mantis-Eval",
    read=_read,
    categories=_categories,
    key=_key,
    templates={
        "official": mantis_prompt,
        "ours": ours,
        "lmms-eval": _lmms_eval,
        "InternVL": _internvl,
    },
    scores={
        **_scores("official", _rule),
        "lmms-eval": HarnessScore(_rule, micro, "micro; it samples at temperature 0.2"),
        **_scores("InternVL", _internvl_rule),
    },
    published=published("mantis_eval"),
)
