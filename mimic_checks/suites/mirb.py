"""MIRB (2406.12742): eleven sub-sets in four groups.

The Parquet files of the hub's `VLLMs/MIRB-hf`, or the JSON files of `VLLMs/MIRB` (one a sub-set)
with `images.zip` beside them, unpacked or not. The controls among those (`*_text`, `*_concat`, ...)
are not read. Options of multiple choice stand in the words of the question, always under A to E.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mimic_checks.errors import SuiteError
from mimic_checks.suites.folder import NO_ANSWER, json_of, not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable, entry
from mimic_checks.suites.mirb_rules import GROUPS, internvl_rule, lmms_eval_rule, mean_of_groups
from mimic_checks.suites.parquet import Row, distinct, in_order, rows, shards
from mimic_checks.suites.picture_folder import PictureFolder
from mimic_checks.suites.pictures import Picture
from mimic_checks.suites.placeholders import placed
from mimic_checks.suites.prompts import joined, ours
from mimic_checks.suites.published import published
from mimic_checks.suites.scoring import HarnessScore, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import Choice, Number, ShortText, Truth, YesNo

SUBSETS = tuple(subset for subsets in GROUPS.values() for subset in subsets)
CHOICE, NUMBER = ("codeu", "food", "image_jigsaw"), ("count", "visual_chain", "3d_scene")
_LETTERS = tuple("ABCDE")
_WORD = "Answer with a single word."
_NUMBER = "Answer with a single number."
_INSTRUCTIONS = {
    **dict.fromkeys(CHOICE, "Answer with the option symbol."),
    **dict.fromkeys(("analogy", "attribute", "plot_code", "visual_chain", "sightseeing"), _WORD),
    "arxiv": "Answer with the paper title.",
    "count": _NUMBER,
    "3d_scene": f"The following images are different views of the same 3D scene. {_NUMBER}",
}
_COLUMNS = ("question_id", "subset", "questions", "answers")
_IMAGES = "image_list"
_LETTER = "\nAnswer with the option's letter."


def _read(folder: Path) -> Iterator[SuiteItem | Refused]:
    if tables := _tables(folder):
        return not_hidden(folder, _from_json(folder, tables), "give the files as published")
    files = shards(folder, "test")
    return not_hidden(files[0], _from_parquet(files), "give the files as published")


def _tables(folder: Path) -> list[Path]:
    """The JSON files of the sub-sets that are there."""
    return [path for name in SUBSETS if (path := folder / f"{name}.json").is_file()]


def _from_parquet(files: Sequence[Path]) -> Iterator[SuiteItem | Refused]:
    for row in rows(files, _COLUMNS, [_IMAGES]):
        if (subset := row.text("subset")) in SUBSETS:
            name = f"{subset} {row.text('question_id')}"
            yield entry(name, partial(_row_item, name, row))


def _row_item(name: str, row: Row) -> SuiteItem:
    asked, answer = row.text("questions"), row.text("answers")
    return _item(name, row.text("subset"), asked, answer, row.pictures[_IMAGES])


def _from_json(folder: Path, tables: Sequence[Path]) -> Iterator[SuiteItem | Refused]:
    pictures = PictureFolder(folder)
    for path in tables:
        records = json_of(path)
        if not isinstance(records, list):
            raise SuiteError(f"{path} is not a list of questions")
        for number, record in enumerate(records):
            name = f"{path.stem} {number}"
            _check_record(path, number, record)
            yield entry(name, partial(_record_item, name, path.stem, record, pictures))


def _check_record(path: Path, number: int, record: object) -> None:
    keys = ("questions", "answers", "images")
    if not isinstance(record, dict) or not all(key in record for key in keys):
        has = sorted(record) if isinstance(record, dict) else record
        raise SuiteError(f"{path}, entry {number}: {has!r:.200}; allowed: an object with {keys}")
    if not isinstance(record["images"], list) or not isinstance(record["questions"], str):
        raise SuiteError(f"{path}, entry {number}: a text as questions and a list as images")


def _record_item(
    name: str, subset: str, record: Mapping[str, Any], pictures: PictureFolder
) -> SuiteItem:
    answer = record["answers"]
    images = tuple(_picture(pictures, str(path)) for path in record["images"])
    text = "" if answer is None else str(answer)
    return _item(name, subset, record["questions"], text, images)


def _picture(pictures: PictureFolder, path: str) -> Picture:
    """Paths begin with the folder `images`, or stand in it."""
    try:
        return pictures.picture(path)
    except Unusable:
        return pictures.picture(f"images/{path}")


def _item(
    name: str, subset: str, asked: str, answer: str, images: tuple[Picture, ...]
) -> SuiteItem:
    if not answer.strip():
        raise Unusable(NO_ANSWER)
    if not images:
        raise Unusable("it has no image")
    (question,) = placed([asked], len(images))
    return SuiteItem(
        id=name,
        category=subset,
        question=question,
        truth=_truth(subset, answer.strip()),
        images=images,
        raw={"question": asked, "answer": answer},
    )


def _truth(subset: str, answer: str) -> Truth:
    if subset in CHOICE:
        if answer not in _LETTERS:
            raise Unusable(f"its gold {answer!r} is not one of A to E")
        return Choice(_LETTERS.index(answer), _LETTERS)
    if subset in NUMBER:
        try:
            return Number(float(answer))
        except ValueError as error:
            raise Unusable(f"its gold {answer!r} is not a number") from error
    if answer.lower() in ("yes", "no"):
        return YesNo(answer.lower() == "yes")
    if subset in ("analogy", "attribute"):
        raise Unusable(f"its gold {answer!r} is neither yes nor no")
    return ShortText((answer,))


def _categories(folder: Path) -> list[str]:
    if tables := _tables(folder):
        return [path.stem for path in tables]
    found = distinct(shards(folder, "test"), "subset")
    return in_order([name for name in found if name in SUBSETS], SUBSETS)


def _key(folder: Path) -> str:
    return "test"


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    """Instruction, images, question; the scripts word it for each model anew, most of them so."""
    pieces: list[Piece] = [f"{_INSTRUCTIONS[item.category]}\n"]
    for number in range(len(item.images)):
        pieces += [number, "\n"]
    return joined([*pieces, item.raw["question"]])


def _ours(item: SuiteItem) -> tuple[Piece, ...]:
    """Options of multiple choice stand in the question already."""
    return joined([*item.question, _LETTER]) if isinstance(item.truth, Choice) else ours(item)


def _lmms_eval(item: SuiteItem) -> tuple[Piece, ...]:
    """Nothing stands between instruction and question there."""
    return (f"{_INSTRUCTIONS[item.category]}{item.raw['question']}",)


def _internvl(item: SuiteItem) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    several = len(item.images) > 1
    for number in range(len(item.images)):
        pieces += [f"Image-{number + 1}: " if several else "", number, "\n"]
    return joined([*pieces, item.raw["question"], "\n", _INSTRUCTIONS[item.category]])


MIRB = SuiteFormat(
    name="mirb",
    title="MIRB",
    read=_read,
    categories=_categories,
    key=_key,
    templates={
        "official": _official,
        "ours": _ours,
        "lmms-eval": _lmms_eval,
        "InternVL": _internvl,
    },
    scores={
        "official": HarnessScore(
            None,
            None,
            "mean of 4 groups",
            why_not="multiple choice (codeu, food, image_jigsaw) is the letter from A to E whose"
            " first token is most probable, which answers do not tell; score options for it",
        ),
        "InternVL": HarnessScore(internvl_rule, mean_of_groups, "mean of 4 groups"),
        "lmms-eval": HarnessScore(lmms_eval_rule, micro, "micro"),
    },
    published=published("mirb"),
)
