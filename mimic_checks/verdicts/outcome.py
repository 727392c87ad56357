"""Outcomes: what one answer proves about one case.

Data in: a case, the model's answer (or the error it raised), the vocabulary. Data out: an
`Outcome`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mimic_checks.cases import Case
from mimic_checks.verdicts.parsing import Prediction, Vocabulary, parse

OutcomeKind = Literal["right", "wrong", "unparseable", "error"]
KINDS: tuple[OutcomeKind, ...] = get_args(OutcomeKind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case answered: `answer` is the raw text (or the error's message), `f1` the set F1 of a
    listing case."""

    case: Case
    answer: str
    kind: OutcomeKind
    f1: float | None = None


def judge(case: Case, answer: str | None, error: str | None, vocabulary: Vocabulary) -> Outcome:
    """The outcome of a case: `error` when the model raised, else what its answer says against the
    truth."""
    f1 = 0.0 if case.task == "listing" else None
    if answer is None:
        return Outcome(case, error or "", "error", f1)
    prediction = parse(case, answer, vocabulary)
    if prediction is None:
        return Outcome(case, answer, "unparseable", f1)
    if case.task == "listing":
        f1 = set_f1(prediction.names, frozenset(case.truth.names))
    return Outcome(case, answer, "right" if _right(case, prediction) else "wrong", f1)


def set_f1(predicted: frozenset[str], true: frozenset[str]) -> float:
    """F1 of a predicted set against the true one; 1 when both are empty."""
    if not predicted and not true:
        return 1.0
    return 2 * len(predicted & true) / (len(predicted) + len(true))


def _right(case: Case, prediction: Prediction) -> bool:
    if case.task == "counting":
        return prediction.counts == tuple(count for _, count in case.truth.counts)
    return prediction.names == frozenset(case.truth.names)
