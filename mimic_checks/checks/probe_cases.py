"""The few cases that the preflight looks at, and what the model says to them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from mimic_checks.cases import Case, cases_of
from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.errors import AnswerError, UsageError, as_answer_errors, message_of
from mimic_checks.models import (
    VLM,
    GivesLogits,
    ImageBlocks,
    Prompt,
    Reply,
    ShowsInput,
    WhiteBoxVLM,
    gives_logits,
    image_blocks,
    shows_input,
    white_box,
    why_not,
)
from mimic_checks.models.reply import Answered, reply_texts
from mimic_checks.models.vlm import Capability
from mimic_checks.runs.condition import distinct_cases
from mimic_checks.runs.run import listed
from mimic_checks.runs.time_limit import time_limit

if TYPE_CHECKING:
    from mimic_checks.checks.session import CheckSession

PROBED, MOST_IMAGES, TOGETHER = 4, 4, 4
"""Draws whose cases the tests look at, of those with so many images at most; and how many of them
are asked in a batch."""
TOLERANCE = {"bfloat16": 0.1, "float16": 0.02}
"""How far a batch may move a logit, as a share of the range of that row's logits; 0.001 in full
precision."""
FULL_PRECISION = 1e-3

T = TypeVar("T")


class ProbeCases:
    """The cases that the tests look at, and what the model says to them; each asked once. Cases
    that raise are left out: errors are counted where they are scored.

    Raises:
        AnswerError: more than half of the cases raise.
    """

    def __init__(self, session: CheckSession) -> None:
        self.session, self.model = session, session.model
        self.logits = gives_logits(self.model)
        tried = [(prompt, self._tried(prompt)) for prompt in map(session.prompt, self._choose())]
        raised = [
            f"case {prompt.case_id}: {_in_words(answer)}"
            for prompt, answer in tried
            if isinstance(answer, Exception)
        ]
        if len(raised) > len(tried) / 2:
            raise AnswerError(
                f"the model raises on {len(raised)} of {len(tried)} probe cases; {raised[0]}"
            )
        self.prompts = [prompt for prompt, answer in tried if isinstance(answer, str)]
        self.alone = [answer for _, answer in tried if isinstance(answer, str)]

    def _tried(self, prompt: Prompt) -> str | Exception:
        try:
            return self.ask([prompt])[0]
        except UsageError:
            raise
        except Exception as error:  # whatever a model raises
            return error

    def _choose(self) -> list[Case]:
        """Small cases of the first check that asks about several images."""
        plan = self.session.plan
        drawn = [
            [tuple(plan.asked_items(check, [items])) for items in plan.draws(check)[:PROBED]]
            for check in plan.checks
        ]
        several = next(
            (draws for draws in drawn if any(len(c.images) > 1 for c in cases_of(draws[0]))),
            drawn[0],
        )
        cases = self._within_limit(distinct_cases(item for items in several for item in items))
        if not cases:
            everything = (case for check in plan.checks for case in plan.cases(check))
            cases = self._within_limit(distinct_cases(everything))[:PROBED]
        return [case for case in cases if len(case.images) <= MOST_IMAGES] or cases[:1]

    def _within_limit(self, cases: Sequence[Case]) -> list[Case]:
        limit = self.session.limit
        return [c for c in cases if limit is None or len(c.images) <= limit.most_images]

    def ask(self, prompts: Sequence[Prompt]) -> list[str]:
        """The texts of the answers to all prompts as one batch, whatever is remarked of them."""
        return reply_texts(self._answers(prompts))

    def _answers(self, prompts: Sequence[Prompt]) -> list[Answered]:
        """The answers to one batch, within the run's time limit for so many cases."""
        limit_s = self.session.settings.case_limit
        with as_answer_errors(), time_limit(limit_s and limit_s * len(prompts)):
            given = listed(self.model.answer(list(prompts)))
        if len(given) != len(prompts):
            raise AnswerError(f"answer() gave {len(given)} answers to {len(prompts)} prompts")
        return given

    @cached_property
    def answered(self) -> list[Answered]:
        """The answers in batches, in the order of `prompts`."""
        return [one for prompts in in_batches(self.prompts) for one in self._answers(prompts)]

    @property
    def together(self) -> list[str]:
        """The texts of the answers in batches, in the order of `prompts`."""
        return reply_texts(self.answered)

    @property
    def remarks(self) -> list[str]:
        """Why texts among these answers are no answer."""
        return [one.remark for one in self.answered if isinstance(one, Reply)]

    @cached_property
    def text_missing(self) -> str:
        """The first probe case of which a text is not in what the model is fed, in words; "" if
        there is none."""
        return text_missing(self.require_input(), self.prompts)

    @cached_property
    def tolerance(self) -> float:
        """How far a batch may move a logit, as a share of the range of its row."""
        return TOLERANCE.get(str(self.model.identity().get("dtype")), FULL_PRECISION)

    @property
    def is_stitched(self) -> bool:
        """Whether the model is fed one picture for all of a prompt."""
        return self.session.settings.model.stitch

    def require_white_box(self) -> WhiteBoxVLM:
        """The model, if it can be looked into.

        Raises:
            NotMeasurable: it cannot; with the reason.
        """
        return _require(self.model, "white_box", white_box(self.model))

    def require_logits(self) -> GivesLogits:
        """The model, if it gives its logits.

        Raises:
            NotMeasurable: it does not; with the reason.
        """
        return _require(self.model, "logits", self.logits)

    def require_blocks(self) -> ImageBlocks:
        """The model, if it can tell where the tokens of each image stand.

        Raises:
            NotMeasurable: it cannot; with the reason.
        """
        self.require_apart()
        return _require(self.model, "image_blocks", image_blocks(self.model))

    def require_input(self) -> ShowsInput:
        """The model, if it shows what it is fed.

        Raises:
            NotMeasurable: it does not; with the reason.
        """
        return _require(self.model, "shows_input", shows_input(self.model))

    def require_apart(self) -> None:
        """Stops a test that needs the pictures of a prompt apart.

        Raises:
            NotMeasurable: they are fed as one.
        """
        if self.is_stitched:
            raise NotMeasurable("all pictures of a prompt are stitched into one (--vlm-stitch)")

    def require_several(self) -> list[Prompt]:
        """Prompts of several different images, a few.

        Raises:
            NotMeasurable: there are none.
        """
        if not (prompts := self.several()):
            raise NotMeasurable("no probe case shows two different images")
        return prompts

    def several(self) -> list[Prompt]:
        """Prompts of several different images, a few; perhaps none."""
        return [
            prompt for prompt in self.prompts if len({image.id for image in prompt.images}) > 1
        ][:PROBED]


def _in_words(error: Exception) -> str:
    return message_of(error, named=not isinstance(error, AnswerError))


def in_batches(prompts: Sequence[Prompt]) -> list[Sequence[Prompt]]:
    """The prompts in batches, small enough for a model that barely fits."""
    return [prompts[start : start + TOGETHER] for start in range(0, len(prompts), TOGETHER)]


def text_missing(model: ShowsInput, prompts: Sequence[Prompt]) -> str:
    """The first prompt whose texts are not, in order, in what the model is fed, in words; "" if
    there is none."""
    for prompt, shown in zip(prompts, model.shown(prompts), strict=True):
        fed, end = _letters(shown.text), 0
        for text in prompt.texts:
            start = fed.find(_letters(text), end)
            if start < 0:
                where = "in its place" if _letters(text) in fed else "at all"
                return (
                    f"case {prompt.case_id}: the model's input does not contain the text"
                    f" {text!r} {where}; it ends {shown.text[-80:]!r}"
                )
            end = start + len(_letters(text))
    return ""


def _require(model: VLM, capability: Capability, capable: T | None) -> T:
    if capable is None:
        raise NotMeasurable(why_not(model, capability) or "")
    return capable


def _letters(text: str) -> str:
    return "".join(text.split()).casefold()
