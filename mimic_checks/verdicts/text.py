"""Results as plain text: the failure of one check, and the table of all.

Data in: `CheckResult`s. Data out: lines for a terminal, at most 100 columns wide.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from mimic_checks.verdicts.result import CheckResult, LevelResult

WIDTH = 100
HARNESS = "preconditions."
"""Checks of the harness, not of the model."""


def failure(result: CheckResult) -> str:
    """Why a check did not pass: the verdict, every level with its numbers, one failing case, where
    to read on."""
    lines = textwrap.wrap(
        f"{result.check}: {result.verdict}: {result.reason}", WIDTH, subsequent_indent="  "
    )
    if result.levels:
        lines += [
            "",
            *table(
                [
                    ("level", "right", "rate", "95 % interval", "verdict"),
                    *map(_level_row, result.levels),
                ]
            ),
        ]
    wrong = next((line for line in result.shown if line.kind != "right"), None)
    if wrong:
        lines += [
            "",
            (
                f"e.g. case {wrong.case.id} at {wrong.level}, {len(wrong.case.images)} images:"
                f" {wrong.case.question!r}"
            ),
            (
                f"     true answer {wrong.case.case().truth.text!r}, model's answer"
                f" {wrong.answer!r} ({wrong.kind})"
            ),
        ]
    if result.docs:
        lines += ["", f"What it means and what to do: {result.docs}"]
    return "\n".join(lines)


def summary(results: Sequence[CheckResult]) -> str:
    """The verdict table of a run: one line per check, rates per level; then why a verdict is
    inconclusive."""
    rows = [("check", "verdict", "rate per level")]
    for result in in_short(results):
        rows.append((result.check, result.verdict, rates(result, "  ") or _short(result.reason)))
    why = [
        f"inconclusive: {result.check}: {result.reason}"
        for result in results
        if result.verdict == "inconclusive"
    ]
    return "\n".join(table(rows) + why)


def in_short(results: Sequence[CheckResult]) -> list[CheckResult]:
    """The results to be listed: the harness tests that found nothing wrong, if there are several,
    as one."""
    sound = [
        result
        for result in results
        if result.check.startswith(HARNESS) and result.verdict == "pass" and not result.levels
    ]
    if len(sound) < 2:
        return list(results)
    one = sound[0].model_copy(
        update={
            "check": HARNESS.rstrip("."),
            "reason": f"{len(sound)} tests of the harness found nothing wrong",
        }
    )
    return [one, *(result for result in results if result not in sound)]


def rates(result: CheckResult, between: str) -> str:
    """`spread 1: 0.89  2: 0.87`; levels of a check that sweeps no single factor are named in
    full."""
    names = [level.level.rpartition("=") for level in result.levels]
    shared = {name for name, _, _ in names} == {result.factor}
    listed = between.join(
        f"{value if shared else f'{name} {value}'}: {level.rate:.2f}"
        for (name, _, value), level in zip(names, result.levels, strict=True)
    )
    return f"{result.factor} {listed}" if shared else listed


def _level_row(level: LevelResult) -> tuple[str, ...]:
    mark = " (reference)" if level.is_reference else ""
    doubtful = f", {level.unparseable} unparseable" if level.unparseable else ""
    doubtful += f", {level.error} errors" if level.error else ""
    return (
        level.level + mark,
        f"{level.right}/{level.n}{doubtful}",
        f"{level.rate:.3f}",
        f"[{level.low:.3f}, {level.high:.3f}]",
        level.verdict,
    )


def _short(reason: str) -> str:
    return textwrap.shorten(reason, 60, placeholder="...")


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, columns aligned."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
