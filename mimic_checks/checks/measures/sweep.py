"""Evaluating a sweep: all its draws against thresholds, or, with a baseline, rounds of draws until
the comparison is certain."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.cases import Draw, Level, Scored
from mimic_checks.checks.check import Sweep
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.session import CheckSession
from mimic_checks.runs.condition import Condition, distinct_cases
from mimic_checks.verdicts import CheckVerdict, judge_levels, tally
from mimic_checks.verdicts.levels import level_verdict

ROUND = 20
"""Draws between two looks of a sequential run."""


def conditions(session: CheckSession, check: Sweep) -> list[Condition]:
    """All cases of the sweep; nothing of one that may stop early."""
    # What it will ask is decided round by round, so no other process can ask ahead.
    if _may_stop_early(session, check):
        return []
    return [Condition(check.check_id, session.plan.cases(check))]


def evaluate(session: CheckSession, check: Sweep) -> Evaluation:
    """Answers and judges every level."""
    if _may_stop_early(session, check):
        return _until_certain(session, check)
    plan, thresholds = session.plan, session.thresholds.of(check.check_id)
    outcomes = session.engine.outcomes(Condition(check.check_id, plan.cases(check)))
    by_level = plan.by_level(check, plan.draws(check), outcomes)
    tallies = [
        (level, tally(items, thresholds.alpha, plan.vocabulary))
        for level, items in by_level.items()
    ]
    return Evaluation(judge_levels(tallies, thresholds, plan.judged_levels), by_level)


def _may_stop_early(session: CheckSession, check: Sweep) -> bool:
    gating = session.gating
    return (
        gating is not None
        and gating.may_stop_early(check.check_id)
        and not session.plan.is_partial(check)
    )


def _until_certain(session: CheckSession, check: Sweep) -> Evaluation:
    """Its levels are not judged against the thresholds: those bounds hold for a number of cases
    that is fixed beforehand."""
    assert session.gating
    plan, thresholds = session.plan, session.thresholds.of(check.check_id)
    draws = plan.draws(check)
    # In a random order that is fixed beforehand, so that no answer has a say in what comes next.
    order = session.gating.order(check.seed(session.settings.seed), len(draws))
    by_level: dict[Level, list[Scored]] = {level: [] for level in plan.asked_levels(check)}
    for number, start in enumerate(range(0, len(order), ROUND), start=1):
        for level, items in _answer_round(session, check, number, order[start : start + ROUND]):
            by_level[level] += items
        if session.gating.certain(check.check_id, by_level, plan.catalog.manifest.row):
            break
    reason = (
        f"asked {min(len(draws), number * ROUND)} of {len(draws)} draws until the comparison with"
        " the baseline was certain; not judged against thresholds"
    )
    levels = [
        level_verdict(
            level,
            tally(items, thresholds.alpha, plan.vocabulary),
            "inconclusive",
            reason,
            thresholds.retention,
            thresholds.alpha,
        )
        for level, items in by_level.items()
    ]
    return Evaluation(CheckVerdict("inconclusive", reason, tuple(levels)), by_level)


def _answer_round(
    session: CheckSession, check: Sweep, number: int, chosen: Sequence[int]
) -> list[tuple[Level, list[Scored]]]:
    plan = session.plan
    draws: list[Draw] = [plan.draws(check)[k] for k in chosen]
    cases = distinct_cases(plan.asked_items(check, draws))
    # A journal for every round: the order is fixed, so a resumed run finds its rounds again.
    outcomes = session.engine.outcomes(Condition(f"{check.check_id}.round{number}", cases))
    return list(plan.by_level(check, draws, outcomes).items())
