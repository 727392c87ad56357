"""Comparisons with a baseline as plain text: the failure of one check, and the table of all."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mimic_checks.characters import visible
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate, MeanGate
from mimic_checks.verdicts.record import Record, scored_by_level
from mimic_checks.verdicts.text import WIDTH, item_title, table
from mimic_checks.verdicts.trouble import frequent


def gate_failure(gate: CheckGate, records: Sequence[Record]) -> str:
    """Why a check fails against its baseline: every level with its numbers, and one lost case or
    group (`records`: this run's outcomes of the check)."""
    lines = textwrap.wrap(
        f"{gate.check}: {gate.verdict} against the baseline: {gate.reason}",
        WIDTH,
        subsequent_indent="  ",
    )
    head = ("level", "before", "after", "lost", "gained", "drop", "verdict")
    mean = [_mean_row(gate.mean)] if gate.mean else []
    lines += ["", *table([head, *map(_level_row, gate.levels), *mean])]
    failed = {level.level for level in gate.levels if level.verdict == "fail"}
    lost = next(
        (flip for flip in gate.flips if flip.before == "right" and flip.level in failed), None
    )
    if lost:
        lines += ["", *_example(lost, records)]
    notes = [f"note: {note}" for note in [*_new_errors(gate), *gate.notes]]
    return visible("\n".join([*lines, *notes]))


def gate_summary(gates: Sequence[CheckGate]) -> str:
    """One line per check: verdict, tier, the level that decides; then what is inconclusive or
    noted, and why."""
    rows = [("check", "against the baseline", "tier", "lost / gained per level")]
    for gate in gates:
        flips = "  ".join(f"{level.label}: {level.lost}/{level.gained}" for level in gate.levels)
        rows.append((gate.check, gate.verdict, gate.tier, flips))
    why = [
        f"{gate.verdict}: {gate.check}: {gate.reason}" for gate in gates if gate.verdict != "pass"
    ]
    why += [
        f"{gate.check}: with so many errors the run passes under no policy"
        for gate in gates
        if gate.errors_above and gate.tier == "blocking"
    ]
    noted = [f"note: {gate.check}: {label}: {note}" for gate in gates for label, note in gate.noted]
    differing = [
        f"note: {note}" for note in dict.fromkeys(note for gate in gates for note in gate.notes)
    ]
    errors = [f"note: {gate.check}: {note}" for gate in gates for note in _new_errors(gate)]
    return visible("\n".join([*table(rows), *why, *errors, *noted, *differing]))


def _new_errors(gate: CheckGate) -> list[str]:
    """For every level with cases that are errors now and were none before: how many, and what most
    of them say. A lost answer would read like a wrong one."""
    notes = []
    for level in gate.levels:
        said = [f.after_answer for f in gate.flips if f.level == level.level and f.after == "error"]
        if said:
            most = frequent(said).most_of(len(said))
            notes.append(f"{level.label}: {len(said)} cases are errors now{most}")
    return notes


def _bounded(row: LevelGate | MeanGate) -> str:
    """A drop with its bounds."""
    return f"{100 * row.drop:+.1f} points [{100 * row.drop_low:+.1f}, {100 * row.drop_high:+.1f}]"


def _mean_row(mean: MeanGate) -> tuple[str, ...]:
    return (mean.label, "", "", "", "", _bounded(mean), mean.verdict)


def _level_row(level: LevelGate) -> tuple[str, ...]:
    return (
        level.label,
        f"{level.before_right}/{level.n}",
        f"{level.after_right}/{level.n}",
        str(level.lost),
        str(level.gained),
        _bounded(level),
        level.verdict,
    )


def _example(flip: Flip, records: Sequence[Record]) -> list[str]:
    level, item = next(
        (level, item)
        for level, items in scored_by_level(records).items()
        for item in items
        if item.id == flip.item and level.node_id == flip.level
    )
    truths = ", ".join(repr(outcome.case.truth.text) for outcome in item.members)
    return [
        f"e.g. {item_title(item, str(level))}",
        f"     true answer {truths}, before {flip.before_answer!r}, now {flip.after_answer!r}"
        f" ({flip.after})",
    ]
