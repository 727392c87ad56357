"""BLINK (2404.12390): fourteen sub-tasks over one to four images.

The Parquet files of the hub's `BLINK-Benchmark/BLINK`, a folder for each sub-task. The labels of
one of them, Relative_Reflectance (134 of 1,901 items), were wrong for nine items in ten until
2025-09; files do not say which they hold, so the name of the answer key has their hash, and what
the user states of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from mimic_checks.errors import InvalidArgument
from mimic_checks.suites.folder import not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, choice_of, entry
from mimic_checks.suites.lettered import option_texts, place_of
from mimic_checks.suites.parquet import Row, distinct, in_order, rows, shards
from mimic_checks.suites.placeholders import placed
from mimic_checks.suites.prompts import ours, vlmevalkit
from mimic_checks.suites.published import published
from mimic_checks.suites.rules.vlmevalkit import vlmevalkit_letter
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG, HarnessScore, Points, macro, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS

SUB_TASKS = (
    "Art_Style",
    "Counting",
    "Forensic_Detection",
    "Functional_Correspondence",
    "IQ_Test",
    "Jigsaw",
    "Multi-view_Reasoning",
    "Object_Localization",
    "Relative_Depth",
    "Relative_Reflectance",
    "Semantic_Correspondence",
    "Spatial_Relation",
    "Visual_Correspondence",
    "Visual_Similarity",
)
CORRECTED = "Relative_Reflectance"
KEYS = ("unstated", "before-2025-09", "since-2025-09")
_COLUMNS = ("idx", "sub_task", "question", "prompt", "choices", "answer")
_IMAGES = ("image_1", "image_2", "image_3", "image_4")
_SPLITS = ("val", "test")
_MARKS = ("(A)", "(B)", "(C)", "(D)", "(E)")


def _files(folder: Path, split: str, key: str) -> list[Path]:
    if split not in _SPLITS:
        raise InvalidArgument("split", split, allowed=_SPLITS)
    if key not in KEYS:
        raise InvalidArgument("key", key, allowed=KEYS)
    return shards(folder, split)


def _read(
    folder: Path, *, split: str = "val", key: str = "unstated"
) -> Iterator[SuiteItem | Refused]:
    files = _files(folder, split, key)
    found = rows(files, _COLUMNS, _IMAGES)
    entries = (entry(row.text("idx") or row.place, partial(_item, row)) for row in found)
    return not_hidden(files[0], entries, "read the split with answers, split=val")


def _item(row: Row) -> SuiteItem:
    choices = row.texts("choices")
    gold = row.text("answer").strip().removeprefix("(").removesuffix(")")
    right = place_of(gold, len(choices))
    images = tuple(picture for name in _IMAGES for picture in row.pictures[name])
    question, *options = placed([row.text("question"), *choices], len(images))
    return SuiteItem(
        id=row.text("idx"),
        category=row.text("sub_task"),
        question=question,
        truth=choice_of(right, options),
        images=images,
        options=tuple(options),
        raw={"prompt": row.text("prompt")},
    )


def _categories(folder: Path, *, split: str = "val", key: str = "unstated") -> list[str]:
    return in_order(distinct(_files(folder, split, key), "sub_task"), SUB_TASKS)


def _key(folder: Path, *, split: str = "val", key: str = "unstated") -> str:
    """The split, and of the sub-task whose labels were corrected their hash and whose they are."""
    found = [
        (row.text("idx"), row.text("answer"))
        for row in rows(_files(folder, split, key), ["idx", "sub_task", "answer"])
        if row.text("sub_task") == CORRECTED
    ]
    if not found:
        return f"{split}, without {CORRECTED}"
    return (
        f"{split}, {CORRECTED} {labels_hash(found)}, stated: {key if key != KEYS[0] else 'nothing'}"
    )


def labels_hash(answers: Sequence[tuple[str, str]]) -> str:
    """Twelve hex digits over pairs of idx and answer, in any order."""
    return hashlib.sha256(json.dumps(sorted(answers)).encode()).hexdigest()[:12]


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    """The prompt of the file, then the images, as the released script sends them."""
    return (item.raw["prompt"], *range(len(item.images)))


def _images_first(item: SuiteItem) -> tuple[Piece, ...]:
    """The same for models that take images first."""
    return (*range(len(item.images)), item.raw["prompt"])


def _lmms_eval(item: SuiteItem) -> tuple[Piece, ...]:
    letters = ", ".join(LETTERS[: len(item.options)])
    note = f"Note: You only need to respond with {letters} without providing any additional"
    return (f"{note} information.\n{item.raw['prompt']}",)


def official_mark(answer: str, options: int) -> str | None:
    """The mark (`(A)`) that the released script takes from an answer without its judge: the answer
    itself, or the only mark that stands between spaces, in the last paragraph rather than in all
    of it. None: it asks the judge."""
    if answer in _MARKS:
        return answer
    if f"({answer})" in _MARKS:
        return f"({answer})"
    known = set(_MARKS[:options])
    anywhere = known.intersection(answer.split())
    at_last = known.intersection(answer.split("\n\n")[-1].split())
    if len(at_last) == 1:
        return at_last.pop()
    return anywhere.pop() if len(anywhere) == 1 else None


def first_letter(answer: str) -> str:
    """lmms-eval's: the letter that an answer begins with, of whatever word; "" if it begins with
    none."""
    found = re.match(r"[\s(]*([a-z])", answer, re.IGNORECASE | re.ASCII)
    return found[1].upper() if found else ""


def _official_rule(item: SuiteItem, answer: str) -> Points:
    mark = official_mark(answer, len(item.options))
    if mark is None:
        return JUDGED
    return RIGHT if mark == f"({item.truth.text})" else WRONG


def _lmms_eval_rule(item: SuiteItem, answer: str) -> Points:
    return RIGHT if first_letter(answer) == item.truth.text else WRONG


def _vlmevalkit_rule(item: SuiteItem, answer: str) -> Points:
    letter = vlmevalkit_letter(answer, option_texts(item))
    return RIGHT if letter == item.truth.text else WRONG


BLINK = SuiteFormat(
    name="blink",
    title="BLINK",
    read=_read,
    categories=_categories,
    key=_key,
    templates={
        "official": _official,
        "official-images-first": _images_first,
        "ours": ours,
        "lmms-eval": _lmms_eval,
        "VLMEvalKit": vlmevalkit,
    },
    scores={
        "official": HarnessScore(_official_rule, macro, "mean of sub-tasks"),
        "lmms-eval": HarnessScore(_lmms_eval_rule, micro, "micro"),
        "VLMEvalKit": HarnessScore(_vlmevalkit_rule, micro, "micro"),
    },
    published=published("blink"),
)
