"""One process's part in a run: the plan, and the model that answers.

The rooms around it have one role each: `run_plan` what is asked, `runs.engine` how it is answered,
`measures` how it is judged, `evaluator` once per check, `recording` what is kept of it, `gating`
how it compares with a baseline. Output folder:

    run.json                 settings, checks and their modules, suite version
    journal/<check>.jsonl    plan and answers, batch by batch (resume)
    outcomes/<check>.jsonl   every case with its answer and outcome
    results/<check>.json     the verdict and the cases that the report shows
    images/<id>.png          pictures of the shown cases
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cached_property

from mimic_checks.cases import Case, Outcome, outcome_of
from mimic_checks.catalog import Catalog
from mimic_checks.checks.evaluation import Finding
from mimic_checks.checks.gating import Gating
from mimic_checks.checks.limits import Limit, find_limit, keep_within, largest_by_images
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import UsageError, refusing
from mimic_checks.models import VLM, Prompt, WhiteBoxVLM, check_vlm, load_vlm, prompt_of, white_box
from mimic_checks.models.vlm import limited
from mimic_checks.runs import Condition, Engine, ReportProgress, choose_budget, fixed_budget
from mimic_checks.runs.answer_cache import AnswerCache, cache_of
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.thresholds import ThresholdTable


class CheckSession:
    """What the checks of one process share; the model is loaded when the first answer is needed.

    `make_model` makes it in code, in place of the backend that the settings name. `limit`: what
    the model will not take of what the run would ask (None: it takes all).
    """

    def __init__(
        self,
        plan: RunPlan,
        *,
        make_model: Callable[[], VLM] | None = None,
        gating: Gating | None = None,
        progress: ReportProgress | None = None,
    ) -> None:
        self.plan, self.gating = plan, gating
        self.folder = RunFolder(plan.settings.output)
        self.preflight_results: dict[str, Finding] | None = None
        self._make_model, self._progress = make_model, progress
        self._model: VLM | None = None
        self.unusable: UsageError | None = None
        self.limit: Limit | None = None

    @property
    def settings(self) -> Settings:
        return self.plan.settings

    @property
    def catalog(self) -> Catalog:
        return self.plan.catalog

    @property
    def vocabulary(self) -> Vocabulary:
        return self.plan.vocabulary

    @property
    def thresholds(self) -> ThresholdTable:
        return self.plan.thresholds

    def validate(self) -> None:
        """Everything that can be seen to be wrong before a model is loaded.

        Raises:
            UsageError: what is wrong and what to change.
        """
        if self._make_model is None:
            check_vlm(self.settings.vlm, self.settings.model, self.catalog)
        self.plan.validate()
        if self.gating:
            self.plan.not_carried = self.gating.leave_out(self.plan.not_carried)
            self.gating.validate(self.plan)

    @property
    def model(self) -> VLM:
        """The model, loaded once; what kept it from being loaded is kept too (`unusable`), and
        raised again.

        Raises:
            UsageError: it cannot be loaded.
        """
        if self.unusable:
            raise self.unusable
        if self._model is None:
            try:
                self._model = self._load()
            except UsageError as error:
                self.unusable = error
                raise
        return self._model

    def _load(self) -> VLM:
        if self._make_model:
            return self._within_limits(self._make_model())
        with refusing(f"vlm={self.settings.vlm!r} cannot be loaded"):
            return self._within_limits(
                load_vlm(self.settings.vlm, self.settings.model, self.catalog)
            )

    def _within_limits(self, model: VLM) -> VLM:
        """The model, told what it would refuse; asked once for all processes of the run."""
        able, checks = limited(model), self.plan.checks
        if able is None or not checks:
            return model
        largest = largest_by_images(case for check in checks for case in self.plan.cases(check))
        prompts = [self.prompt(case) for case in largest]
        # A run that is taken up again may ask other checks, and more images.
        asked = {**model.identity(), "images": [len(prompt.images) for prompt in prompts]}
        found = self.folder.once("limit", asked, lambda: find_limit(able, prompts))
        if found:
            self.limit = Limit(*found)
            keep_within(able, self.limit, self.plan)
        return model

    def under(self, change: Callable[[Condition], Condition]) -> CheckSession:
        """The same session, in which every condition is asked as `change` makes it."""
        changed = copy(self)
        changed.engine = self.engine.under(change)
        return changed

    def white_box(self) -> WhiteBoxVLM | None:
        """The model, if it can be looked into."""
        return white_box(self.model)

    @cached_property
    def engine(self) -> Engine:
        """What asks this run's model: the same batches in every process, and when it is resumed."""
        self.folder.write_identity(self.model.identity())
        cache = cache_of(self.model, self.settings.answer_cache)
        return Engine(
            self.model,
            opener=self.catalog.manifest,
            vocabulary=self.vocabulary,
            journal_of=self.folder.journal,
            budget=self._budget(cache),
            case_limit_s=self.settings.case_limit,
            cache_folder=self.settings.answer_cache,
            progress=self._progress,
        )

    def _budget(self, cache: AnswerCache | None) -> int:
        """Image tokens per batch: as the settings fix them, as cached, or as measured once for all
        processes of the run, on the prompts of its first check."""
        batch, prompts = self.settings.batch, self._first_prompts
        if batch:
            return fixed_budget(self.model, prompts, batch)

        def measured() -> int:
            budget = (cache and cache.budget()) or choose_budget(
                self.model, prompts, case_limit_s=self.settings.case_limit
            )
            if cache:
                cache.keep_budget(budget)
            return budget

        return int(self.folder.once("budget", self.model.identity(), measured))

    @cached_property
    def _first_prompts(self) -> list[Prompt]:
        return [self.prompt(case) for case in self.plan.cases(self.plan.checks[0])]

    @property
    def batch(self) -> int:
        """Prompts of middling length that are answered together."""
        return max(1, self.engine.budget // fixed_budget(self.model, self._first_prompts, 1))

    def prompt(self, case: Case) -> Prompt:
        """The prompt of a case, over this run's images."""
        return prompt_of(case, self.catalog.manifest)

    def answer(self, condition: Condition) -> list[Outcome]:
        """The outcomes of a condition's cases, in order, each of its own draw, journalled."""
        outcomes = self.engine.outcomes(condition)
        return [outcome_of(case, outcomes) for case in condition.cases]
