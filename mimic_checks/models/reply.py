"""What a model sends back besides plain texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mimic_checks.errors import AnswerError


@dataclass(frozen=True, slots=True)
class Reply:
    """A text from which no answer is read, and why (`remark`, one of the words of
    `mimic_checks.tasks.unread` or the backend's own): it counts as unparseable, under that name."""

    text: str
    remark: str


Answered = str | Reply | AnswerError
"""What a model owes for one prompt."""


def reply_text(answered: Answered) -> str:
    """The text of an answer, whatever is remarked of it.

    Raises:
        AnswerError: it failed, or is no text.
    """
    if isinstance(answered, AnswerError):
        raise answered
    if not isinstance(answered, Reply | str):
        raise AnswerError(f"the model gave an object of type {type(answered).__name__}, not a text")
    return answered.text if isinstance(answered, Reply) else str(answered)


def reply_texts(answered: Sequence[Answered]) -> list[str]:
    """The texts of answers.

    Raises:
        AnswerError: one of them failed.
    """
    return [reply_text(one) for one in answered]
