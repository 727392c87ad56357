"""A suite format: a table of questions, quiz.csv, beside its pictures."""

import csv

from mimic_checks.errors import SuiteError
from mimic_checks.suites import (
    RIGHT,
    WRONG,
    FilePicture,
    HarnessScore,
    Refused,
    SuiteFormat,
    SuiteItem,
    choice_of,
)
from mimic_checks.suites.scoring import micro

COLUMNS = {"id", "topic", "question", "pictures", "options", "answer"}


def rows(folder):
    try:
        with (folder / "quiz.csv").open(newline="") as file:
            found = list(csv.DictReader(file))
    except OSError as error:
        raise SuiteError(f"suite={str(folder)!r} holds no quiz.csv ({error})") from error
    if missing := COLUMNS - set(found[0] if found else ()):
        raise SuiteError(f"suite={str(folder)!r}: quiz.csv lacks the columns {sorted(missing)}")
    return found


def read(folder, *, topic: str = ""):
    """Items in the order of the table. `topic`: of this one alone."""
    for row in rows(folder):
        if topic and row["topic"] != topic:
            continue
        options = tuple((option,) for option in row["options"].split("|"))
        if (row["answer"],) not in options:
            yield Refused(row["id"], f"its answer {row['answer']!r} is not an option")
            continue
        pictures = tuple(FilePicture(folder / name) for name in row["pictures"].split("|"))
        yield SuiteItem(
            id=row["id"],
            category=row["topic"],
            question=(*range(len(pictures)), row["question"]),
            truth=choice_of(options.index((row["answer"],)), options),
            images=pictures,
            options=options,
        )


def categories(folder, *, topic: str = ""):
    return [topic] if topic else dict.fromkeys(row["topic"] for row in rows(folder))


def key(folder, *, topic: str = ""):
    return "of quiz.csv"


def wording(item):
    lines = [f"\n{letter}) {text}" for letter, (text,) in zip("ABCDEF", item.options, strict=False)]
    return (*item.question, *lines, "\nLetter:")


def first_letter(item, answer):
    return RIGHT if answer.strip()[:1].upper() == item.truth.text else WRONG


QUIZ = SuiteFormat(
    name="quiz",
    title="Somebody's quiz",
    read=read,
    categories=categories,
    key=key,
    templates={"official": wording},
    scores={"official": HarnessScore(first_letter, micro, "micro")},
)
