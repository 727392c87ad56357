"""Comparisons with a baseline as plain text: the failure of one check, and the table of all.

Data in: `CheckGate`s. Data out: lines for a terminal, at most 100 columns wide.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate
from mimic_checks.verdicts.result import OutcomeLine
from mimic_checks.verdicts.text import WIDTH, table


def gate_failure(gate: CheckGate, lines: Sequence[OutcomeLine]) -> str:
    """Why a check fails against its baseline: every level with its numbers, and one lost case
    (`lines`: this run's outcomes)."""
    found = textwrap.wrap(
        f"{gate.check}: {gate.verdict} against the baseline: {gate.reason}",
        WIDTH,
        subsequent_indent="  ",
    )
    found += [
        "",
        *table(
            [
                ("level", "before", "after", "lost", "gained", "drop", "verdict"),
                *map(_level_row, gate.levels),
            ]
        ),
    ]
    failed = {level.level for level in gate.levels if level.verdict == "fail"}
    lost = next(
        (flip for flip in gate.flips if flip.before == "right" and flip.level in failed), None
    )
    if lost:
        found += ["", *_flip(lost, lines)]
    return "\n".join([*found, *(f"note: {note}" for note in gate.notes)])


def gate_summary(gates: Sequence[CheckGate]) -> str:
    """One line per check: verdict, tier, the level that decides; then what is inconclusive or
    noted, and why."""
    rows = [("check", "against the baseline", "tier", "lost / gained per level")]
    for gate in gates:
        flips = "  ".join(f"{level.level}: {level.lost}/{level.gained}" for level in gate.levels)
        rows.append((gate.check, gate.verdict, gate.tier, flips))
    why = [
        f"{gate.verdict}: {gate.check}: {gate.reason}" for gate in gates if gate.verdict != "pass"
    ]
    noted = [
        f"note: {gate.check}: {level.level}: {level.note}"
        for gate in gates
        for level in gate.levels
        if level.note
    ]
    differing = [
        f"note: {note}" for note in dict.fromkeys(note for gate in gates for note in gate.notes)
    ]
    return "\n".join([*table(rows), *why, *noted, *differing])


def _level_row(level: LevelGate) -> tuple[str, ...]:
    bounds = (
        f"{100 * level.drop:+.1f} points [{100 * level.drop_low:+.1f},"
        f" {100 * level.drop_high:+.1f}]"
    )
    return (
        level.level,
        f"{level.before_right}/{level.n}",
        f"{level.after_right}/{level.n}",
        str(level.lost),
        str(level.gained),
        bounds,
        level.verdict,
    )


def _flip(flip: Flip, lines: Sequence[OutcomeLine]) -> list[str]:
    case = next(line.case for line in lines if line.case.id == flip.case)
    return [
        f"e.g. case {flip.case} at {flip.level}, {len(case.images)} images: {case.question!r}",
        (
            f"     true answer {case.case().truth.text!r}, before {flip.before_answer!r}, now"
            f" {flip.after_answer!r} ({flip.after})"
        ),
    ]
