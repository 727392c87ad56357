"""Answering many cases: conditions in, outcomes out; batches, journal, resume."""

from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.runs.batching import choose_budget, fixed_budget, plan_batches
from mimic_checks.runs.condition import Condition, distinct_cases
from mimic_checks.runs.engine import Engine, ReportProgress
from mimic_checks.runs.journal import Answer, Journal
from mimic_checks.runs.run import Progress, Runner

__all__ = [
    "Answer",
    "AnswerCache",
    "Condition",
    "Engine",
    "Journal",
    "Progress",
    "ReportProgress",
    "Runner",
    "choose_budget",
    "distinct_cases",
    "fixed_budget",
    "plan_batches",
]
