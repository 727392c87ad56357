"""The corpora of answers: what a fair judge reads, against what is read here.

*misread*: read as something that the judge does not say (it can be credited); *unreadable*: nothing
read although the judge is clear. At most 1 % and 8 %.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mimic_checks.read_answers import Line, coco_classes, lines_of, read_line, verdict
from mimic_checks.tasks import Vocabulary

FOLDER = Path(__file__).with_name("corpora")
MOST_MISREAD, MOST_UNREADABLE = 0.01, 0.08
DIFFERS = {
    # How many images there are is not known to a reader: two is a guess.
    ("counting", "There is one dog in each image."),
    ("counting", "Each image contains 1 dog."),
    ("counting", "Each of the images shows two dogs."),
    # A list of names where one was asked for is a wrong answer, not an unreadable one: a model that
    # names everything would otherwise never fail.
    ("odd_one", "dog and cat"),
    ("odd_one", "boat, car, person"),
}
"""Lines at which the reader differs from the judge on purpose."""


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.jsonl")), ids=lambda file: file.stem)
def test_answers_are_read_as_a_fair_judge_reads_them(file):
    lines = list(lines_of(str(file)))
    wrong = {"misread": [], "unreadable": []}
    for line in lines:
        said, reading = _judged(line)
        if said != "agrees" and (line.task, line.answer) not in DIFFERS:
            wrong[said].append(f"{line.number} [{line.kind}] {line.answer!r}: {reading}")
    clear = sum(line.fair is not None for line in lines)
    assert len(lines) >= 60
    report = "\n".join(f"{kind}: {one}" for kind, some in wrong.items() for one in some)
    assert len(wrong["misread"]) <= MOST_MISREAD * len(lines), report
    assert len(wrong["unreadable"]) <= MOST_UNREADABLE * clear, report


def _judged(line: Line):
    vocabulary = VOCABULARIES.setdefault(
        line.classes, Vocabulary(tuple(dict.fromkeys((*coco_classes(), *line.classes))))
    )
    reading = read_line(line, vocabulary)
    return verdict(line, reading, vocabulary), reading


VOCABULARIES: dict[tuple[str, ...], Vocabulary] = {}
