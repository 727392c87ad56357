"""MMT-Bench (2404.16006), validation part: `MMT-Bench_VAL_MI.tsv`, in which the pictures of a
question are kept apart, and `MMT-Bench_VAL.tsv`, in which they are stitched into one.

The leaderboard shows the stitched one, so most published numbers of "MMT" are of one picture a
question. The answers of the whole set (`ALL`) are hidden. VLMEvalKit is the official scorer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mimic_checks.errors import InvalidArgument, SuiteError
from mimic_checks.suites.folder import NO_ANSWER, find_one, folder_of, not_hidden
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable, choice_of
from mimic_checks.suites.placeholders import placed
from mimic_checks.suites.prompts import joined, option_pieces, ours, vlmevalkit
from mimic_checks.suites.published import published
from mimic_checks.suites.rules.vlmevalkit import vlmevalkit_letter
from mimic_checks.suites.scoring import JUDGED, RIGHT, WRONG, HarnessScore, Points, drawn, micro
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.suites.tsv import Base64Picture, TsvRow, tsv_rows
from mimic_checks.tasks.truth import Choice, of_type

_OPTIONS = "ABCDEFGHI"
_CATEGORY, _SUB_TASK = "l2-category", "category"
_COLUMNS = ("index", "question", "A", "B", "answer", _SUB_TASK, _CATEGORY, "image")
_FILES = {"mmt": "VAL_MI", "mmt_stitched": "VAL"}
_INSTEAD = "read the validation part, MMT-Bench_VAL_MI.tsv"


def _path(suite: str, folder: Path) -> Path:
    """The suite's file.

    Raises:
        SuiteError: there is none, or only one whose answers are hidden or that is the other suite.
    """
    home = folder_of(suite, folder)
    there = ", ".join(sorted(path.name for path in home.glob("*.tsv")))
    if not list(home.glob(f"*{_FILES[suite]}.tsv")):
        if "_ALL" in there:
            raise SuiteError(
                f"vlm-suite={suite}:{str(home)!r} has the whole set ({there}), whose answers are"
                f" hidden; {_INSTEAD}"
            )
        for other, part in _FILES.items():
            if list(home.glob(f"*{part}.tsv")):
                raise SuiteError(
                    f"vlm-suite={suite}:{str(home)!r} has {there}, which is {other!r}: ask for"
                    f" vlm-suite={other}:{home}"
                )
    return find_one(suite, home, [f"*{_FILES[suite]}.tsv"], "questions")


def _read(suite: str, folder: Path, *, level: str = _CATEGORY) -> Iterator[SuiteItem | Refused]:
    _check_level(level)
    path = _path(suite, folder)
    return not_hidden(path, _items(path, level), _INSTEAD)


def _items(path: Path, level: str) -> Iterator[SuiteItem | Refused]:
    pictures_of: dict[str, tuple[Base64Picture, ...]] = {}
    for row in tsv_rows(path, _COLUMNS):
        index = row.text("index")
        pictures = row.pictures("image")
        if isinstance(pictures, str):
            pictures = pictures_of.get(pictures)
        elif pictures is not None:
            pictures_of[index] = pictures
        yield _item(row, index, pictures, level)


def _item(
    row: TsvRow, index: str, pictures: tuple[Base64Picture, ...] | None, level: str
) -> SuiteItem | Refused:
    texts = {letter: row.text(letter) for letter in _OPTIONS}
    offered = [letter for letter in _OPTIONS if texts[letter].strip()]
    letters, answer = _OPTIONS[: len(offered)], row.text("answer").strip()
    question = row.text("question")
    if not answer:
        return Refused(index, NO_ANSWER)
    if offered != list(letters) or len(offered) < 2:
        return Refused(index, f"its options {', '.join(offered) or 'none'} leave out a letter")
    if answer not in offered:
        return Refused(index, f"its gold {answer!r} is not one of its options {', '.join(letters)}")
    if pictures is None:
        return Refused(index, "its image is neither base64 nor the index of an earlier row")
    options = tuple((texts[letter],) for letter in letters)
    try:
        (asked,) = placed([question], len(pictures))
    except Unusable as error:
        return Refused(index, str(error))
    return SuiteItem(
        id=index,
        category=row.text(level),
        question=asked,
        truth=choice_of(letters.index(answer), options),
        images=pictures,
        options=options,
        raw={"question": question, "category": row.text(_SUB_TASK), "hint": row.text("hint")},
    )


def _check_level(level: str) -> None:
    if level not in (_CATEGORY, _SUB_TASK):
        raise InvalidArgument("level", level, allowed=(_CATEGORY, _SUB_TASK))


def _categories(suite: str, folder: Path, *, level: str = _CATEGORY) -> list[str]:
    _check_level(level)
    rows = tsv_rows(_path(suite, folder), (level,))
    return list(dict.fromkeys(row.text(level) for row in rows))


def _key(suite: str, folder: Path, *, level: str = _CATEGORY) -> str:
    return _path(suite, folder).name


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    return vlmevalkit(item)


def _lmms_eval(item: SuiteItem) -> tuple[Piece, ...]:
    """Its text has one mark for all images, which models put there together."""
    return joined(
        [
            "Question: ",
            *range(len(item.images)),
            f"\n{item.raw['question'].strip()}",
            *option_pieces([[str(text).strip()] for (text,) in item.options], "\n{}: "),
            "\nAnswer the question using a single character from the given options.",
        ]
    )


def lmms_eval_letter(answer: str, letters: str) -> str | None:
    """A variant of MMMU's parser: `(A)` anywhere, else ` A `, else `A.`. Of several the one that
    stands last between spaces; where none does, as for "(A) or (B)", the first letter. None: it
    draws one, without a seed."""
    text = answer.strip()
    for mark in ",.!?;:'":
        text = text.strip(mark)
    text = f" {text} "
    for form in ("({})", " {} ", "{}."):
        if found := [letter for letter in letters if form.format(letter) in text]:
            return max(found, key=lambda letter: text.rfind(f" {letter} "))
    return None


def _lmms_eval_rule(item: SuiteItem, answer: str) -> Points:
    letter = lmms_eval_letter(answer, _OPTIONS[: len(item.options)])
    if letter is None:
        return drawn(len(item.options))
    return RIGHT if letter == of_type(item.truth, Choice).text else WRONG


def _vlmevalkit_rule(unparsed: Points, item: SuiteItem, answer: str) -> Points:
    choice = of_type(item.truth, Choice)
    letter = vlmevalkit_letter(answer, choice.options)
    if letter is None:
        return unparsed
    return RIGHT if letter == choice.text else WRONG


def _format(name: str, title: str) -> SuiteFormat:
    return SuiteFormat(
        name=name,
        title=title,
        read=partial(_read, name),
        categories=partial(_categories, name),
        key=partial(_key, name),
        templates={
            "official": _official,
            "ours": ours,
            "lmms-eval": _lmms_eval,
            "VLMEvalKit": vlmevalkit,
        },
        scores={
            "official": HarnessScore(partial(_vlmevalkit_rule, JUDGED), micro, "micro"),
            "lmms-eval": HarnessScore(_lmms_eval_rule, micro, "micro"),
            "VLMEvalKit": HarnessScore(partial(_vlmevalkit_rule, WRONG), micro, "micro"),
        },
        published=published(name),
    )


MMT = _format("mmt", "MMT-Bench, images apart")
MMT_STITCHED = _format("mmt_stitched", "MMT-Bench, images stitched into one")
