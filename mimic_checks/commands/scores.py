"""`mimic-checks scores`: what other harnesses would have printed for a run's answers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def add_scores(commands: Any) -> None:
    command = commands.add_parser(
        "scores",
        help="what other harnesses would have said of a run's answers to suites",
        epilog="example: mimic-checks scores mimic-report",
    )
    command.add_argument("run", type=Path, help="the output folder of a run with --vlm-suite")
    command.add_argument(
        "other",
        type=Path,
        nargs="?",
        help="another run on the same data: what its wording, or its model, changes",
    )
    command.set_defaults(work=_scores)


def _scores(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.reporting.scores import change_lines, score_lines
    from mimic_checks.verdicts.run_folder import RunFolder
    from mimic_checks.verdicts.suite_answers import suite_answers, unanswered

    folder = RunFolder(options.run)
    run = suite_answers(folder)
    other = suite_answers(RunFolder(options.other)) if options.other else None
    for answers in run.values():
        print("\n".join(score_lines(answers)) + "\n")
    for check in unanswered(folder):
        print(f"{check}: no answers in this run\n")
    if other is not None:
        print("\n".join(change_lines(run, other)))
    return 0
