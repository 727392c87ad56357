"""What misleading pictures cost, category by category, on the same pairs (MVI-Bench, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mimic_checks.cases import GroupOutcome, Outcome, Scored
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.misleading_panel import misleading_panel
from mimic_checks.checks.measures.paired_level import judge_change
from mimic_checks.checks.session import CheckSession
from mimic_checks.runs import Condition
from mimic_checks.verdicts.levels import combine


def measure(session: CheckSession, check: Measurement) -> Evaluation:
    """Asks both pictures of every pair. A category fails when the drop from normal to misleading
    pictures is proven to exceed the margin."""
    plan, thresholds = session.plan, session.thresholds.of(check.check_id)
    (condition,) = conditions(session, check).values()
    answered = session.engine.outcomes(condition)
    by_level = plan.by_level(check, plan.draws(check), answered)
    judged = []
    for level, items in by_level.items():
        normal, misleading = halves(items)
        judged.append(
            judge_change(
                level,
                shown=items,
                before=normal,
                after=misleading,
                thresholds=thresholds,
                family=plan.family,
                words="misleading pictures cost",
                vocabulary=session.vocabulary,
            )
        )
    reason = f"no category costs more than {thresholds.paired_margin:.2f}"
    panel = misleading_panel(
        {level: halves(items) for level, items in by_level.items()}, thresholds.alpha
    )
    return Evaluation(combine(judged, reason), by_level, [panel])


def conditions(session: CheckSession, check: Measurement) -> dict[Any, Condition]:
    """All cases, as they are."""
    return {"": Condition(check.check_id, session.plan.cases(check))}


def halves(items: Sequence[Scored]) -> tuple[list[Outcome], list[Outcome]]:
    """The normal members of pairs, and the misleading ones, in order."""
    members = [cast(GroupOutcome, item).members for item in items]
    return [first for first, _ in members], [second for _, second in members]
