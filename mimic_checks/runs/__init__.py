"""Answering many cases: batches, journal, resume."""

from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.runs.batching import choose_budget, fixed_budget, plan_batches
from mimic_checks.runs.journal import Answer, Journal
from mimic_checks.runs.run import Progress, Runner

__all__ = [
    "Answer",
    "AnswerCache",
    "Journal",
    "Progress",
    "Runner",
    "choose_budget",
    "fixed_budget",
    "plan_batches",
]
