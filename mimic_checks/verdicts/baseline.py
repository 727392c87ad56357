"""Baselines: the outcomes of an earlier release, one small text file per check, made to be read as
a diff.

First line: what the cases were drawn from and who answered; then one line per case or group: level,
id, outcome, answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mimic_checks.cases import OutcomeKind
from mimic_checks.errors import GateError
from mimic_checks.verdicts.files import SCHEMA, Model, Stored, first_problem, numbered_lines
from mimic_checks.verdicts.record import Record, scored_by_level

SUFFIX = "jsonl"
DRAWN = ("catalog", "case_set", "cases", "seed", "profile", "template", "names")
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


class BaselineHead(Stored):
    """What a baseline's cases were drawn from (`drawn`), how they were answered (`sampling`), and
    by whom (`model`)."""

    format: int = SCHEMA
    check: str
    rules: int
    suite: str
    drawn: dict[str, Any]
    sampling: dict[str, Any]
    model: dict[str, Any]


class BaselineItem(Stored):
    """One case or group of a baseline: the node id of its level, its id, what came of it, and the
    answer (a group's: one a line)."""

    level: str
    item: str
    kind: OutcomeKind
    answer: str


@dataclass(frozen=True)
class Baseline:
    """The outcomes of one check of a release; `labels`: what people read for a level's node id,
    where that is known."""

    head: BaselineHead
    items: tuple[BaselineItem, ...]
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)

    def text(self) -> str:
        """The file."""
        lines = [self.head.model_dump(), *(item.model_dump() for item in self.items)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def label(self, level: str) -> str:
        """What people read for a level."""
        return self.labels.get(level, level)


def baseline_of(check: str, run: Mapping[str, Any], records: Iterable[Record]) -> Baseline:
    """A run's outcomes of one check as a baseline; `run` is `RunFolder.read()`."""
    described, by_level = run["description"], scored_by_level(records)
    head = BaselineHead(
        check=check,
        rules=described["rules"],
        suite=described["suite"],
        drawn={name: described.get(name) for name in DRAWN},
        sampling={name: described.get("model", {}).get(name) for name in SAMPLING},
        model=dict(run.get("identity", {})),
    )
    items = tuple(
        BaselineItem(level=level.node_id, item=item.id, kind=item.kind, answer=item.answer)
        for level, items in by_level.items()
        for item in items
    )
    return Baseline(head, items, {level.node_id: str(level) for level in by_level})


def parse_baseline(text: str, source: str) -> Baseline:
    """Reads a baseline file; `source` names it in errors.

    Raises:
        GateError: another version's, a line that cannot be read, named by its number, or a case
            twice.
    """
    lines = numbered_lines(text.encode())
    if not lines:
        raise GateError(f"baseline={source!r} is empty; record it with --snapshot-update")
    _refuse_other_format(lines[0][1], source)
    head = _parse(BaselineHead, lines[0][1], source, lines[0][0])
    items = tuple(_parse(BaselineItem, line, source, number) for number, line in lines[1:])
    if len({(item.level, item.item) for item in items}) != len(items):
        raise GateError(
            f"baseline={source!r} has a case twice; record it again with --snapshot-update"
        )
    return Baseline(head, items)


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
    baselines = [parse_baseline(path.read_bytes().decode(), str(path)) for path in paths]
    return {baseline.head.check: baseline for baseline in baselines}


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
    before, now = ({(item.level, item.item) for item in b.items} for b in (baseline, current))
    if now - before if stopped_early else now != before:
        named = (
            _differences(old.drawn, new.drawn)
            or _other_levels(baseline, current)
            or "the same settings drew other cases: the catalog's images or labels changed"
        )
        alone = sorted((now - before) if stopped_early else (before ^ now))[0]
        raise GateError(
            f"the baseline of check {check!r} has other cases ({len(before - now)} only there,"
            f" {len(now - before)} only here, {len(before & now)} in both; first:"
            f" {current.label(alone[0])} case {alone[1]!r}, only"
            f" {'there' if alone in before else 'here'}): {named}; {advice}"
        )


def _other_levels(baseline: Baseline, current: Baseline) -> str:
    """Levels that only one of them has, in words: a run of selected levels, say."""
    before, now = ({item.level: None for item in b.items} for b in (baseline, current))
    told = [
        f"{where} has no {', '.join(missing)}"
        for where, missing in (
            ("the baseline", [current.label(level) for level in now if level not in before]),
            ("this run", [baseline.label(level) for level in before if level not in now]),
        )
        if missing
    ]
    return " and ".join(told)


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


def _refuse_other_format(head: bytes, source: str) -> None:
    try:
        format_number = json.loads(head).get("format", 1)
    except (ValueError, AttributeError):
        return  # not a head at all, which reading it will say
    if format_number != SCHEMA:
        raise GateError(
            f"baseline={source!r} is of format {format_number!r}, this version reads format"
            f" {SCHEMA} (0.1 asked other case ids); record it again with --snapshot-update"
        )


def _parse(kind: type[Model], line: bytes, source: str, number: int) -> Model:
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        raise GateError(
            f"baseline={source!r}, line {number}: {first_problem(error)}; mend the line, or record"
            " the baseline again with --snapshot-update"
        ) from error
