"""Answering many prompts: batch by batch, journalled, one bad case never taking others with it.

Several processes may answer the same prompts into the same journal: each batch is answered by one
of them, longest first, so that they end within a batch of each other.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mimic_checks.errors import (
    AnswerError,
    ModelLoadError,
    UsageError,
    as_answer_errors,
    message_of,
)
from mimic_checks.models import VLM, Prompt, Reply, image_tokens
from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.runs.batching import choose_budget, fixed_budget, plan_batches
from mimic_checks.runs.journal import Answer, Journal
from mimic_checks.runs.time_limit import time_limit

Progress = Callable[[int, int], None]
"""Called with (cases answered, cases in all) after every batch."""


class Runner:
    """Answers prompts with one model; measures the batch budget once, on the first list.

    `batch`: prompts of middling length per batch, or None to measure what is fastest; `budget`:
    image tokens per batch, if they are known;
    `case_limit_s`: seconds that a case may take (times the cases of a batch); `cache`: answers of
    earlier runs."""

    def __init__(
        self,
        model: VLM,
        *,
        batch: int | None = None,
        budget: int | None = None,
        case_limit_s: float | None = None,
        cache: AnswerCache | None = None,
    ) -> None:
        self.model, self.batch, self.budget, self.case_limit_s, self.cache = (
            model,
            batch,
            budget,
            case_limit_s,
            cache,
        )
        self._fingerprint = json.dumps(model.identity(), sort_keys=True)
        self._too_large: int | None = None

    def answer(
        self,
        asked: Sequence[Prompt],
        journal_path: Path | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Answer]:
        """The answers to all prompts, by case id; what an earlier journal of the same plan holds is
        not asked again, and what another process is answering is waited for.

        Raises:
            UsageError: the model itself is unusable; anything else a model raises becomes an error
                answer.
        """
        return self._go_through(asked, journal_path, progress, wait=True)

    def contribute(self, asked: Sequence[Prompt], journal_path: Path) -> None:
        """Answers those batches that no other process has answered, is answering, or has died
        over."""
        self._go_through(asked, journal_path, None, wait=False)

    def _go_through(
        self,
        asked: Sequence[Prompt],
        journal_path: Path | None,
        progress: Progress | None,
        *,
        wait: bool,
    ) -> dict[str, Answer]:
        prompts = {prompt.case_id: prompt for prompt in asked}
        planned_from = json.dumps([self._fingerprint, sorted(prompts)])
        with Journal(journal_path, hashlib.sha256(planned_from.encode()).hexdigest()) as journal:
            journal.start(lambda: self._plan(list(prompts.values())))
            assert journal.plan is not None
            # First all that is free; then, if wanted, what others were at is waited for.
            for last in (False, True) if wait else (False,):
                number = -1
                # Its length is asked for every time: the plan grows when a batch is split.
                while (number := number + 1) < len(journal.plan):
                    if number in journal.answered:
                        continue
                    with journal.claim(number, wait=last, orphans=wait) as mine:
                        if mine:
                            self._answer_claimed(journal, number, prompts)
                    if progress:
                        progress(len(journal.answers), len(prompts))
            return dict(journal.answers)

    def _plan(self, prompts: list[Prompt]) -> list[list[str]]:
        if self.budget is None:
            self.budget = (
                fixed_budget(self.model, prompts, self.batch)
                if self.batch
                else choose_budget(self.model, prompts, case_limit_s=self.case_limit_s)
            )
        lengths = [image_tokens(self.model, prompt) for prompt in prompts]
        return [[prompts[i].case_id for i in batch] for batch in plan_batches(lengths, self.budget)]

    def _answer_claimed(self, journal: Journal, number: int, prompts: Mapping[str, Prompt]) -> None:
        """Answers and records a batch, or, if memory does not suffice, its first half (and of that
        ...): the rest joins the plan's end, claimed by nobody."""
        assert journal.plan is not None
        while True:
            batch = [prompts[case_id] for case_id in journal.plan[number]]
            if self.cache and (kept := self.cache.get(batch)):
                journal.record(number, kept, cached=True)
                return
            try:
                answers = self._answer_fitting(batch)
            except _DoesNotFit:
                journal.split(number)
                continue
            journal.record(number, answers)
            if self.cache:
                self.cache.put(batch, answers)
            return

    def _answer_fitting(self, batch: list[Prompt]) -> dict[str, Answer]:
        """The answers to a batch.

        Raises:
            _DoesNotFit: a batch of several cases for which memory ran out, or that is no smaller
                than one for which it did.
        """
        # What did not fit once is not tried again: each try costs the time of a whole batch.
        if (
            len(batch) > 1
            and self._too_large is not None
            and self._padded(batch) >= self._too_large
        ):
            raise _DoesNotFit
        try:
            answers = self._answer_batch(batch)
        except _DoesNotFit:
            self._too_large = self._padded(batch)
            self._free()
            raise
        return {prompt.case_id: answer for prompt, answer in zip(batch, answers, strict=True)}

    def _answer_batch(self, prompts: list[Prompt]) -> list[Answer]:
        """A batch that raises is split down to the case that does.

        Raises:
            _DoesNotFit: a batch of several cases for which memory ran out.
        """
        try:
            limit_s = self.case_limit_s and self.case_limit_s * len(prompts)
            with as_answer_errors(), time_limit(limit_s):
                # A list of its own: what a model does to it concerns no other.
                given = listed(self.model.answer(list(prompts)))
        # The model itself is unusable: no smaller batch would help.
        except UsageError:
            raise
        except Exception as error:
            if len(prompts) == 1:
                return [Answer(None, message_of(error))]
            if out_of_memory(error):
                raise _DoesNotFit from error
            half = len(prompts) // 2
            return self._answer_batch(prompts[:half]) + self._answer_batch(prompts[half:])
        if len(given) != len(prompts):
            raise ModelLoadError(
                f"the model returned {len(given)} answers to {len(prompts)} prompts; answer() owes"
                " one each"
            )
        return [_answer_of(one) for one in given]

    def _padded(self, batch: list[Prompt]) -> int:
        return len(batch) * max(image_tokens(self.model, prompt) for prompt in batch)

    def _free(self) -> None:
        # Looked up, not imported: where no model has brought torch, there is nothing to free.
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


def listed(given: Any) -> list[Any]:
    """What a model gave for a batch, one by one."""
    # A text is a sequence, too: of letters.
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"answer() gave {given!r:.200}; it owes a list of texts")
    return list(given)


def _answer_of(given: object) -> Answer:
    """What a model gave for one prompt; an error if it is no text."""
    if isinstance(given, AnswerError):
        return Answer(None, message_of(given, named=False))
    if isinstance(given, Reply):
        return Answer(given.text, remark=given.remark)
    if isinstance(given, str):
        return Answer(str(given))
    kind = type(given).__name__
    return Answer(None, f"the model gave an object of type {kind}, not a text ({given!r:.200})")


class _DoesNotFit(Exception):
    """A batch for which memory ran out."""


def out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, of a device or the machine."""
    # torch's error by name: it need not be installed.
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
