"""The answers of a run to its suites, beside the items that they are to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from mimic_checks.cases import Outcome
from mimic_checks.catalog import load_catalog
from mimic_checks.errors import RunFolderError
from mimic_checks.suites.lens import Answered
from mimic_checks.suites.suite import Suite
from mimic_checks.verdicts.record import Record
from mimic_checks.verdicts.run_folder import RunFolder


@dataclass(frozen=True)
class SuiteAnswers:
    """A suite's answers in a run, each item's once, in the order of the suite. `identity`: the
    model's; `errors`: items of which it raised."""

    check: str
    suite: Suite
    identity: dict[str, Any]
    answered: tuple[Answered, ...]
    errors: int


def suite_answers(run: RunFolder) -> dict[str, SuiteAnswers]:
    """What a run has answered of every suite, by check id.

    Raises:
        RunFolderError: a run without suites or without answers to one, of rotated options, or whose
            suite's files hold something else by now.
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
    identity = run.read()["identity"]
    return {check: _answers(run, check, known, identity) for check, known in facts.items()}


def _answers(
    run: RunFolder, check: str, known: dict[str, Any], identity: dict[str, Any]
) -> SuiteAnswers:
    suite = cast(Suite, load_catalog(known["catalog"]))
    if suite.data_hash != known["data"]:
        raise RunFolderError(
            f"run={str(run.path)!r}: {suite.name} holds other questions, answers or pictures than"
            f" when they were asked (data {suite.data_hash[:12]}, then {known['data'][:12]}); give"
            " it the files of then, or ask again"
        )
    records = run.records_of(check)
    if not records:
        raise RunFolderError(f"run={str(run.path)!r} has no answers of {check}; run it again")
    return SuiteAnswers(
        check=check,
        suite=suite,
        identity=identity,
        answered=tuple(_one(record.outcome, suite) for record in _first_of_rotations(records)),
        errors=sum(record.outcome.kind == "error" for record in records),
    )


def _first_of_rotations(records: Sequence[Record]) -> list[Record]:
    """Of an item that was asked in every rotation, the file's own order."""
    seen: set[str] = set()
    found = []
    for record in records:
        item = str(record.outcome.case.factors["item"])
        if item not in seen:
            seen.add(item)
            found.append(record)
    return found


def _one(outcome: Outcome, suite: Suite) -> Answered:
    answer = "" if outcome.kind == "error" else outcome.answer
    return Answered(suite.items[outcome.id], answer, outcome.kind == "right")
