"""Questions of a team's own: `questions.jsonl`, one JSON object a line, and pictures beside it.

Every line is checked before the first question is asked; what is wrong is named by line and field.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from mimic_checks.errors import NAMED_AT_MOST, SuiteError
from mimic_checks.suites.folder import find_one, is_beside
from mimic_checks.suites.item import Piece, Refused, SuiteItem, Unusable, choice_of
from mimic_checks.suites.pictures import FilePicture
from mimic_checks.suites.placeholders import MARK, placed
from mimic_checks.suites.prompts import ours
from mimic_checks.suites.suite_format import SuiteFormat
from mimic_checks.tasks.truth import LETTERS, Number, ShortText, Truth, YesNo

FILE = "questions.jsonl"
_MOST_SHOWN = 60
"""Characters of a wrong value that a message shows."""


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _beside(name: str) -> str:
    if not is_beside(name):
        raise ValueError("must be a file in the folder, such as 'images/a.png'")
    return name


Text = Annotated[str, AfterValidator(_not_blank)]
PictureName = Annotated[str, AfterValidator(_beside)]
FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]


class Question(BaseModel):
    """What every line has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Text
    question: Text
    images: Annotated[list[PictureName], Field(min_length=1)]
    category: Text = "questions"
    group: str = ""
    role: str = ""

    @model_validator(mode="after")
    def _role_in_group(self) -> Question:
        if self.role and not self.group:
            raise ValueError("role: only a question of a group has one")
        return self

    def truth(self, options: Sequence[Sequence[Piece]]) -> Truth:
        """The true answer.

        Raises:
            Unusable: there is none.
        """
        raise NotImplementedError


class MultipleChoiceQuestion(Question):
    kind: Literal["multiple_choice"]
    options: Annotated[list[Text], Field(min_length=2, max_length=len(LETTERS))]
    answer: Annotated[str, Field(pattern="^[A-Z]$")]

    @model_validator(mode="after")
    def _different_options(self) -> MultipleChoiceQuestion:
        texts = [option for option in self.options if MARK not in option]
        if twice := [text for text, times in Counter(texts).items() if times > 1]:
            raise ValueError(f"options: {twice[0]!r} is there twice")
        return self

    def truth(self, options: Sequence[Sequence[Piece]]) -> Truth:
        place = LETTERS.index(self.answer)
        if place >= len(options):
            last = LETTERS[len(options) - 1]
            raise Unusable(f"its gold {self.answer!r} is not one of its options A to {last}")
        return choice_of(place, options)


class YesNoQuestion(Question):
    kind: Literal["yes_no"]
    answer: Literal["yes", "no"]

    def truth(self, options: Sequence[Sequence[Piece]]) -> Truth:
        return YesNo(self.answer == "yes")


class NumberQuestion(Question):
    kind: Literal["number"]
    answer: FiniteNumber
    tolerance: Annotated[FiniteNumber, Field(ge=0)] = 0.0

    def truth(self, options: Sequence[Sequence[Piece]]) -> Truth:
        return Number(self.answer, self.tolerance)


class ShortTextQuestion(Question):
    kind: Literal["short_text"]
    answer: Annotated[list[Text], Field(min_length=1)]

    def truth(self, options: Sequence[Sequence[Piece]]) -> Truth:
        return ShortText(tuple(self.answer))


_LINE: TypeAdapter[Question] = TypeAdapter(
    Annotated[
        MultipleChoiceQuestion | YesNoQuestion | NumberQuestion | ShortTextQuestion,
        Field(discriminator="kind"),
    ]
)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    question: Question


def _read(folder: Path) -> Iterator[SuiteItem | Refused]:
    path = _path(folder)
    for line in _lines(path):
        yield _item(path.parent, line.question)


def _item(home: Path, asked: Question) -> SuiteItem | Refused:
    texts = [asked.question]
    if isinstance(asked, MultipleChoiceQuestion):
        texts += asked.options
    pictures = tuple(FilePicture(home / name) for name in asked.images)
    for name, picture in zip(asked.images, pictures, strict=True):
        if not picture.path.is_file():
            return Refused(asked.id, f"its image {name!r} is missing")
    try:
        question, *options = placed(texts, len(pictures))
        truth = asked.truth(options)
    except Unusable as error:
        return Refused(asked.id, str(error))
    return SuiteItem(
        id=asked.id,
        category=asked.category,
        question=question,
        truth=truth,
        images=pictures,
        options=tuple(options),
        group=asked.group,
        role=asked.role,
    )


def _lines(path: Path) -> list[_Line]:
    """Every line that is not blank.

    Raises:
        SuiteError: lines that are not questions, ids that are there twice, groups of one.
    """
    lines: list[_Line] = []
    problems: list[str] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                lines.append(_Line(number, _LINE.validate_json(line)))
            except ValidationError as error:
                problems += [f"line {number}: {text}" for text in _problems_of(error)]
    problems = problems or _problems_between(lines)
    if not lines and not problems:
        problems = ["no line is a question"]
    if problems:
        left = len(problems) - NAMED_AT_MOST
        more = [f"and {left} more"] if left > 0 else []
        raise SuiteError("\n".join([f"{str(path)!r}:", *problems[:NAMED_AT_MOST], *more]))
    return lines


def _problems_of(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        # The first place is the kind by which the line was told to be what it is.
        field = ".".join(str(part) for part in problem["loc"][1:])
        if problem["type"] != "missing" and field:
            field += f"={_shown(problem['input'])}"
        yield f"{field}: {problem['msg']}" if field else problem["msg"]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _problems_between(lines: Sequence[_Line]) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for line in lines:
        other = first.setdefault(line.question.id, line.number)
        if other != line.number:
            problems.append(f"line {line.number}: id: {line.question.id!r} is that of line {other}")
    sizes = Counter(line.question.group for line in lines)
    return problems + [
        f"line {line.number}: group: {line.question.group!r} has one question; a group has several"
        for line in lines
        if line.question.group and sizes[line.question.group] == 1
    ]


def _path(folder: Path) -> Path:
    return find_one("jsonl", folder, [FILE], "questions")


def _categories(folder: Path) -> list[str]:
    return list(dict.fromkeys(line.question.category for line in _lines(_path(folder))))


def _key(folder: Path) -> str:
    return "the answers in questions.jsonl"


JSONL = SuiteFormat(
    name="jsonl",
    title="Questions of our own",
    read=_read,
    categories=_categories,
    key=_key,
    templates={"ours": ours},
    grouped=True,
)
