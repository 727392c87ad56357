"""The end of a run, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_checks.errors import first_names
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.gate_text import gate_summary
from mimic_checks.verdicts.not_carried import NotCarried, first_line
from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.text import summary

NOTES_SHOWN = 5


def write_summary(
    terminal: Any,
    results: Sequence[dict[str, Any]],
    *,
    gates: Sequence[CheckGate],
    uncompared: Mapping[str, str],
    unused: Sequence[str],
    missing: Mapping[str, str],
    absent: Sequence[NotCarried],
    unmet: Sequence[str],
    cached: tuple[int, int],
    report: Path,
) -> None:
    """Verdicts, comparisons, what was left out, and where the report is. `results`: as they
    travelled; `missing`: checks without a result, with the reason; `absent`: checks that the
    catalog cannot carry; `unmet`: ids to be left out that no draw has had; `cached`: answers of
    earlier runs, and all."""
    terminal.section("vision-language model checks")
    checked = [CheckResult.model_validate(result) for result in results]
    if absent:
        terminal.write_line(first_line(len(checked), absent))
    _write_lines(terminal, summary(checked).split("\n"))
    _write_lines(terminal, [f"{item.status}: {item.name}: {item.text}" for item in absent])
    write_comparisons(terminal, gates, uncompared, unused=unused)
    write_missing(terminal, missing)
    from_cache, answers = cached
    if from_cache:
        terminal.write_line(
            f"{from_cache} of {answers} answers are cached ones of earlier runs (--cache-clear asks"
            " again)"
        )
    if unmet:
        terminal.write_line(unmet_text(unmet))
    notes = sorted({note for result in checked for note in result.unreadable})
    for note in notes[:NOTES_SHOWN]:
        terminal.write_line(f"unreadable image left out: {note}")
    if len(notes) > NOTES_SHOWN:
        terminal.write_line(f"... and {len(notes) - NOTES_SHOWN} more unreadable images")
    for result in checked:
        if refused := result.refused:
            terminal.write_line(
                f"{result.check}: {len(refused)} questions have no answer and were not asked:"
                f" {first_names(refused)}"
            )
    terminal.write_line(f"report: {report}")


def unmet_text(unmet: Sequence[str]) -> str:
    """That some ids to be left out are unknown to a run."""
    more = f" and {len(unmet) - NOTES_SHOWN} more" if len(unmet) > NOTES_SHOWN else ""
    return (
        f"{len(unmet)} ids of --vlm-leave-out are in no draw of this run:"
        f" {', '.join(unmet[:NOTES_SHOWN])}{more}"
    )


def write_missing(terminal: Any, missing: Mapping[str, str]) -> None:
    """Checks that the run owes, and how to get them."""
    for check, reason in missing.items():
        terminal.write_line(f"no result: {check}: {reason}", red=True)
    if missing:
        terminal.write_line(
            "what was answered is kept: run the same command again to go on from there"
        )


def write_comparisons(
    terminal: Any,
    gates: Sequence[CheckGate],
    uncompared: Mapping[str, str],
    *,
    unused: Sequence[str],
) -> None:
    """Comparisons with the baseline, what was not compared and why, and baselines that nothing
    reads; nothing if no check has one."""
    if not gates and not uncompared:
        return
    terminal.section("against the baseline")
    missing = [f"not compared: {check}: {why}" for check, why in uncompared.items()]
    compared = gate_summary(gates).split("\n") if gates else []
    _write_lines(terminal, [*compared, *missing, *unused])


def _write_lines(terminal: Any, lines: Sequence[str]) -> None:
    # One by one: what an encoding lacks pytest escapes, and line ends with it.
    for line in lines:
        terminal.write_line(line)
