"""Evaluating a survey: every level judged alone, against its floor and what blind answers score."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.cases import Level, Scored
from mimic_checks.checks.check import Survey
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.measures.option_panel import option_panels
from mimic_checks.checks.session import CheckSession
from mimic_checks.runs.condition import Condition
from mimic_checks.verdicts import CheckVerdict, tally
from mimic_checks.verdicts.levels import combine, judge_alone


def conditions(session: CheckSession, check: Survey) -> list[Condition]:
    """All cases of the survey."""
    return [Condition(check.check_id, session.plan.cases(check))]


def evaluate(session: CheckSession, check: Survey) -> Evaluation:
    """Answers and judges every level."""
    plan = session.plan
    outcomes = session.engine.outcomes(Condition(check.check_id, plan.cases(check)))
    by_level = plan.by_level(check, plan.draws(check), outcomes)
    verdict = _judge(session, check, by_level)
    alpha = session.thresholds.of(check.check_id).alpha
    panels = [
        *(check.shown(by_level, alpha, plan.catalog_of(check)) if check.shown else ()),
        *option_panels(session, check, by_level),
    ]
    return Evaluation(verdict, by_level, panels)


def _judge(
    session: CheckSession, check: Survey, by_level: dict[Level, list[Scored]]
) -> CheckVerdict:
    plan, thresholds = session.plan, session.thresholds.of(check.check_id)
    every: Sequence[int] = range(len(plan.draws(check)))
    judged = [
        judge_alone(
            level,
            tally(items, thresholds.alpha, plan.blind(check, level, every)),
            thresholds,
            plan.family,
        )
        for level, items in by_level.items()
    ]
    return combine(judged, f"all {len(judged)} levels pass")
