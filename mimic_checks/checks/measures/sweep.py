"""Evaluating a sweep: all its draws, or rounds of draws until its verdicts are certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mimic_checks.cases import Draw, Level, Scored
from mimic_checks.checks.check import Sweep
from mimic_checks.checks.evaluation import Evaluation
from mimic_checks.checks.session import CheckSession
from mimic_checks.runs.condition import Condition, distinct_cases
from mimic_checks.verdicts import CheckVerdict, judge_levels, tally
from mimic_checks.verdicts.evidence import ROUND

ByLevel = dict[Level, list[Scored]]


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
    plan = session.plan
    outcomes = session.engine.outcomes(Condition(check.check_id, plan.cases(check)))
    by_level = plan.by_level(check, plan.draws(check), outcomes)
    every = range(len(plan.draws(check)))
    return Evaluation(_judge(session, check, by_level, every), by_level)


def _judge(
    session: CheckSession, check: Sweep, by_level: ByLevel, asked: Sequence[int]
) -> CheckVerdict:
    """`asked`: the numbers of the draws that the outcomes are of, in their order."""
    thresholds = session.thresholds.of(check.check_id)
    tallies = [
        (level, tally(items, thresholds.alpha, session.plan.blind(check, level, asked)))
        for level, items in by_level.items()
    ]
    evidence = session.plan.evidence(check)
    return judge_levels(tallies, thresholds, session.plan.family, evidence)


def _may_stop_early(session: CheckSession, check: Sweep) -> bool:
    recording = session.gating is not None and session.gating.recording
    return session.settings.sequential and not recording and not session.plan.is_partial(check)


def _until_certain(session: CheckSession, check: Sweep) -> Evaluation:
    """Asks in rounds until the verdict against the thresholds is certain, and that against the
    baseline, if there is one."""
    plan, order = session.plan, session.plan.order(check)
    by_level: ByLevel = {level: [] for level in plan.asked_levels(check)}
    for number, start in enumerate(range(0, len(order), ROUND), start=1):
        for level, items in _answer_round(session, check, number, order[start : start + ROUND]):
            by_level[level] += items
        asked = order[: start + ROUND]
        verdict = _judge(session, check, by_level, asked)
        if verdict.verdict != "inconclusive" and _is_compared(session, check, by_level):
            break
    reason = f"{verdict.reason} (asked {len(asked)} of {len(order)} draws)"
    return Evaluation(replace(verdict, reason=reason), by_level)


def _is_compared(session: CheckSession, check: Sweep, by_level: ByLevel) -> bool:
    """Whether the comparison with the baseline is certain, or there is none."""
    gating, check_id = session.gating, check.check_id
    if gating is None or not gating.compares(check_id):
        return True
    return gating.certain(check_id, by_level, session.catalog.manifest.row)


def _answer_round(
    session: CheckSession, check: Sweep, number: int, chosen: Sequence[int]
) -> list[tuple[Level, list[Scored]]]:
    plan = session.plan
    draws: list[Draw] = [plan.draws(check)[k] for k in chosen]
    cases = distinct_cases(plan.asked_items(check, draws))
    # A journal for every round: the order is fixed, so a resumed run finds its rounds again.
    outcomes = session.engine.outcomes(Condition(f"{check.check_id}.round{number}", cases))
    return list(plan.by_level(check, draws, outcomes).items())
