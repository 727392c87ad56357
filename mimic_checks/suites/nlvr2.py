"""NLVR2 (1811.00491): is a sentence about two photos true?

Read in two forms: the official JSON lines (`test1.json`) with the photos in a folder, and the
Parquet form of TIGER-Lab, which asks with lettered options. Sentences stand with up to four pairs;
the official *consistency* is the share of sentences with every pair right. In the official form the
categories are its balanced and unbalanced sub-sets, where their files are there: on the unbalanced
one, one photo alone often gives the answer away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.folder import (
    NO_ANSWER,
    find_one,
    folder_of,
    json_lines,
    not_hidden,
    texts_of,
)
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable
from mimic_checks.suites.lettered import option_texts
from mimic_checks.suites.mantis import MANTIS_COLUMNS, mantis_item, mantis_prompt, mantis_true_false
from mimic_checks.suites.parquet import rows, shards
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.prompts import ours
from mimic_checks.suites.published import published
from mimic_checks.suites.scoring import RIGHT, WRONG, HarnessScore, Points, micro, whole_groups
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import Choice, YesNo, of_type

_SPLITS = ("dev", "test1", "test2")
_HOMES = ("", "data/", "nlvr2/data/")
_SUBSETS = ("balanced", "unbalanced")
_REST = "pairs"
"""The category of what is in neither sub-set, and in Parquet files of no category."""
_IDENTIFIER = re.compile(r"(?P<split>\w+)-(?P<set>\d+)-(?P<pair>\d+)-(?P<sentence>\d+)")
_ASKED = " Here is a statement about the images. Is it true or false?\n"
"""The official file has a sentence and no question; this is how TIGER-Lab's form asks."""
_INSTEAD = "read another split, as nlvr2:<folder>?split=dev"


def _read(folder: Path, *, split: str = "test1") -> Iterator[SuiteItem | Refused]:
    path = _official_file(folder, split)
    if path is not None:
        return not_hidden(path, _official_items(path, folder, split), _INSTEAD)
    return not_hidden(Path(folder), _parquet_items(folder), _INSTEAD)


def _official_file(folder: Path, split: str) -> Path | None:
    """The JSON lines of a split; None for a folder of Parquet files."""
    if split not in _SPLITS:
        raise InvalidArgument("split", split, allowed=_SPLITS)
    home = folder_of("nlvr2", folder)
    lines = [found for place in _HOMES for found in home.glob(f"{place}*.json")]
    if not lines and any(home.rglob("*.parquet")):
        return None
    return find_one("nlvr2", home, [f"{place}{split}.json" for place in _HOMES], "sentences")


def _official_items(path: Path, folder: Path, split: str) -> Iterator[SuiteItem | Refused]:
    subset_of = _subsets(path, split)
    home: Path | None = None
    for number, record in json_lines(path):
        texts = texts_of(path, f"line {number}", record, ("identifier", "sentence"))
        identifier = texts["identifier"]
        if not _IDENTIFIER.fullmatch(identifier):
            raise SuiteError(
                f"{str(path)!r}, line {number}: identifier={identifier!r} is not allowed; allowed:"
                " split-set-pair-sentence"
            )
        names = [f"{identifier.rpartition('-')[0]}-img{side}.png" for side in (0, 1)]
        home = home or _photos(folder, split, names)
        photos = [FilePicture(home / name) for name in names]
        category = subset_of.get(identifier, _REST)
        yield _official_item(texts, record.get("label"), photos, category)


def _official_item(
    texts: Mapping[str, str], label: object, photos: Sequence[FilePicture], category: str
) -> SuiteItem | Refused:
    identifier = texts["identifier"]
    if label in (None, ""):
        return Refused(identifier, NO_ANSWER)
    if label not in ("True", "False"):
        return Refused(identifier, f"its label {label!r} is neither 'True' nor 'False'")
    for photo in photos:
        if not photo.path.is_file():
            return Refused(identifier, f"its photo {photo.name!r} is missing")
    return SuiteItem(
        id=identifier,
        category=category,
        question=(0, 1, _ASKED + texts["sentence"]),
        truth=YesNo(label == "True"),
        images=tuple(photos),
        group=_sentence_of(identifier),
    )


def _sentence_of(identifier: str) -> str:
    """A name for the sentence: the identifier without its pair. "" where it is of another form."""
    match = _IDENTIFIER.fullmatch(identifier)
    return f"{match['split']}-{match['set']}-{match['sentence']}" if match else ""


def _subsets(path: Path, split: str) -> dict[str, str]:
    """The sub-set of every identifier that is in one."""
    found: dict[str, str] = {}
    for subset in _SUBSETS:
        for folder in (*_SUBSETS, "."):
            file = path.parent / folder / f"{subset}_{split}.json"
            if file.is_file():
                for number, record in json_lines(file):
                    texts = texts_of(file, f"line {number}", record, ("identifier",))
                    found[texts["identifier"]] = subset
    return found


def _photos(folder: Path, split: str, names: list[str]) -> Path:
    """The folder that holds the photos."""
    home = Path(folder)
    places = [place for top in ("", "images", "nlvr2/images") for place in (f"{top}/{split}", top)]
    for place in places:
        found = home / place.strip("/")
        if found.is_dir() and any(found.glob(f"{split}-*-img0.png")):
            return found
    raise SuiteError(
        f"vlm-suite=nlvr2:{str(home)!r} has no photos named like {names[0]!r} in"
        f" {', '.join(repr(place or '.') for place in places)}"
    )


def _parquet_items(folder: Path) -> Iterator[SuiteItem | Refused]:
    for row in rows(shards(Path(folder), "test"), MANTIS_COLUMNS, ["images"]):
        identifier = row.text("id")
        try:
            yield mantis_item(row, _REST, _sentence_of(identifier))
        except Unusable as error:
            yield Refused(identifier, str(error))


def _categories(folder: Path, *, split: str = "test1") -> list[str]:
    path = _official_file(folder, split)
    if path is None:
        found = (row.text("category") for row in rows(shards(Path(folder), "test"), ["category"]))
        return list(dict.fromkeys(category or _REST for category in found))
    subset_of = _subsets(path, split)
    there = {
        subset_of.get(record["identifier"], _REST)
        for _, record in json_lines(path)
        if isinstance(record, dict) and isinstance(record.get("identifier"), str)
    }
    return [category for category in (*_SUBSETS, _REST) if category in there]


def _key(folder: Path, *, split: str = "test1") -> str:
    path = _official_file(folder, split)
    return "TIGER-Lab's letters, of test1" if path is None else f"the labels of {path.name}"


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    """The official data have no prompt: of Parquet files Mantis's, whose form that is, and of JSON
    lines the same words without options."""
    return mantis_prompt(item) if item.options else item.question


def _mimic(item: SuiteItem) -> tuple[Piece, ...]:
    return item.question


def _label(item: SuiteItem) -> str:
    if isinstance(item.truth, YesNo):
        return "true" if item.truth.yes else "false"
    choice = of_type(item.truth, Choice)
    return choice.options[choice.index].lower()


def _official_rule(item: SuiteItem, answer: str) -> Points:
    """The answer is the label, but for case."""
    return RIGHT if answer.strip().lower() == _label(item) else WRONG


def _mimic_rule(item: SuiteItem, answer: str) -> Points:
    """As the official one, with yes for true and no for false."""
    said = {"yes": "true", "no": "false"}.get(answer.strip().lower(), answer.strip().lower())
    return RIGHT if said == _label(item) else WRONG


def _mantis_rule(item: SuiteItem, answer: str) -> Points:
    if isinstance(item.truth, YesNo):
        return mantis_true_false(answer, 0 if item.truth.yes else 1, ["True", "False"])
    return mantis_true_false(answer, of_type(item.truth, Choice).index, option_texts(item))


NLVR2 = SuiteFormat(
    name="nlvr2",
    title="NLVR2",
    read=_read,
    categories=_categories,
    key=_key,
    templates={"official": _official, "ours": ours, "MIMIC": _mimic},
    scores={
        "official": HarnessScore(_official_rule, micro, "micro"),
        "official, consistency": HarnessScore(_official_rule, whole_groups, "sentences"),
        "Mantis": HarnessScore(_mantis_rule, micro, "micro"),
        "MIMIC": HarnessScore(_mimic_rule, micro, "micro"),
    },
    published=published("nlvr2"),
)
