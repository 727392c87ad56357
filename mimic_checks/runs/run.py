"""Answering many prompts: batch by batch, journalled, one bad case never taking others with it.

Data in: a model and prompts. Data out: an `Answer` per case id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mimic_checks.errors import AnswerError, UsageError
from mimic_checks.models import VLM, Prompt
from mimic_checks.runs.batching import choose_budget, image_tokens, plan_batches
from mimic_checks.runs.journal import Answer, Journal, halve
from mimic_checks.runs.time_limit import time_limit

Progress = Callable[[int, int], None]
"""Called with (cases answered, cases in all) after every batch."""


class Runner:
    """Answers prompts with one model; measures the batch budget once, on the first list.

    `batch`: prompts of middling length per batch, or None to measure what is fastest; `budget`: image tokens per batch, if a
    runner of the same model has measured them before; `case_limit_s`: seconds that a case may take (times the cases of a batch).
    """

    def __init__(
        self, model: VLM, *, batch: int | None = None, budget: int | None = None, case_limit_s: float | None = None
    ) -> None:
        self.model, self.batch, self.budget, self.case_limit_s = model, batch, budget, case_limit_s
        self._fingerprint = json.dumps(model.identity(), sort_keys=True)

    def answer(
        self, asked: Sequence[Prompt], journal_path: Path | None = None, progress: Progress | None = None
    ) -> dict[str, Answer]:
        """The answers to all prompts, by case id; what an earlier journal of the same plan holds is not asked again.

        Raises:
            UsageError: the model itself is unusable; anything else a model raises becomes an error answer.
        """
        prompts = {prompt.case_id: prompt for prompt in asked}
        named = json.dumps([self._fingerprint, sorted(prompts)])
        journal = Journal(journal_path, hashlib.sha256(named.encode()).hexdigest()) if journal_path else None
        plan = journal.plan if journal and journal.plan is not None else self._plan(list(prompts.values()))
        if journal:
            journal.start(plan)
        answers = dict(journal.answers) if journal else {}
        number = -1
        while (number := number + 1) < len(plan):  # the plan grows when a batch is split
            if journal and number in journal.answered:
                continue
            said = self._answer_fitting(plan, number, prompts, journal)
            answers.update(said)
            if journal:
                journal.record(number, said)
            if progress:
                progress(len(answers), len(prompts))
        return answers

    def _plan(self, prompts: list[Prompt]) -> list[list[str]]:
        lengths = [image_tokens(self.model, prompt) for prompt in prompts]
        if self.budget is None:
            middle = sorted(lengths)[len(lengths) // 2]
            self.budget = self.batch * middle if self.batch else choose_budget(self.model, prompts)
        return [[prompts[i].case_id for i in batch] for batch in plan_batches(lengths, self.budget)]

    def _answer_fitting(
        self, plan: list[list[str]], number: int, prompts: dict[str, Prompt], journal: Journal | None
    ) -> dict[str, Answer]:
        """The answers of a batch, or of its first half (and of that ...) if memory runs out: the rest is appended to the plan."""
        while True:
            batch = plan[number]
            try:
                return dict(zip(batch, self._answer_batch([prompts[case_id] for case_id in batch]), strict=True))
            except _DoesNotFit:
                self._free()
                self.budget = max(1, (self.budget or 1) // 2)
                halve(plan, number)
                if journal:
                    journal.split(number)

    def _answer_batch(self, prompts: list[Prompt]) -> list[Answer]:
        """A batch that raises is split down to the case that does.

        Raises:
            _DoesNotFit: a batch of several cases for which memory ran out.
        """
        try:
            with time_limit(self.case_limit_s and self.case_limit_s * len(prompts)):
                texts = self.model.answer(prompts)
        except UsageError:
            raise
        except Exception as error:
            if len(prompts) == 1:
                return [Answer(None, f"{type(error).__name__}: {error}")]
            if _out_of_memory(error):
                raise _DoesNotFit from error
            half = len(prompts) // 2
            return self._answer_batch(prompts[:half]) + self._answer_batch(prompts[half:])
        if len(texts) != len(prompts):
            raise UsageError(f"the model returned {len(texts)} answers to {len(prompts)} prompts; answer() owes one each")
        return [Answer(None, str(text)) if isinstance(text, AnswerError) else Answer(str(text)) for text in texts]

    def _free(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


class _DoesNotFit(Exception):
    """A batch for which memory ran out."""


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ in ("OutOfMemoryError", "MemoryError")
