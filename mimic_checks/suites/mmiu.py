"""MMIU (2408.02718): 52 tasks over one to dozens of images.

The table of the hub's `FanqingM/MMIU-Benchmark` (`all.parquet`) with its image archives beside
it, unpacked or not, as many of them as there are. Options are one text of lines `A: ...`; some
golds are no option, some are missing: those items are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.folder import not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable, choice_of, entry
from mimic_checks.suites.lettered import place_of
from mimic_checks.suites.parquet import Row, rows, shards
from mimic_checks.suites.picture_folder import PictureFolder
from mimic_checks.suites.placeholders import placed
from mimic_checks.suites.prompts import LETTER_DIRECTLY, joined, ours
from mimic_checks.suites.published import published
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG, HarnessScore, Points
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS

ARCHIVES = (
    "2D-spatial",
    "3D-spatial",
    "Continuous-temporal",
    "Discrete-temporal",
    "High-level-obj-semantic",
    "High-level-sub-semantic",
    "Low-level-semantic",
)
"""The kinds of relation between images; an archive of images each."""
QUESTION_FIRST = frozenset(
    "person_reid multiple_image_captioning spot_the_similarity face_retrieval"
    " sketch2image_retrieval handwritten_retrieval spot_the_diff image2image_retrieval"
    " vehicle_retrieval text2image_retrieval general_action_recognition video_captioning"
    " next_img_prediction temporal_ordering meme_vedio_understanding action_quality_assessment"
    " temporal_localization mevis ravens_progressive_matrices threed_indoor_recognition"
    " point_tracking threed_cad_recognition single_object_tracking".split()
)
"""Tasks whose question the official prompt puts before the context."""
LEVELS = ("task", "relation")
_COLUMNS = ("task", "visual_input_component", "source", "options", "question", "context", "output")
_PATHS = "input_image_path"
_DIRECTLY = "Please answer the option directly like A,B,C,D..."
_OPTION = re.compile(r"\s*([A-Z])\s*[:.)]\s*(.*)", re.DOTALL)
_SELECT = re.compile(r"Select from the following (?:choices|options)\.?")
_EDGES = re.compile(r"^[.,()]+|[.,()]+$")
_LETTERS_OF_THE_SCORER = frozenset("abcdefghijklmn")
_NOTHING = ("", "image none", "image error", "model error", "model error or image error")
"""What the official script writes in the place of an answer; no judge is asked."""


def _read(folder: Path, *, level: str = "task") -> Iterator[SuiteItem | Refused]:
    files = _files(folder, level)
    pictures = PictureFolder(files[0].parent)
    if not _relations(files[0].parent):
        raise SuiteError(
            f"folder={str(files[0].parent)!r} holds the table and none of its images; put at least"
            f" one of {', '.join(f'{name}.zip' for name in ARCHIVES)} beside it, unpacked or not"
        )
    found = enumerate(rows(files, [*_COLUMNS, _PATHS]))
    entries = (
        entry(_id(number, row), partial(_item, _id(number, row), row, pictures, level))
        for number, row in found
    )
    return not_hidden(files[0], entries, "give the table as it was published")


def _relations(home: Path) -> list[str]:
    """Those whose images are there."""
    return [name for name in ARCHIVES if (home / name).is_dir() or (home / f"{name}.zip").is_file()]


def _files(folder: Path, level: str) -> list[Path]:
    if level not in LEVELS:
        raise InvalidArgument("level", level, allowed=LEVELS)
    return shards(folder, "test")


def _id(number: int, row: Row) -> str:
    """The table has no ids: the task, and the number of the row in the whole table."""
    return f"{row.text('task')} {number}"


def _item(name: str, row: Row, pictures: PictureFolder, level: str) -> SuiteItem:
    paths = row.texts(_PATHS)
    texts = split_options(row.text("options"))
    right = place_of(row.text("output").strip(), len(texts))
    if not paths:
        raise Unusable("it has no image")
    (question,) = placed([_question(row)], len(paths))
    options = [(text,) for text in texts]
    relation = _relation(paths)
    return SuiteItem(
        id=name,
        category=row.text("task") if level == "task" else relation,
        question=question,
        truth=choice_of(right, options),
        images=tuple(pictures.picture(path) for path in paths),
        options=tuple(options),
        raw={
            "task": row.text("task"),
            "relation": relation,
            "question": row.text("question"),
            "context": row.text("context"),
        },
    )


def split_options(text: str) -> list[str]:
    """The options of a text of lines `A: ...`, `B: ...`; a line that does not begin with the letter
    that is next goes on with the option before.

    Raises:
        Unusable: fewer than two, or one without words.
    """
    options: list[str] = []
    for line in text.strip().splitlines():
        found = _OPTION.fullmatch(line)
        if found and found[1] == LETTERS[len(options) : len(options) + 1]:
            options.append(found[2].strip())
        elif options:
            options[-1] = f"{options[-1]}\n{line}".strip()
        elif line.strip():
            raise Unusable(f"its options begin with {line!r:.80}, not with 'A: ...'")
    if len(options) < 2 or "" in options:
        raise Unusable(f"its options {text!r:.200} are not two or more texts")
    return options


def _question(row: Row) -> str:
    """What the context says beyond question and options (of NLVR2's items the statement itself),
    then the question."""
    question = row.text("question").strip()
    said = row.text("context").replace(row.text("options").strip(), "").replace(question, "")
    said = _SELECT.sub("", said)
    return "\n".join(part for part in (said.strip(), question) if part)


def _relation(paths: Sequence[str]) -> str:
    return next((part for path in paths for part in Path(path).parts if part != "."), "")


def _categories(folder: Path, *, level: str = "task") -> list[str]:
    """Of the relations whose images are there: the others have nothing to ask."""
    files = _files(folder, level)
    there = _relations(files[0].parent)
    if level == "relation":
        found = {_relation(row.texts(_PATHS)) for row in rows(files, [_PATHS])}
        return [name for name in there if name in found]
    tasks = (
        row.text("task")
        for row in rows(files, ["task", _PATHS])
        if _relation(row.texts(_PATHS)) in there
    )
    return list(dict.fromkeys(tasks))


def _key(folder: Path, *, level: str = "task") -> str:
    return "test"


def _asked(item: SuiteItem) -> str:
    question, context = item.raw["question"], item.raw["context"]
    first = item.raw["task"] in QUESTION_FIRST
    return f"{question}\n{context}" if first else f"{context}\n{question}"


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    return (*range(len(item.images)), f"{_asked(item)}\n{_DIRECTLY}")


def _mimic(item: SuiteItem) -> tuple[Piece, ...]:
    """The released MIMIC evaluation's."""
    images = range(len(item.images))
    return ("Question: ", *images, f"\n{_asked(item)}\n{_DIRECTLY} Answer: ")


def _internvl(item: SuiteItem) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for number in range(len(item.images)):
        pieces += [f"Image-{number + 1}: ", number, "\n"]
    asked = f"{item.raw['question']}\n{item.raw['context']}"
    return joined([*pieces, f"{asked}\n{LETTER_DIRECTLY}"])


def official_letter(answer: str) -> str | None:
    """The letter that the official script takes from an answer without its judge, "z" for none.
    None: it asks the judge."""
    said = answer.strip()
    if said in _NOTHING:
        return "z"
    letter = _EDGES.sub("", said.replace("\xa0", "").strip()).strip().lower()
    return letter if letter in _LETTERS_OF_THE_SCORER else None


def _official_rule(item: SuiteItem, answer: str) -> Points:
    letter = official_letter(answer)
    if letter is None:
        return JUDGED
    return RIGHT if letter == item.truth.text.lower() else WRONG


def _mean_of_tasks(items: Sequence[tuple[SuiteItem, float]]) -> float:
    by_task: dict[str, list[float]] = {}
    for item, points in items:
        by_task.setdefault(item.raw["task"], []).append(points)
    return sum(sum(own) / len(own) for own in by_task.values()) / len(by_task)


_TEMPLATES: dict[str, Callable[[SuiteItem], tuple[Piece, ...]]] = {
    "official": _official,
    "ours": ours,
    "MIMIC": _mimic,
    "InternVL": _internvl,
}
MMIU = SuiteFormat(
    name="mmiu",
    title="MMIU",
    read=_read,
    categories=_categories,
    key=_key,
    templates=_TEMPLATES,
    scores={"official": HarnessScore(_official_rule, _mean_of_tasks, "mean of tasks")},
    published=published("mmiu"),
)
