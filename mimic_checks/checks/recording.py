"""What is kept of an evaluated check: records, result, and the pictures that the report shows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from mimic_checks.cases import Level, Scored
from mimic_checks.checks.check import Check, Survey
from mimic_checks.checks.discovery import FoundCheck
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.verdicts.record import records_of
from mimic_checks.verdicts.result import CheckResult, level_result
from mimic_checks.verdicts.run_folder import RunFolder

FAILING_SHOWN, RIGHT_SHOWN = 3, 1
"""Items per level that the report shows in full."""


class Recorder:
    """Writes the results of a run's checks into its folder."""

    def __init__(self, plan: RunPlan, folder: RunFolder) -> None:
        self._plan, self._folder = plan, folder

    def record(self, found: FoundCheck, evaluation: Evaluation, seconds: float) -> CheckResult:
        """Writes a check's outcomes and result, and the pictures of the cases that the report
        shows."""
        check, verdict, plan = found.check, evaluation.verdict, self._plan
        # A check whose harness is wrong has no levels, and its reason matters more.
        partial = plan.is_partial(check) and bool(verdict.levels)
        if partial:
            asked = ", ".join(level.label for level in evaluation.outcomes)
            verdict = replace(
                verdict,
                verdict="inconclusive",
                reason=f"check not judged: [verdict] was not selected (asked: {asked})",
            )
        row_of = plan.catalog.manifest.row
        judged = [level.level for level in verdict.levels] if evaluation.shown else []
        alpha, outcomes = plan.thresholds.of(check.check_id).alpha, evaluation.outcomes
        references = [level.level for level in verdict.levels if level.is_reference]
        reference = outcomes[references[0]] if references else ()
        result = CheckResult(
            check=check.check_id,
            module=found.module,
            title=check.title,
            behaviour=found.behaviour,
            factor=check.factor,
            moves=check.moves,
            verdict=verdict.verdict,
            reason=verdict.reason,
            seconds=round(seconds, 2),
            alpha=alpha,
            levels=tuple(
                level_result(level, outcomes[level.level], alpha, reference)
                for level in verdict.levels
            ),
            shown=tuple(
                record
                for level in judged
                for record in records_of(
                    check.check_id, level, self._choose(check, level, outcomes[level]), row_of
                )
            ),
            panels=tuple(evaluation.panels),
            unreadable=tuple(plan.catalog_of(check).manifest.unreadable.values()),
            refused=plan.catalog_of(check).left_out if check.catalog else (),
            docs=check.docs,
            harness=check.harness,
            alone=isinstance(check, Survey),
            judged=not partial,
        )
        records = [
            record
            for level, items in outcomes.items()
            for record in records_of(check.check_id, level, items, row_of)
        ]
        self._folder.write_result(result, records, plan.catalog.manifest)
        return result

    def _choose(self, check: Check, level: Level, items: Sequence[Scored]) -> list[Scored]:
        """A seeded choice of items to show: some that went wrong, one that went right."""
        generator = random.Random(f"{check.seed(self._plan.settings.seed)} {level.label}")
        failing = [item for item in items if item.kind != "right"]
        right = [item for item in items if item.kind == "right"]
        chosen = generator.sample(failing, min(FAILING_SHOWN, len(failing)))
        return chosen + generator.sample(right, min(RIGHT_SHOWN, len(right)))
