"""Answering many prompts: batch by batch, journalled, one bad case never taking others with it.

Data in: a model and prompts. Data out: an `Answer` per case id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mimic_checks.errors import UsageError
from mimic_checks.models import VLM, Prompt
from mimic_checks.runs.batching import choose_budget, image_tokens, plan_batches
from mimic_checks.runs.journal import Answer, Journal

Progress = Callable[[int, int], None]
"""Called with (cases answered, cases in all) after every batch."""


class Runner:
    """Answers prompts with one model; measures the batch budget once, on the first list.

    `batch`: prompts of middling length per batch, or None to measure what is fastest; `budget`: image tokens per batch, if a
    runner of the same model has measured them before.
    """

    def __init__(self, model: VLM, *, batch: int | None = None, budget: int | None = None) -> None:
        self.model, self.batch, self.budget = model, batch, budget
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
        if journal and journal.plan is not None:
            plan = journal.plan
        else:
            plan = self._plan(list(prompts.values()))
            if journal:
                journal.start(plan)
        answers = dict(journal.answers) if journal else {}
        for number, batch in enumerate(plan):
            if journal and number in journal.answered:
                continue
            said = dict(zip(batch, self._answer_batch([prompts[case_id] for case_id in batch]), strict=True))
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

    def _answer_batch(self, prompts: list[Prompt]) -> list[Answer]:
        """A batch that runs out of memory is halved, one that raises is split down to the case that does."""
        try:
            texts = self.model.answer(prompts)
        except UsageError:
            raise
        except Exception as error:
            if len(prompts) == 1:
                return [Answer(None, f"{type(error).__name__}: {error}")]
            if _out_of_memory(error):
                self._free()
                self.budget = max(1, (self.budget or 1) // 2)
            half = len(prompts) // 2
            return self._answer_batch(prompts[:half]) + self._answer_batch(prompts[half:])
        if len(texts) != len(prompts):
            raise UsageError(f"the model returned {len(texts)} answers to {len(prompts)} prompts; answer() owes one each")
        return [Answer(str(text)) for text in texts]

    def _free(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _out_of_memory(error: Exception) -> bool:
    return type(error).__name__ in ("OutOfMemoryError", "MemoryError")
