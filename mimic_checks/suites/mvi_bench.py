"""MVI-Bench (2511.14159): the same question to a normal picture and to its misleading twin.

`annotations.json` and the pictures that it names. The first of an entry's `choices` is the right
one; the official script shuffles them without a seed on every query, this reader by `shuffle_seed`
and by the question, so that twins show the same options under the same letters. The file has no
pair ids: twins are a normal and a misleading entry with one question and one set of choices.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mimic_checks.errors import SuiteError
from mimic_checks.suites.folder import find_one, is_beside, json_of, texts_of
from mimic_checks.suites.item import Piece, Refused, SuiteItem, choice_of
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.prompts import joined, option_pieces, ours
from mimic_checks.suites.published import published
from mimic_checks.suites.scoring import RIGHT, WRONG, HarnessScore, Points
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS, Choice, of_type

CATEGORIES = ("resemblance", "representation", "material", "mirror", "occlusion", "illusion")
NORMAL, MISLEADING = ROLES = ("normal", "misleading")
_MOST_CHOICES = 4
_LETTER = re.compile(r"\b[A-D]\b")


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    image: str
    category: str
    type: str
    question: str
    choices: tuple[str, ...]
    answer: str
    picture: FilePicture

    @property
    def id(self) -> str:
        """Its number from 1 and its picture: a picture may stand in several entries."""
        return f"{self.number} {self.image}"

    @property
    def question_key(self) -> tuple[str, str, tuple[str, ...]]:
        """What twins share."""
        return self.category, self.question, tuple(sorted(self.choices))

    @property
    def problem(self) -> str:
        """Why it has no answer, "" if it has one."""
        choices = self.choices
        if not 2 <= len(choices) <= _MOST_CHOICES or not all(text.strip() for text in choices):
            return f"its choices {list(choices)!r} are not 2 to {_MOST_CHOICES} texts"
        if len(set(choices)) < len(choices):
            return f"its choices {list(choices)!r} have one twice"
        if self.answer not in choices:
            return f"its gold {self.answer!r} is not one of its choices"
        if self.answer != choices[0]:
            return f"its gold {self.answer!r} is not the first of its choices, {choices[0]!r}"
        if not is_beside(self.image):
            return f"its picture {self.image!r} is not in the folder"
        if not self.picture.path.is_file():
            return f"its picture {self.image!r} is missing"
        return ""


def _read(folder: Path, *, shuffle_seed: int = 0) -> Iterator[SuiteItem | Refused]:
    entries = _entries(folder)
    twins = _twins(entries)
    for place, entry in enumerate(entries):
        twin = twins.get(place)
        problem = entry.problem
        if not problem and twin is not None and entries[twin].problem:
            problem = f"its twin {entries[twin].image!r}: {entries[twin].problem}"
        if problem:
            yield Refused(entry.id, problem)
            continue
        group = "" if twin is None else entries[min(place, twin)].id
        yield _item(entry, group, shuffle_seed)


def _item(entry: _Entry, group: str, seed: int) -> SuiteItem:
    options = tuple((text,) for text in shuffled(entry.choices, entry.question, seed))
    return SuiteItem(
        id=entry.id,
        category=entry.category,
        question=(0, entry.question),
        truth=choice_of(options.index((entry.answer,)), options),
        images=(entry.picture,),
        options=options,
        group=group,
        role=entry.type if group else "",
        raw={"type": entry.type},
    )


def shuffled(choices: Sequence[str], question: str, seed: int) -> list[str]:
    """The choices in an order of their own for every question and seed, whatever order they come
    in, the same on every machine: sorted by hash."""

    def place(text: str) -> bytes:
        return hashlib.sha256(f"{seed}\0{question}\0{text}".encode()).digest()

    return sorted(choices, key=place)


def _twins(entries: Sequence[_Entry]) -> dict[int, int]:
    """Each entry's twin. Where several have one question, those whose file names differ in the
    words "normal" and "misleading" alone; who is left has none, rather than a wrong one."""
    found: dict[int, int] = {}
    names: Sequence[Callable[[_Entry], object]] = (
        lambda entry: entry.question_key,
        lambda entry: (entry.question_key, _name_without_type(entry.image)),
    )
    for name in names:
        alike: dict[object, list[int]] = defaultdict(list)
        for place, entry in enumerate(entries):
            if place not in found:
                alike[name(entry)].append(place)
        for places in alike.values():
            if sorted(entries[place].type for place in places) == sorted(ROLES):
                first, second = places
                found |= {first: second, second: first}
    return found


def _name_without_type(image: str) -> str:
    path = PurePosixPath(image.lower())
    return re.sub("normal|misleading", "", str(path.with_suffix("")))


def _entries(folder: Path) -> list[_Entry]:
    names = ["annotations.json", "dataset/annotations.json"]
    path = find_one("mvi_bench", folder, names, "annotations")
    data = json_of(path)
    if not isinstance(data, list) or not data:
        raise SuiteError(f"{str(path)!r} is not a list of annotations")
    return [_entry(path, place, record) for place, record in enumerate(data, start=1)]


def _entry(path: Path, number: int, record: object) -> _Entry:
    place = f"entry {number}"
    fields = ("image", "category", "type", "question", "answer")
    texts = texts_of(path, place, record, fields)
    choices = record.get("choices") if isinstance(record, dict) else None
    if not isinstance(choices, list) or not all(isinstance(text, str) for text in choices):
        raise SuiteError(f"{str(path)!r}, {place}: choices={choices!r} is not a list of texts")
    for name, allowed in (("category", CATEGORIES), ("type", ROLES)):
        if texts[name] not in allowed:
            raise SuiteError(
                f"{str(path)!r}, {place}: {name}={texts[name]!r} is not allowed; allowed:"
                f" {', '.join(map(repr, allowed))}"
            )
    picture = FilePicture(path.parent / texts["image"])
    return _Entry(number, **texts, choices=tuple(choices), picture=picture)


def _categories(folder: Path, *, shuffle_seed: int = 0) -> list[str]:
    there = {entry.category for entry in _entries(folder)}
    return [name for name in CATEGORIES if name in there]


def _key(folder: Path, *, shuffle_seed: int = 0) -> str:
    return f"the first of the choices, shuffled by shuffle_seed={shuffle_seed}"


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    return joined(
        [
            *item.question,
            "\nChoices:",
            *option_pieces(item.options, "\n{}. "),
            "\nAnswer with the letter from the given choices directly.",
        ]
    )


def _official_rule(item: SuiteItem, answer: str) -> Points:
    """The first capital A to D that stands alone, an article too. Where the official script
    crashes, for want of a letter or of an option of that letter: wrong."""
    letter = _LETTER.search(answer)
    choice = of_type(item.truth, Choice)
    return RIGHT if letter and LETTERS.index(letter[0]) == choice.index else WRONG


def _accuracy(type_: str, items: Sequence[tuple[SuiteItem, float]]) -> float:
    points = [points for item, points in items if item.raw["type"] == type_]
    return sum(points) / len(points) if points else math.nan


def _sensitivity(items: Sequence[tuple[SuiteItem, float]]) -> float:
    """(Acc_n - Acc_m) / Acc_n over all instances, signed, 0 where nothing normal is right: the
    official code. The paper's Eq. 1 has the absolute value."""
    normal, misleading = (_accuracy(type_, items) for type_ in ROLES)
    return (normal - misleading) / normal if normal else 0.0


_SCORES: Mapping[str, tuple[Callable[[Sequence[tuple[SuiteItem, float]]], float], str]] = {
    "official": (partial(_accuracy, MISLEADING), "micro, misleading"),
    "official, normal": (partial(_accuracy, NORMAL), "micro, normal"),
    "official, sensitivity": (_sensitivity, "micro, signed"),
    "paper, sensitivity": (lambda items: abs(_sensitivity(items)), "micro, absolute"),
}

MVI_BENCH = SuiteFormat(
    name="mvi_bench",
    title="MVI-Bench",
    read=_read,
    categories=_categories,
    key=_key,
    templates={"official": _official, "ours": ours},
    scores={
        name: HarnessScore(_official_rule, aggregate, aggregate_name)
        for name, (aggregate, aggregate_name) in _SCORES.items()
    },
    published=published("mvi_bench"),
)
