"""Before and after on the cases of a run: the demonstration's second half.

Data in: a run of the base, and what the repaired model said to the same cases: a run of its own, or
recorded answers (case id -> answer) that are judged here. Data out: lines of text, paired case by
case.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mimic_checks.catalog import load_catalog
from mimic_checks.errors import RemedyError
from mimic_checks.verdicts import Outcome, Vocabulary, judge
from mimic_checks.verdicts.paired import paired
from mimic_checks.verdicts.result import OutcomeLine
from mimic_checks.verdicts.store import RunFolder

ALPHA = 0.05
COMPARED = (
    "image_count.counting",
    "image_count.listing",
    "image_count.odd_one",
    "image_count.common",
)
Answers = Mapping[str, str]


def recorded_answers(path: Path) -> Answers:
    """Answers by case id.

    Raises:
        RemedyError: the file is no record of answers.
    """
    try:
        found: Answers = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RemedyError(
            f"answers={str(path)!r} cannot be read: {error}; record them again"
        ) from error
    return found


def record_answers(run: Path, path: Path) -> int:
    """Writes the answers that a run was given to the compared checks; returns how many."""
    answers = {
        line.case.id: line.answer
        for line in RunFolder(run).outcomes()
        if line.check in COMPARED and line.kind != "error"
    }
    path.write_text(json.dumps(answers, indent=0, sort_keys=True) + "\n")
    return len(answers)


def before_after(before: Path, answers: Answers, *, live: Path | None = None) -> list[str]:
    """One line per compared level: rates and the paired change. Checks that `live` has asked are
    taken from there.

    Raises:
        RemedyError: neither the live run nor the record has answered a case.
    """
    base = RunFolder(before)
    words = Vocabulary(load_catalog(base.read()["description"]["catalog"]).class_names)
    asked_now = {line.case.id: line.answer for line in RunFolder(live).outcomes()} if live else {}
    lines = [f"{'check':<22}{'level':<12}{'before':>7}{'after':>7}   change in points, 95 %"]
    for (check, level), found in _levels(base.outcomes()).items():
        now = all(line.case.id in asked_now for line in found)
        after = [_judged(line, asked_now if now else answers, words) for line in found]
        was = [Outcome(line.case.case(), line.answer, line.kind) for line in found]
        pair = paired(was, after)
        low, high = (-100 * bound + 0.0 for bound in reversed(pair.interval(ALPHA)))
        rates = [
            sum(outcome.kind == "right" for outcome in outcomes) / len(found)
            for outcomes in (was, after)
        ]
        lines.append(
            f"{check:<22}{level.replace('=', ' '):<12}{rates[0]:>7.2f}{rates[1]:>7.2f}  "
            f" {-100 * pair.drop + 0.0:+.0f} [{low:+.0f},"
            f" {high:+.0f}]{'' if now else '  (recorded)'}"
        )
    return lines


def _levels(outcomes: Iterable[OutcomeLine]) -> dict[tuple[str, str], list[OutcomeLine]]:
    """Outcomes of the compared checks by check and level, in the order of the checks, levels by
    their number."""
    found: dict[tuple[str, str], list[OutcomeLine]] = {}
    for line in outcomes:
        if line.check in COMPARED:
            found.setdefault((line.check, line.level), []).append(line)
    return dict(
        sorted(
            found.items(),
            key=lambda item: (COMPARED.index(item[0][0]), float(item[0][1].rpartition("=")[2])),
        )
    )


def _judged(line: OutcomeLine, answers: Answers, words: Vocabulary) -> Outcome:
    if line.case.id not in answers:
        raise RemedyError(
            f"case={line.case.id!r} of {line.check} was never answered by the repaired model;"
            " record its answers again"
        )
    return judge(line.case.case(), answers[line.case.id], None, words)
