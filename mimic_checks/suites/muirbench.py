"""MuirBench (2406.09411): twelve tasks over two to nine images, items in pairs.

The Parquet files of the hub's `MUIRBENCH/MUIRBENCH`. Placeholders stand in questions and in
options. Each item has an unanswerable twin, whose gold is an ordinary option ("None of the choices
provided").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mimic_checks.suites.folder import not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, choice_of, entry
from mimic_checks.suites.lettered import letter_and_dot, option_texts, place_of
from mimic_checks.suites.parquet import Row, distinct, in_order, rows, shards
from mimic_checks.suites.placeholders import placed
from mimic_checks.suites.prompts import LETTER_DIRECTLY, joined, option_pieces, ours
from mimic_checks.suites.published import published
from mimic_checks.suites.rules.mmmu import mmmu_letter
from mimic_checks.suites.rules.vlmevalkit import vlmevalkit_letter
from mimic_checks.suites.scoring import RIGHT, WRONG, HarnessScore, Points, drawn, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS

TASKS = (
    "Geographic Understanding",
    "Counting",
    "Action Understanding",
    "Visual Grounding",
    "Image-Text Matching",
    "Ordering",
    "Scene Understanding",
    "Difference Spotting",
    "Cartoon Understanding",
    "Diagram Understanding",
    "Attribute Similarity",
    "Visual Retrieval",
)
ANSWERABLE, UNANSWERABLE = "answerable", "unanswerable"
_COLUMNS = ("idx", "task", "image_relation", "image_type", "question", "options", "answer")
_TWIN = "counterpart_idx"
_IMAGES = "image_list"
_REFUSAL = re.compile(r"none of (the|these|them)\b", re.IGNORECASE)
_HINT = "Hint: Please provide the correct option letter, such as A, B, C, D, directly."


def _read(folder: Path) -> Iterator[SuiteItem | Refused]:
    files = shards(folder, "test")
    found = rows(files, [*_COLUMNS, _TWIN], [_IMAGES])
    entries = (entry(row.text("idx") or row.place, partial(_item, row)) for row in found)
    return not_hidden(files[0], entries, "MuirBench has one public split, 'test'; read that")


def _item(row: Row) -> SuiteItem:
    idx, twin = row.text("idx"), row.text(_TWIN)
    texts = row.texts("options")
    right = place_of(row.text("answer").strip(), len(texts))
    question, *options = placed([row.text("question"), *texts], len(row.pictures[_IMAGES]))
    refusals = [LETTERS[place] for place, text in enumerate(texts) if _REFUSAL.match(text.strip())]
    return SuiteItem(
        id=idx,
        category=row.text("task"),
        question=question,
        truth=choice_of(right, options),
        images=row.pictures[_IMAGES],
        options=tuple(options),
        group="|".join(sorted((idx, twin))) if twin else "",
        role=UNANSWERABLE if LETTERS[right] in refusals else ANSWERABLE,
        raw={
            "image_relation": row.text("image_relation"),
            "image_type": row.text("image_type"),
            "refusals": "".join(refusals),
        },
    )


def _categories(folder: Path) -> list[str]:
    return in_order(distinct(shards(folder, "test"), "task"), TASKS)


def _key(folder: Path) -> str:
    return "test"


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    options = option_pieces(item.options, "({}) ", "\n")
    return joined(["Question: ", *item.question, "\nChoices:\n", *options, _HINT, "\nAnswer:"])


def _interleaved(item: SuiteItem) -> tuple[Piece, ...]:
    """VLMEvalKit's, and lmms-eval's: there each model's class places the images, LLaVA's where the
    words have their marks, as here; others put them first and leave the marks in the words."""
    options = option_pieces(item.options, "{}. ", "\n")
    return joined([*item.question, "\n", *options, LETTER_DIRECTLY])


def _official_rule(item: SuiteItem, answer: str) -> Points:
    letter = mmmu_letter(answer, option_texts(item))
    if letter is None:
        return drawn(len(item.options))
    return RIGHT if letter == item.truth.text else WRONG


def _lmms_eval_rule(item: SuiteItem, answer: str) -> Points:
    said = letter_and_dot(answer).lower().strip()
    return RIGHT if said == item.truth.text.lower() else WRONG


def _vlmevalkit_rule(item: SuiteItem, answer: str) -> Points:
    letter = vlmevalkit_letter(answer, option_texts(item))
    return RIGHT if letter == item.truth.text else WRONG


MUIRBENCH = SuiteFormat(
    name="muirbench",
    title="MuirBench",
    read=_read,
    categories=_categories,
    key=_key,
    templates={
        "official": _official,
        "ours": ours,
        "lmms-eval": _interleaved,
        "VLMEvalKit": _interleaved,
    },
    scores={
        "official": HarnessScore(_official_rule, micro, "micro"),
        "lmms-eval": HarnessScore(_lmms_eval_rule, micro, "micro"),
        "VLMEvalKit": HarnessScore(_vlmevalkit_rule, micro, "micro"),
    },
    published=published("muirbench"),
)
