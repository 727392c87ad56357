"""Baselines: the outcomes of an earlier release, one small text file per check, made to be read as
a diff.

Data in: outcome lines and what they were asked under. Data out: the text of a file, and the same
read back. First line: what the cases were drawn from and who answered; then one line per case:
level, case id, outcome, answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mimic_checks.errors import GateError
from mimic_checks.verdicts.outcome import OutcomeKind
from mimic_checks.verdicts.result import OutcomeLine

SUFFIX = "jsonl"
DRAWN = ("catalog", "case_set", "cases", "seed", "profile", "template")
"""Settings that say which cases were drawn; the cases themselves decide whether they are the
same."""
SAMPLING = ("max_new_tokens",)
"""Settings of answering that a baseline must share; a release may differ in anything else."""
NOTED = (
    "model_type",
    "dtype",
    "device",
    "device_kind",
    "attn_implementation",
    "processor",
    "chat_template",
    "generation",
    "torch",
    "transformers",
    "tokenizers",
    "pillow",
    "remedies",
)
"""What of the model's identity is named when it differs: no reason to refuse, but a reason for
flips."""


class BaselineHead(BaseModel):
    """What a baseline's cases were drawn from (`drawn`), how they were answered (`sampling`), and
    by whom (`model`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    rules: int
    suite: str
    drawn: dict[str, Any]
    sampling: dict[str, Any]
    model: dict[str, Any]


class BaselineCase(BaseModel):
    """One case of a baseline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: str
    case: str
    kind: OutcomeKind
    answer: str


@dataclass(frozen=True)
class Baseline:
    """The outcomes of one check of an earlier release."""

    head: BaselineHead
    cases: tuple[BaselineCase, ...]

    def text(self) -> str:
        """The file."""
        lines = [self.head.model_dump(), *(case.model_dump() for case in self.cases)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def baseline_of(check: str, run: Mapping[str, Any], lines: Sequence[OutcomeLine]) -> Baseline:
    """A run's outcomes of one check as a baseline; `run` is `RunFolder.read()`."""
    described, identity = run["description"], run.get("identity", {})
    head = BaselineHead(
        check=check,
        rules=described["rules"],
        suite=described["suite"],
        drawn={name: described.get(name) for name in DRAWN},
        sampling={name: described.get("model", {}).get(name) for name in SAMPLING},
        model=dict(identity),
    )
    return Baseline(
        head,
        tuple(
            BaselineCase(level=line.level, case=line.case.id, kind=line.kind, answer=line.answer)
            for line in lines
        ),
    )


def parse_baseline(text: str, source: str) -> Baseline:
    """Reads a baseline file; `source` names it in errors.

    Raises:
        GateError: a line that cannot be read, named by its number, or a case twice.
    """
    lines = text.splitlines()
    if not lines:
        raise GateError(f"baseline={source!r} is empty; record it with --snapshot-update")
    head: BaselineHead = _parse(BaselineHead, lines[0], source, 1)
    cases = tuple(
        _parse(BaselineCase, line, source, number)
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    )
    if len({(case.level, case.case) for case in cases}) != len(cases):
        raise GateError(
            f"baseline={source!r} has a case twice; record it again with --snapshot-update"
        )
    return Baseline(head, cases)


def read_baselines(folder: Path) -> dict[str, Baseline]:
    """All baselines in a folder, by check.

    Raises:
        GateError: no folder, no baselines, or one that cannot be read.
    """
    paths = sorted(folder.glob(f"*.{SUFFIX}"))
    if not paths:
        raise GateError(
            f"baseline={str(folder)!r} holds no baselines (*.{SUFFIX}); record them with"
            f" --vlm-baseline {folder} --snapshot-update"
        )
    found = [parse_baseline(path.read_text(encoding="utf-8"), str(path)) for path in paths]
    return {baseline.head.check: baseline for baseline in found}


def refuse_other_cases(
    baseline: Baseline, current: Baseline, *, stopped_early: bool = False
) -> None:
    """Stops a comparison of answers to different questions; a run that `stopped_early` may lack
    cases.

    Raises:
        GateError: other rules, sampling or cases; names what differs.
    """
    check, old, new = current.head.check, baseline.head, current.head
    advice = "record a baseline with these settings (--snapshot-update), or run with the baseline's"
    if old.rules != new.rules:
        raise GateError(
            f"the baseline of check {check!r} was made under case rules {old.rules}, this run under"
            f" {new.rules} (suite {old.suite} and {new.suite}): the questions differ; {advice}"
        )
    if named := _differences(old.sampling, new.sampling):
        raise GateError(
            f"the baseline of check {check!r} was answered otherwise: {named}; {advice}"
        )
    before, now = (
        {(c.level, c.case) for c in baseline.cases},
        {(c.level, c.case) for c in current.cases},
    )
    if now - before if stopped_early else now != before:
        named = (
            _differences(old.drawn, new.drawn)
            or "the same settings drew other cases: the catalog's images or labels changed"
        )
        alone = sorted((now - before) if stopped_early else (before - now) | (now - before))[0]
        raise GateError(
            f"the baseline of check {check!r} has other cases ({len(before - now)} only there,"
            f" {len(now - before)} only here, {len(before & now)} in both; first: {alone[0]} case"
            f" {alone[1]!r}, only {'there' if alone in before else 'here'}): {named}; {advice}"
        )


def noted_differences(baseline: Baseline, current: Baseline) -> tuple[str, ...]:
    """Differences of the releases that may flip answers by themselves: another version of the
    suite, another kind of model, device or library."""
    heads = (baseline.head, current.head)
    named = _differences(
        *({"suite": head.suite, **{name: head.model.get(name) for name in NOTED}} for head in heads)
    )
    return (f"baseline and run differ: {named}",) if named else ()


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    changed = [name for name in new if old.get(name) != new[name]]
    return ", ".join(f"{name} was {old.get(name)!r}, is {new[name]!r}" for name in changed)


def _parse(kind: type[Any], line: str, source: str, number: int) -> Any:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        raise GateError(
            f"baseline={source!r}, line {number}: {first['loc']}: {first['msg']}; mend the line, or"
            " record the baseline again with --snapshot-update"
        ) from error
