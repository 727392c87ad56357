"""Before and after on the cases of a run: the demonstration's second half.

The repaired model's answers come from a run of its own, or, where asking would take too long, from
a record that was made once and is judged here.
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
"""The model's text by case id."""


def recorded_answers(path: Path) -> Answers:
    """Answers by case id.

    Raises:
        RemedyError: the file is no record of answers.
    """
    try:
        answers: Answers = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RemedyError(
            f"answers={str(path)!r} cannot be read: {error}; record them again"
        ) from error
    return answers


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
    """A heading, then one line per compared level: rates and the paired change.

    `before`: the base's run. `answers`: recorded ones. `live`: a run of the repaired model; a level
    whose cases it has all answered is taken from there.

    Raises:
        RemedyError: neither the live run nor the record has answered a case.
    """
    base = RunFolder(before)
    vocabulary = Vocabulary(load_catalog(base.read()["description"]["catalog"]).class_names)
    live_answers = (
        {line.case.id: line.answer for line in RunFolder(live).outcomes()} if live else {}
    )
    lines = [f"{'check':<22}{'level':<12}{'before':>7}{'after':>7}   change in points, 95 %"]
    for (check, level), stored in _levels(base.outcomes()).items():
        is_live = all(line.case.id in live_answers for line in stored)
        base_outcomes = [Outcome(line.case.case(), line.answer, line.kind) for line in stored]
        outcomes = [
            _judged(line, live_answers if is_live else answers, vocabulary) for line in stored
        ]
        # A pair measures the drop; what is shown is the change. Adding zero makes 0.0 of -0.0.
        pair = paired(base_outcomes, outcomes)
        low, high = (-100 * bound + 0.0 for bound in reversed(pair.interval(ALPHA)))
        base_rate, rate = (
            sum(outcome.kind == "right" for outcome in judged) / len(stored)
            for judged in (base_outcomes, outcomes)
        )
        change = -100 * pair.drop + 0.0
        lines.append(
            f"{check:<22}{level.replace('=', ' '):<12}{base_rate:>7.2f}{rate:>7.2f}"
            f"   {change:+.0f} [{low:+.0f}, {high:+.0f}]{'' if is_live else '  (recorded)'}"
        )
    return lines


def _levels(outcomes: Iterable[OutcomeLine]) -> dict[tuple[str, str], list[OutcomeLine]]:
    """Outcomes of the compared checks by (check, level).

    In the order of the checks, levels by their number.
    """
    by_level: dict[tuple[str, str], list[OutcomeLine]] = {}
    for line in outcomes:
        if line.check in COMPARED:
            by_level.setdefault((line.check, line.level), []).append(line)
    return dict(
        sorted(
            by_level.items(),
            key=lambda item: (COMPARED.index(item[0][0]), float(item[0][1].rpartition("=")[2])),
        )
    )


def _judged(line: OutcomeLine, answers: Answers, vocabulary: Vocabulary) -> Outcome:
    if line.case.id not in answers:
        raise RemedyError(
            f"case={line.case.id!r} of {line.check} was never answered by the repaired model;"
            " record its answers again"
        )
    return judge(line.case.case(), answers[line.case.id], None, vocabulary)
