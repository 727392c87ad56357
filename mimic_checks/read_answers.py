"""`mimic-checks read`: what the readers read in answers that stand in a file, and how that compares
with what a fair judge reads."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks import (
    TASKS,
    Choice,
    Counts,
    Names,
    Number,
    ShortText,
    Truth,
    Unread,
    Vocabulary,
    YesNo,
    read_answer,
)
from mimic_checks.tasks.truth import LETTERS

COCO = """
    person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire
    hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis,
    snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard,
    tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
    sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted
    plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone,
    microwave, oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear,
    hair drier, toothbrush"""
_FORM = (
    "a JSON object a line: task, answer (texts); classes of a counting question and options of a"
    " multiple-choice one (lists of texts); fair and kind, if known"
)


@dataclass(frozen=True, slots=True)
class Line:
    """An answer as the file has it."""

    number: int
    task: str
    answer: str
    classes: tuple[str, ...]
    options: tuple[str, ...]
    kind: str
    has_fair: bool
    fair: Any


def coco_classes() -> tuple[str, ...]:
    """COCO's 80 class names."""
    return tuple(" ".join(COCO.split()).split(", "))


def classes_of_file(file: Path) -> tuple[str, ...]:
    """Class names, one a line.

    Raises:
        InvalidArgument: it cannot be read, or names none.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        allowed = f"a file with a class name a line ({error})"
        raise InvalidArgument("classes", str(file), allowed=allowed) from error
    names = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not names:
        raise InvalidArgument("classes", str(file), allowed="a file with a class name a line")
    return names


def read_file(source: str, classes: Path | None) -> int:
    """Prints what is read in each line of a file (`-`: standard input), and on standard error how
    that compares with `fair`.

    Raises:
        InvalidArgument: a malformed line; names its number.
    """
    names = classes_of_file(classes) if classes else coco_classes()
    lines = list(_lines(source))
    vocabularies: dict[tuple[str, ...], Vocabulary] = {}
    table: dict[str, Counter[str]] = {}
    for line in lines:
        known = tuple(dict.fromkeys((*names, *line.classes)))
        vocabulary = vocabularies.setdefault(known, Vocabulary(known))
        reading = read_line(line, vocabulary)
        value = value_of(reading)
        why = reading.reason if isinstance(reading, Unread) else ""
        print(json.dumps({"read": value, "why": why}, ensure_ascii=False))
        if line.has_fair:
            row = table.setdefault(line.kind, Counter())
            row.update(["lines", *(["clear"] if line.fair is not None else [])])
            row[verdict(line, reading, vocabulary)] += 1
    if table:
        print("\n".join(_table(table)), file=sys.stderr)
    return 0


def read_line(line: Line, vocabulary: Vocabulary) -> Truth | Unread:
    """What the line's task reads in it."""
    task = TASKS.get(line.task)
    return read_answer(task, line.answer, _asked(line, task.truth_type), (), vocabulary)


def value_of(reading: Truth | Unread) -> Any:
    """A reading in the form that `fair` has: counts in the order asked, names, a letter, "yes" or
    "no", a number, a text; None where nothing is read."""
    if isinstance(reading, Unread):
        return None
    if isinstance(reading, Counts):
        return [count for _, count in reading.counts]
    if isinstance(reading, Names):
        return list(reading.names)
    if isinstance(reading, Number):
        return int(reading.number) if reading.number.is_integer() else reading.number
    return reading.text


def verdict(line: Line, reading: Truth | Unread, vocabulary: Vocabulary) -> str:
    """ "agrees", "misread" (read as something that `fair` does not say) or "unreadable" (nothing
    read although `fair` is clear)."""
    if isinstance(reading, Unread):
        return "agrees" if line.fair is None else "unreadable"
    return "agrees" if _agrees(line, reading, vocabulary) else "misread"


def _agrees(line: Line, reading: Truth, vocabulary: Vocabulary) -> bool:
    fair, value = line.fair, value_of(reading)
    if fair is None:
        return False
    if isinstance(reading, Names):
        if isinstance(fair, str):  # a clear answer that is none of the classes
            return not set(reading.names) & set(vocabulary.class_names)
        return sorted(reading.names) == sorted(fair)
    if isinstance(reading, Choice):
        return _is_option(fair, reading)
    if isinstance(reading, ShortText):
        return (
            isinstance(fair, str) and TASKS.get(line.task).score(reading, ShortText((fair,))).right
        )
    return bool(value == fair)


def _is_option(fair: Any, reading: Choice) -> bool:
    """`fair` is a letter, an index from 0, or the option's text."""
    if isinstance(fair, str) and len(fair) == 1 and fair.upper() in LETTERS:
        return fair.upper() == reading.text
    return bool(fair == reading.index or fair == reading.options[reading.index])


def _asked(line: Line, truth_type: type) -> Truth:
    """Something that asks what the line's question asked; which answer is right is not known."""
    if truth_type is Counts:
        if not line.classes:
            raise _malformed(line.number, "a counting answer needs classes")
        return Counts(tuple((name, 0) for name in line.classes))
    if truth_type is Choice:
        if len(line.options) < 2:
            raise _malformed(line.number, "a multiple-choice answer needs options, two or more")
        return Choice(0, line.options)
    truths: Mapping[type, Truth] = {
        Names: Names(()),
        YesNo: YesNo(True),
        Number: Number(0),
        ShortText: ShortText(("?",)),
    }
    return truths[truth_type]


def _lines(source: str) -> Iterator[Line]:
    try:
        if source == "-":
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        else:
            text = Path(source).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InvalidArgument("file", source, allowed=f"a readable UTF-8 file; {error}") from error
    # Only "\n" ends a line: an answer in JSON may hold other line ends.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _line(number, line)


def _line(number: int, text: str) -> Line:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(number, f"no JSON: {error}") from error
    if not isinstance(read, dict):
        raise _malformed(number, "no JSON object")
    for key in ("task", "answer"):
        if not isinstance(read.get(key), str):
            raise _malformed(number, f"{key} is missing or no text")
    lists = {}
    for key in ("classes", "options"):
        value = read.get(key) or []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise _malformed(number, f"{key} is no list of texts")
        lists[key] = tuple(value)
    if read["task"] not in TASKS.names():
        raise _malformed(number, f"task {read['task']!r} is none of {', '.join(TASKS.names())}")
    return Line(
        number,
        read["task"],
        read["answer"],
        lists["classes"],
        lists["options"],
        str(read.get("kind", "")),
        "fair" in read,
        read.get("fair"),
    )


def _malformed(number: int, what: str) -> InvalidArgument:
    return InvalidArgument("line", number, allowed=_FORM, hint=what)


def _table(table: Mapping[str, Counter[str]]) -> Iterable[str]:
    total: Counter[str] = sum(table.values(), Counter())
    rows = [("kind", "lines", "misread", "of clear", "unreadable")]
    for kind, counts in [*table.items(), ("all", total)]:
        rows.append(
            (
                kind,
                str(counts["lines"]),
                _share(counts["misread"], counts["lines"]),
                str(counts["clear"]),
                _share(counts["unreadable"], counts["clear"]),
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [_row(row, widths) for row in rows]


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.1%})" if whole else str(part)


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join([first, *others]).rstrip()
