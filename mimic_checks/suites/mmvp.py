"""MMVP (Tong et al., CVPR 2024, 2401.06209): pairs of pictures that an encoder takes for one, the
same question to both, opposite answers; a pair is right if both answers are.

`Questions.csv` and `MMVP Images/<number>.jpg`: rows 1 and 2 are a pair, rows 3 and 4, and so on.
The answers of two pairs are in doubt, and three answer keys are about: as first published; with one
row of each of these pairs corrected, after which a pair has one answer twice; with both corrected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mimic_checks.errors import SuiteError
from mimic_checks.suites.folder import csv_rows, find_one
from mimic_checks.suites.item import Piece, Refused, SuiteItem, choice_of
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.prompts import LETTER_DIRECTLY, joined, option_pieces, ours, vlmevalkit
from mimic_checks.suites.published import published
from mimic_checks.suites.rules.vlmevalkit import vlmevalkit_letter
from mimic_checks.suites.scoring import RIGHT, WRONG, HarnessScore, Points, micro, whole_groups
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS, Choice, of_type

_CATEGORY = "pairs"
_COLUMNS = ("Index", "Question", "Options", "Correct Answer")
_DOUBTFUL = (99, 100, 279, 280)
_KEYS: Mapping[str, str] = {
    "abab": "as first published",
    "aaaa": "one row of the pairs 99/100 and 279/280 corrected",
    "baba": "both rows of the pairs 99/100 and 279/280 corrected",
}
"""Answer keys by their answers to the rows in doubt."""
_LMMS_EVAL_KEY = {99: 1, 100: 0, 279: 1, 280: 0}
"""What lmms-eval takes for right, whatever the file says."""


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    question: str
    words: str
    options: tuple[str, ...]
    answer: str
    picture: FilePicture

    @property
    def problem(self) -> str:
        """Why it has no answer, "" if it has one."""
        if len(self.options) < 2:
            return f"its options {self.words!r} are not like '(a) Open (b) Closed'"
        if self.place is None:
            letters = ", ".join(f"({letter.lower()})" for letter in LETTERS[: len(self.options)])
            return f"its gold {self.answer!r} is not one of its options {letters}"
        if not self.picture.path.is_file():
            return f"its picture {self.picture.name!r} is missing"
        return ""

    @property
    def place(self) -> int | None:
        letter = self.answer.strip().lower().strip("()")
        options = [option.lower() for option in LETTERS[: len(self.options)]]
        return options.index(letter) if letter in options else None

    @property
    def right(self) -> str:
        return "" if self.place is None else self.options[self.place]


def _read(folder: Path, *, drop_doubtful: bool = False) -> Iterator[SuiteItem | Refused]:
    rows = _rows(folder)
    for first in rows:
        second = next(rows, None)
        if second is None:
            yield Refused(str(first.number), "it has no second row to be a pair with")
            return
        for row, other in ((first, second), (second, first)):
            if drop_doubtful and row.number in _DOUBTFUL:
                yield Refused(str(row.number), "left out: the answer keys differ (drop_doubtful)")
            elif problem := row.problem or _pair_problem(row, other):
                yield Refused(str(row.number), problem)
            else:
                yield _item(row, f"{first.number}/{second.number}")


def _pair_problem(row: _Row, other: _Row) -> str:
    if other.problem:
        return f"row {other.number}, the other of its pair: {other.problem}"
    if row.question.split() != other.question.split():
        return f"row {other.number}, the other of its pair, asks another question"
    if row.right == other.right:
        return (
            f"row {other.number}, the other of its pair, has the same answer {row.right!r}, as"
            " where one of the two alone was corrected"
        )
    return ""


def _item(row: _Row, pair: str) -> SuiteItem:
    options = tuple((option,) for option in row.options)
    return SuiteItem(
        id=str(row.number),
        category=_CATEGORY,
        question=(0, row.question),
        truth=choice_of(row.place or 0, options),
        images=(row.picture,),
        options=options,
        group=pair,
        raw={"options": row.words},
    )


def _rows(folder: Path) -> Iterator[_Row]:
    path = find_one("mmvp", folder, ["Questions.csv"], "questions")
    home = find_one("mmvp", folder, ["MMVP Images", "MMVP_Images"], "folder of pictures")
    rows = csv_rows(path, _COLUMNS)
    for number, (line, (index, question, options, answer)) in enumerate(rows, start=1):
        if index.strip() != str(number):
            # The official scorer goes by the place of a row, pictures are named by its index.
            raise SuiteError(
                f"{str(path)!r}, line {line}: Index={index!r} is not allowed; allowed: {number},"
                " the number of the row; restore the file's own order"
            )
        picture = FilePicture(home / f"{number}.jpg")
        yield _Row(number, question, options, split_options(options), answer, picture)


def split_options(text: str) -> tuple[str, ...]:
    """`"(a) Open (b) Closed"` -> `("Open", "Closed")`; nothing where the letters do not follow each
    other from (a), or one stands there twice."""
    marks = list(re.finditer(r"\(([a-z])\)", text))
    wanted = [letter.lower() for letter in LETTERS[: len(marks)]]
    if not marks or [mark[1] for mark in marks] != wanted or text[: marks[0].start()].strip():
        return ()
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    options = tuple(text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True))
    return options if all(options) else ()


def _categories(folder: Path, *, drop_doubtful: bool = False) -> list[str]:
    find_one("mmvp", folder, ["Questions.csv"], "questions")
    return [_CATEGORY]


def _key(folder: Path, *, drop_doubtful: bool = False) -> str:
    answers = {row.number: row.answer.strip().lower().strip("()") for row in _rows(folder)}
    found = "".join(answers.get(number, "-") for number in _DOUBTFUL)
    if set(found) == {"-"}:
        key = "without the pairs in doubt"
    else:
        key = _KEYS.get(found, f"unknown ({found} in rows 99, 100, 279 and 280)")
    return f"{key}; pairs 99/100 and 279/280 left out" if drop_doubtful else key


def _official(item: SuiteItem) -> tuple[Piece, ...]:
    """Question and options with a space between, as the file has them unless they are rotated."""
    options = tuple(str(text) for (text,) in item.options)
    words = item.raw["options"]
    if split_options(words) != options:
        lettered = zip(LETTERS.lower(), options, strict=False)
        words = " ".join(f"({letter}) {option}" for letter, option in lettered)
    return joined([*item.question, f" {words}"])


def _lmms_eval(item: SuiteItem) -> tuple[Piece, ...]:
    lines = option_pieces(item.options, "\n{}. ")
    return joined([*item.question, *lines, f"\n{LETTER_DIRECTLY}"])


_LMMS_EVAL_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^\(?([ab])\)?\.?$",
        r"^\(?([ab])\)?[.\s]",
        r"answer\s+is\s+\(?([ab])",
        r"option\s+\(?([ab])",
        r"([ab])\)?(?:\s|$)",
        r"^([ab])",
    )
)
"""In this order, in any case. The fifth takes the end of any word for a letter: "banana" is A."""


def _lmms_eval_rule(item: SuiteItem, answer: str) -> Points:
    gold = _LMMS_EVAL_KEY.get(int(item.id), of_type(item.truth, Choice).index)
    found = (pattern.search(answer.strip()) for pattern in _LMMS_EVAL_PATTERNS)
    letter = next((match[1].upper() for match in found if match), "")
    return RIGHT if letter == LETTERS[gold] else WRONG


def _vlmevalkit_rule(item: SuiteItem, answer: str) -> Points:
    choice = of_type(item.truth, Choice)
    return RIGHT if vlmevalkit_letter(answer, choice.options) == choice.text else WRONG


MMVP = SuiteFormat(
    name="mmvp",
    title="MMVP",
    read=_read,
    categories=_categories,
    key=_key,
    templates={
        "official": _official,
        "ours": ours,
        "lmms-eval": _lmms_eval,
        "VLMEvalKit": vlmevalkit,
    },
    scores={
        "official": HarnessScore(
            None, None, "pairs", "GPT-4 judges every answer, sampled at temperature 0.2"
        ),
        "lmms-eval": HarnessScore(_lmms_eval_rule, whole_groups, "pairs"),
        "lmms-eval, per question": HarnessScore(_lmms_eval_rule, micro, "micro"),
        "VLMEvalKit": HarnessScore(_vlmevalkit_rule, whole_groups, "pairs"),
        "VLMEvalKit, per question": HarnessScore(_vlmevalkit_rule, micro, "micro"),
    },
    grouped=True,
    published=published("mmvp"),
)
