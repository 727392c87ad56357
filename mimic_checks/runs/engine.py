"""The one way from conditions to outcomes.

The run of checks, a burn-in and a proof all ask through an `Engine`. It knows how a model's answers
are batched, journalled, cached and read; it does not know why anybody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path

from mimic_checks.cases import ImageOpener, Outcome, judge
from mimic_checks.models import VLM, Prompt, prompt_of, require_white_box
from mimic_checks.runs.answer_cache import AnswerCache, cache_of
from mimic_checks.runs.condition import Condition
from mimic_checks.runs.run import Progress, Runner
from mimic_checks.tasks import Vocabulary

ReportProgress = Callable[[str, int, int], None]
"""Called with (condition, cases answered, cases in all)."""


class Engine:
    """Answers conditions with one model.

    `opener`: where pictures come from. `journal_of`: the journal of a condition's name. `budget`:
    image tokens per batch. `case_limit_s`: seconds that a case may take. `cache_folder`: where
    answers of models with a complete identity are kept for later runs.
    """

    def __init__(
        self,
        model: VLM,
        *,
        opener: ImageOpener,
        vocabulary: Vocabulary,
        journal_of: Callable[[str], Path],
        budget: int,
        case_limit_s: float | None = None,
        cache_folder: Path | None = None,
        progress: ReportProgress | None = None,
    ) -> None:
        self.model, self.budget = model, budget
        self._opener, self._vocabulary, self._journal_of = opener, vocabulary, journal_of
        self._case_limit_s, self._cache_folder, self._progress = (
            case_limit_s,
            cache_folder,
            progress,
        )
        self._change: Callable[[Condition], Condition] = lambda condition: condition
        self._runner = self._make_runner(model, None)

    @property
    def cache(self) -> AnswerCache | None:
        """The cached answers of the model as it is."""
        return self._runner.cache

    def under(self, change: Callable[[Condition], Condition]) -> Engine:
        """The same engine, which asks every condition as `change` makes it."""
        changed = copy(self)
        changed._change = change
        return changed

    def outcomes(self, condition: Condition) -> dict[str, Outcome]:
        """The outcomes of a condition's cases by case id; what other processes of this run are
        answering is waited for.

        Raises:
            UsageError: the model itself is unusable.
        """
        condition = self._change(condition)
        answers = self._runner_of(condition).answer(
            self._prompts(condition), self._journal_of(condition.name), self._report(condition)
        )
        return {
            case.id: judge(
                case,
                answers[case.id].text,
                answers[case.id].error,
                self._vocabulary,
                remark=answers[case.id].remark,
            )
            for case in condition.cases
        }

    def contribute(self, condition: Condition) -> None:
        """Answers of a condition's batches those that no other process of this run has taken."""
        condition = self._change(condition)
        self._runner_of(condition).contribute(
            self._prompts(condition), self._journal_of(condition.name)
        )

    def _prompts(self, condition: Condition) -> list[Prompt]:
        return [condition.transform(prompt_of(case, self._opener)) for case in condition.cases]

    def _runner_of(self, condition: Condition) -> Runner:
        if condition.intervention is None and condition.batch is None:
            return self._runner
        model = self.model
        if condition.intervention is not None:
            model = require_white_box(model).intervened(condition.intervention)
        return self._make_runner(model, condition.batch)

    def _make_runner(self, model: VLM, batch: int | None) -> Runner:
        # An intervention is part of the identity, so its answers get a cache of their own.
        cache = cache_of(model, self._cache_folder)
        # Prompts per batch, if they are fixed, decide alone.
        budget = None if batch else self.budget
        return Runner(
            model, batch=batch, budget=budget, case_limit_s=self._case_limit_s, cache=cache
        )

    def _report(self, condition: Condition) -> Progress | None:
        report = self._progress
        if report is None:
            return None
        return lambda done, total: report(condition.name, done, total)
