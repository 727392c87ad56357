"""The scorers of the MIMIC release, rebuilt so that published numbers stay comparable; never used
for a verdict.

Rebuilt from their observed behaviour: the answer gets a leading space; counting takes the sum of
number words, else the first digits; common and odd-one accept any text that contains the truth;
listing is micro-averaged and compares items unstripped, so that with the leading space the first
predicted item can never match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mimic_checks.tasks.numerals import ENGLISH


@dataclass(frozen=True, slots=True)
class ListingScore:
    """Micro-averaged precision, recall and F1 over a run."""

    precision: float
    recall: float
    f1: float


def share_right(verdicts: Iterable[bool]) -> dict[str, float]:
    """The share of right answers under the scorer's name; nothing where there are no answers."""
    right = list(verdicts)
    return {"mimic": sum(right) / len(right)} if right else {}


def counting_right(answer: str, truth: str) -> bool:
    """Whether the released counting scorer takes an answer for right."""
    return _normalise(" " + answer) == truth.strip().lower()


def name_right(answer: str, truth: str) -> bool:
    """Whether the released common and odd-one scorer takes an answer for right: truth is a
    substring."""
    return truth.strip().lower() in f" {answer}".strip().lower()


def listing_score(pairs: Iterable[tuple[str, str]], *, leading_space: bool = True) -> ListingScore:
    """The released listing score over (answer, truth) pairs; `leading_space=False` leaves its bug
    out."""
    hits = predicted_items = true_items = 0
    for answer, truth in pairs:
        predicted = ((" " if leading_space else "") + answer).lower().split(", ")
        true = truth.lower().split(", ")
        hits += sum(item in predicted for item in true)
        predicted_items += len(predicted)
        true_items += len(true)
    precision = hits / predicted_items if predicted_items else 0.0
    recall = hits / true_items if true_items else 0.0
    return ListingScore(
        precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0
    )


def _normalise(answer: str) -> str:
    text = answer.strip()
    for mark in ",.!?;:'":
        text = text.strip(mark)
    text = text.strip()
    try:
        return str(int(text))
    except ValueError:
        pass
    words = [
        ENGLISH[word] for word in re.findall(r"[a-z]+(?:-[a-z]+)?", text.lower()) if word in ENGLISH
    ]
    if words:
        return str(sum(words))
    digits = re.search(r"\d+", text)
    try:
        return str(int(digits.group())) if digits else "wrong answer"
    except ValueError:  # more digits than Python converts
        return "wrong answer"
