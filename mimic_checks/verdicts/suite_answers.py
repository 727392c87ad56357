"""The answers of a run to its suites, beside the items that they are to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mimic_checks.cases import Outcome
from mimic_checks.catalog import load_catalog
from mimic_checks.errors import RunFolderError, UsageError
from mimic_checks.suites.lens import Answered
from mimic_checks.suites.suite import Suite
from mimic_checks.verdicts.record import Record, scored_by_level
from mimic_checks.verdicts.run_folder import RunFolder


@dataclass(frozen=True)
class SuiteAnswers:
    """A suite's answers in a run, each item's once, in the order of the suite. `identity`: the
    model's; `errors`: items of which it raised. `units`: whether what the verdicts count is right,
    by the items of its cases: an item, a group, an item in every rotation."""

    check: str
    suite: Suite
    identity: dict[str, Any]
    answered: tuple[Answered, ...]
    errors: int
    units: Mapping[tuple[str, ...], bool]

    @property
    def unit(self) -> str:
        """What the verdicts count, in a word."""
        if all(len(items) == 1 for items in self.units):
            return "items"
        same = all(len(set(items)) == 1 for items in self.units)
        return "items in every rotation" if same else "groups"


def suite_answers(run: RunFolder) -> dict[str, SuiteAnswers]:
    """What a run has answered of every suite, by check id.

    Raises:
        RunFolderError: a run without suites or without answers to any, or whose suite's files are
            not there or hold something else by now.
    """
    facts = {
        check: known
        for check, known in run.checks().items()
        if str(known.get("catalog", "")).startswith("suite:")
    }
    if not facts:
        raise RunFolderError(
            f"run={str(run.path)!r} asked no suite; run one with --vlm-suite <format>:<folder>"
        )
    answered = {check: records for check in facts if (records := run.records_of(check))}
    if not answered:
        raise RunFolderError(
            f"run={str(run.path)!r} has no answers of {', '.join(facts)}; run it again"
        )
    identity = run.read()["identity"]
    return {
        check: _answers(run, check, facts[check], identity, records)
        for check, records in answered.items()
    }


def unanswered(run: RunFolder) -> list[str]:
    """The suites that a run was to ask and of which it has no answers."""
    return [
        check
        for check, known in run.checks().items()
        if str(known.get("catalog", "")).startswith("suite:") and not run.records_of(check)
    ]


def _answers(
    run: RunFolder,
    check: str,
    known: dict[str, Any],
    identity: dict[str, Any],
    records: Sequence[Record],
) -> SuiteAnswers:
    suite = _opened(run, known["catalog"])
    if suite.data_hash != known["data"]:
        raise RunFolderError(
            f"run={str(run.path)!r}: {suite.name} holds other questions, answers or pictures than"
            f" when they were asked (data {suite.data_hash[:12]}, then {known['data'][:12]}); give"
            " it the files of then, or ask again"
        )
    return SuiteAnswers(
        check=check,
        suite=suite,
        identity=identity,
        answered=tuple(_one(record.outcome, suite) for record in _first_of_rotations(records)),
        errors=sum(record.outcome.kind == "error" for record in records),
        units={
            tuple(_item(outcome) for outcome in scored.members): scored.kind == "right"
            for items in scored_by_level(records).values()
            for scored in items
        },
    )


def _opened(run: RunFolder, spec: str) -> Suite:
    try:
        return cast(Suite, load_catalog(spec))
    except UsageError as error:
        raise RunFolderError(
            f"run={str(run.path)!r}: its suite {spec.removeprefix('suite:')!r} cannot be opened:"
            f" {error} (a folder is as the run was given it: from where it was started)"
        ) from error


def _item(outcome: Outcome) -> str:
    return str(outcome.case.factors["item"])


def _first_of_rotations(records: Sequence[Record]) -> list[Record]:
    """Of an item that was asked in every rotation, the file's own order."""
    seen: set[str] = set()
    found = []
    for record in records:
        item = _item(record.outcome)
        if item not in seen:
            seen.add(item)
            found.append(record)
    return found


def _one(outcome: Outcome, suite: Suite) -> Answered:
    answer = "" if outcome.kind == "error" else outcome.answer
    return Answered(suite.items[outcome.id], answer, outcome.kind == "right")
