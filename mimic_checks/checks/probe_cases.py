"""The few cases that the preflight looks at, and what the model says to them.

Data in: a session. Data out: small prompts of several images, answered alone and in batches, each
asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from mimic_checks.cases import Case
from mimic_checks.checks.asks import distinct
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import AnswerError, UsageError
from mimic_checks.models import Prompt, ShowsInput, WhiteBoxVLM
from mimic_checks.models.vlm import texts_of
from mimic_checks.runs.time_limit import time_limit

PROBED, MOST_IMAGES, TOGETHER = 4, 4, 4
"""Draws whose cases the tests look at, of those with so many images at most; and how many of them
are asked in a batch."""
TOLERANCE = {"bfloat16": 0.1, "float16": 0.02}
"""How far a batch may move a logit, as a share of the range of that row's logits; 0.001 in full
precision."""
FULL_PRECISION = 1e-3


class ProbeCases:
    """The cases that the tests look at, and what the model says to them; each asked once. Cases
    that raise are left out: errors are counted where they are scored.

    Raises:
        AnswerError: more than half of the cases raise.
    """

    def __init__(self, session: CheckSession) -> None:
        self.session, self.model = session, session.model
        self.open: WhiteBoxVLM | None = session.white_box()
        self.shows: ShowsInput | None = self.model if isinstance(self.model, ShowsInput) else None
        said = [(case, *self._said(session.prompt(case))) for case in self._choose()]
        raised = [
            f"case {case.id}: {text}" for case, _, text in said if isinstance(text, Exception)
        ]
        if len(raised) > len(said) / 2:
            raise AnswerError(
                f"the model raises on {len(raised)} of {len(said)} probe cases; {raised[0]}"
            )
        self.cases = [case for case, _, text in said if isinstance(text, str)]
        self.prompts = [prompt for _, prompt, text in said if isinstance(text, str)]
        self.alone = [text for _, _, text in said if isinstance(text, str)]

    def _said(self, prompt: Prompt) -> tuple[Prompt, str | Exception]:
        try:
            return prompt, self.ask([prompt])[0]
        except UsageError:
            raise
        except Exception as error:
            return prompt, error

    def _choose(self) -> list[Case]:
        """Small cases of the first check that asks about several images."""
        groups = [self.session.draws(spec)[:PROBED] for spec in self.session.specs]
        several = next(
            (found for found in groups if any(len(case.images) > 1 for case in found[0])), groups[0]
        )
        cases = distinct(case for group in several for case in group)
        return [case for case in cases if len(case.images) <= MOST_IMAGES] or cases[:1]

    def ask(self, prompts: Sequence[Prompt]) -> list[str]:
        """The answers to all prompts as one batch, within the run's time limit for so many
        cases."""
        limit_s = self.session.settings.case_limit
        with time_limit(limit_s and limit_s * len(prompts)):
            return texts_of(self.model, prompts)

    @cached_property
    def together(self) -> list[str]:
        return [text for prompts in in_batches(self.prompts) for text in self.ask(prompts)]

    @cached_property
    def question_missing(self) -> str:
        """The first probe case whose question is not in what the model is fed, in words; ""
        if there is none, or nothing is shown."""
        return question_missing(self.shows, self.prompts) if self.shows else ""

    @cached_property
    def tolerance(self) -> float:
        return TOLERANCE.get(str(self.model.identity().get("dtype")), FULL_PRECISION)

    def several(self) -> list[Prompt]:
        """Prompts of several different images, a few."""
        return [
            prompt for prompt in self.prompts if len({image.id for image in prompt.images}) > 1
        ][:PROBED]


def in_batches(prompts: Sequence[Prompt]) -> list[Sequence[Prompt]]:
    """The prompts in batches, small enough for a model that barely fits."""
    return [prompts[start : start + TOGETHER] for start in range(0, len(prompts), TOGETHER)]


def question_missing(model: ShowsInput, prompts: Sequence[Prompt]) -> str:
    """The first prompt whose question is not in what the model is fed, in words; "" if there is
    none."""
    for prompt, shown in zip(prompts, model.shown(prompts), strict=True):
        if _letters(prompt.question) not in _letters(shown.text):
            return (
                f"case {prompt.case_id}: the model's input does not contain the question"
                f" {prompt.question!r}; it ends {shown.text[-80:]!r}"
            )
    return ""


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()
