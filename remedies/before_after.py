"""Before and after on the cases of a run: the demonstration's second half.

The repaired model's answers come from a run of its own, or, where asking would take too long, from
a record that was made once and is judged here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mimic_checks.cases import GroupOutcome, Level, Scored, cases_of, judge, scored
from mimic_checks.catalog import load_catalog
from mimic_checks.catalog.labels import labels_of
from mimic_checks.errors import RemedyError
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.pairs import paired
from mimic_checks.verdicts.record import scored_by_level
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.text import level_name
from remedies.records import write_text

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
        record.outcome.id: record.outcome.answer
        for check in COMPARED
        for record in RunFolder(run).records_of(check)
        if record.outcome.kind != "error"
    }
    write_text(path, json.dumps(answers, indent=0, sort_keys=True) + "\n")
    return len(answers)


def before_after(before: Path, answers: Answers, *, live: Path | None = None) -> list[str]:
    """A heading, then one line per compared level: rates and the paired change.

    `before`: the base's run. `answers`: recorded ones. `live`: a run of the repaired model; a level
    whose cases it has all answered is taken from there.

    Raises:
        RemedyError: neither the live run nor the record has answered a case.
    """
    base = RunFolder(before)
    described = base.read()["description"]
    catalog = load_catalog(described["catalog"]).called(labels_of(described.get("names")))
    vocabulary = Vocabulary(catalog.class_names, catalog.groups, catalog.labels)
    live_answers = _answers(live) if live else {}
    lines = [f"{'check':<22}{'level':<12}{'before':>7}{'after':>7}   change in points, 95 %"]
    for check in COMPARED:
        for level, items in scored_by_level(base.records_of(check)).items():
            cases = [outcome.case for item in items for outcome in item.members]
            is_live = all(case.id in live_answers for case in cases)
            after = _judged(check, items, live_answers if is_live else answers, vocabulary)
            lines.append(_line(check, level, items, after) + ("" if is_live else "  (recorded)"))
    return lines


def _answers(run: Path) -> Answers:
    return {record.outcome.id: record.outcome.answer for record in RunFolder(run).records()}


def _line(check: str, level: Level, before: Sequence[Scored], after: Sequence[Scored]) -> str:
    # A pair measures the drop; what is shown is the change. Adding zero makes 0.0 of -0.0.
    pair = paired(before, after)
    low, high = (
        -100 * bound + 0.0 for bound in reversed(FIXED_NUMBER.drop_bounds(pair, ALPHA / 2))
    )
    base_rate, rate = (
        sum(item.kind == "right" for item in items) / len(items) for items in (before, after)
    )
    change = -100 * pair.drop + 0.0
    return (
        f"{check:<22}{level_name(level, shared=False):<12}{base_rate:>7.2f}{rate:>7.2f}"
        f"   {change:+.0f} [{low:+.0f}, {high:+.0f}]"
    )


def _judged(
    check: str, items: Sequence[Scored], answers: Answers, vocabulary: Vocabulary
) -> list[Scored]:
    """The same cases and groups with other answers."""
    asked = [item.group if isinstance(item, GroupOutcome) else item.case for item in items]
    cases = cases_of(asked)
    for case in cases:
        if case.id not in answers:
            raise RemedyError(
                f"case={case.id!r} of {check} was never answered by the repaired model; record its"
                " answers again"
            )
    outcomes = {case.id: judge(case, answers[case.id], None, vocabulary) for case in cases}
    return scored(asked, outcomes)
