"""One run of checks: drawing, answering, judging, recording.

Data in: `Settings`, the selected check specs. Data out: a `CheckResult` per check, and in the
output folder

    run.json                 settings, model identity, suite version
    journal/<check>.jsonl    plan and answers, batch by batch (resume)
    outcomes/<check>.jsonl   every case with its answer and outcome
    results/<check>.json     the verdict and the cases that the report shows
    images/<id>.png          pictures of the shown cases
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mimic_checks import __version__
from mimic_checks.cases import RULE_VERSION, Case, draw
from mimic_checks.catalog import Catalog, load_catalog
from mimic_checks.checks.asks import Ask, asks_of_sweep
from mimic_checks.checks.gating import Gating
from mimic_checks.checks.profiles import PROFILED, read_profile
from mimic_checks.checks.settings import Settings
from mimic_checks.checks.specs import CHECKS, CheckSpec
from mimic_checks.errors import EmptyPool, InvalidArgument
from mimic_checks.models import VLM, Prompt, WhiteBoxVLM, check_vlm, load_vlm, prompt_of
from mimic_checks.runs import AnswerCache, Runner, choose_budget, fixed_budget
from mimic_checks.verdicts import (
    CheckVerdict,
    Outcome,
    Vocabulary,
    judge,
    judge_levels,
    load_thresholds,
    tally,
)
from mimic_checks.verdicts.levels import level_verdict, refuse_unreachable
from mimic_checks.verdicts.paired import refuse_unreachable_pair
from mimic_checks.verdicts.result import CheckResult, OutcomeLine, Panel, StoredCase, level_result
from mimic_checks.verdicts.store import CaseSet, RunFolder, read_case_set

FAILING_SHOWN, RIGHT_SHOWN = 3, 1
"""Cases per level that the report shows in full."""

ROUND = 20
"""Draws between two looks of a sequential run."""

Draws = list[tuple[Case, ...]]
ReportProgress = Callable[[str, int, int], None]


class CheckSession:
    """Everything that the checks of one run share; the model is loaded when the first answer is
    needed."""

    def __init__(
        self,
        settings: Settings,
        specs: Sequence[CheckSpec],
        *,
        make_model: Callable[[], VLM] | None = None,
        progress: ReportProgress | None = None,
        record_baselines: bool = False,
    ) -> None:
        self.settings, self.specs = settings, list(specs)
        self._make_model, self._progress = make_model, progress
        self.thresholds = load_thresholds(settings.thresholds, CHECKS)
        self.folder = RunFolder(settings.output)
        self.gating = (
            Gating(settings, specs, self.folder, recording=record_baselines)
            if settings.baseline
            else None
        )
        self.preflight_found: dict[str, str | None] | None = None
        self._draws: dict[str, Draws] = {}

    @cached_property
    def catalog(self) -> Catalog:
        spec = (
            f"cases:{self.settings.case_set}" if self.settings.case_set else self.settings.catalog
        )
        return load_catalog(spec)

    @cached_property
    def case_set(self) -> CaseSet:
        """The stored cases of `--vlm-case-set`, read and compared with their images once for all
        checks."""
        assert self.settings.case_set
        return read_case_set(self.settings.case_set, self.catalog)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(self.catalog.class_names)

    @cached_property
    def model(self) -> VLM:
        if self._make_model:
            return self._make_model()
        return load_vlm(self.settings.vlm, self.settings.model, self.catalog)

    @cached_property
    def runner(self) -> Runner:
        """What asks this run's model, with the same batches in every process of the run and when it
        is resumed."""
        identity = self.model.identity()
        self.folder.write_identity(identity)
        cache, prompts = self._cache(self.model), self._measured_on

        def measured() -> int:
            found = (cache and cache.budget()) or choose_budget(
                self.model, prompts, case_limit_s=self.settings.case_limit
            )
            if cache:
                cache.keep_budget(found)
            return found

        batch = self.settings.batch
        budget = (
            fixed_budget(self.model, prompts, batch)
            if batch
            else self.folder.once("budget", identity, measured)
        )
        return Runner(self.model, budget=budget, case_limit_s=self.settings.case_limit, cache=cache)

    @property
    def batch(self) -> int:
        """Prompts of middling length that are answered together."""
        assert self.runner.budget
        return max(1, self.runner.budget // fixed_budget(self.model, self._measured_on, 1))

    @cached_property
    def _measured_on(self) -> list[Prompt]:
        """What the batches of all checks are measured by: the prompts of the run's first check."""
        return [self.prompt(case) for group in self.draws(self.specs[0]) for case in group]

    def _runner(self, ask: Ask) -> Runner:
        shared, model = self.runner, ask.model or self.model
        if not (ask.model or ask.batch):
            return shared
        budget = None if ask.batch else shared.budget
        return Runner(
            model,
            batch=ask.batch,
            budget=budget,
            case_limit_s=shared.case_limit_s,
            cache=self._cache(model),
        )

    def _cache(self, model: VLM) -> AnswerCache | None:
        """Cached answers, for models whose identity is known to tell them from all others: not
        stubs, servers, or models built in code."""
        known = self._make_model is None and getattr(self.model, "identified", False)
        return (
            AnswerCache(self.settings.answer_cache, model.identity())
            if known and self.settings.answer_cache
            else None
        )

    @property
    def judged_levels(self) -> int:
        """Levels that the whole run judges: the correction of every fail."""
        return max(
            1,
            sum(
                spec.judged_conditions or len(spec.levels[self.settings.profile])
                for spec in self.specs
                if spec.judged
            ),
        )

    def validate(self) -> None:
        """Everything that can be wrong before a model is loaded: thresholds, catalog, pools,
        reachability, model files.

        Raises:
            UsageError: what is wrong and what to change.
        """
        for spec in self.specs:
            if spec.sweep:
                refuse_unreachable(
                    spec.check_id, self.settings.cases, self.thresholds.of(spec.check_id)
                )
            if spec.pairs:
                thresholds = self.thresholds.of(spec.check_id)
                refuse_unreachable_pair(
                    spec.check_id, self.settings.cases, thresholds.paired_margin, thresholds.alpha
                )
        implementation = self.settings.model.attn_implementation or ""
        masked = [spec.check_id for spec in self.specs if spec.needs_rules]
        if masked and "flash" in implementation:
            raise InvalidArgument(
                "vlm-attn-implementation",
                implementation,
                allowed=("eager", "sdpa", "flex_attention"),
                hint=(
                    f"{masked[0]!r} cuts attention paths, which flash attention cannot express; or"
                    " leave it out with -k"
                ),
            )
        if self._make_model is None:
            check_vlm(self.settings.vlm, self.settings.model, self.catalog)
        for spec in self.specs:
            self.draws(spec)
        if self.gating:
            draws = min((len(self.draws(spec)) for spec in self.gating.specs), default=0)
            self.gating.validate(
                draws,
                {spec.check_id: self._planned(spec) for spec in self.gating.specs if spec.sweep},
            )
        if (
            self.settings.attention_baseline
            and (spec := CHECKS["attention_by_depth"]) in self.specs
        ):
            read_profile(
                self.settings.attention_baseline,
                [group[0].id for group in self.draws(spec)[:PROFILED]],
            )

    def describe(self) -> dict[str, Any]:
        """What this run is, as its folder says it: a run of the same description is the same
        run."""
        checks = [spec.check_id for spec in self.specs]
        return {
            **self.settings.describe(),
            "suite": __version__,
            "rules": RULE_VERSION,
            "checks": checks,
        }

    def draws(self, spec: CheckSpec) -> Draws:
        """The cases of a check, one tuple (a case per level) per draw; drawn once, or read from
        `--vlm-case-set`.

        Raises:
            EmptyPool: the catalog cannot meet the check; names the check and the constraint.
        """
        if spec.check_id not in self._draws:
            levels = spec.levels[self.settings.profile]
            if self.settings.case_set:
                self._draws[spec.check_id] = self.case_set.draws(
                    spec.check_id, spec.level_names(self.settings.profile)
                )
                return self._draws[spec.check_id]
            try:
                strategy = spec.strategy(self.catalog, levels, self.settings.template)
                self._draws[spec.check_id] = draw(
                    strategy, self.settings.cases, spec.seed(self.settings.seed)
                )
            except EmptyPool as error:
                function = spec.node.split("::")[1]
                raise EmptyPool(
                    f"check {spec.check_id!r}: {error}; or leave the check out with -k 'not"
                    f" {function}'"
                ) from error
        return self._draws[spec.check_id]

    def _planned(self, spec: CheckSpec) -> list[tuple[str, str]]:
        """(level, case id) of all cases of a sweep."""
        names = spec.level_names(self.settings.profile)
        return [(names[k], group[k].id) for k in range(len(names)) for group in self.draws(spec)]

    def prompt(self, case: Case) -> Prompt:
        """The prompt of a case, over this run's images."""
        return prompt_of(case, self.catalog.manifest)

    def white_box(self) -> WhiteBoxVLM | None:
        """The model, if it can be looked into; None for stubs, servers and unknown families."""
        return self.model if isinstance(self.model, WhiteBoxVLM) and self.model.white_box else None

    def answer(self, ask: Ask) -> list[Outcome]:
        """The outcomes of an ask's cases, in order, journalled; what other processes of this run
        are answering is waited for."""
        report = self._progress
        progress = (lambda done, total: report(ask.name, done, total)) if report else None
        answers = self._runner(ask).answer(
            self._prompts(ask), self.folder.journal(ask.name), progress
        )
        return [
            judge(case, answers[case.id].text, answers[case.id].error, self.vocabulary)
            for case in ask.cases
        ]

    def contribute(self, ask: Ask) -> None:
        """Answers of an ask's batches those that no other process of this run has taken."""
        self._runner(ask).contribute(self._prompts(ask), self.folder.journal(ask.name))

    def answer_draws(self, spec: CheckSpec, draws: Draws, ask: Ask) -> dict[str, list[Outcome]]:
        """The outcomes of a sweep's draws by level, in draw order; `ask` holds all their cases
        (`asks_of_sweep`)."""
        by_id = {outcome.case.id: outcome for outcome in self.answer(ask)}
        return {
            level: [by_id[group[k].id] for group in draws]
            for k, level in enumerate(spec.level_names(self.settings.profile))
        }

    def _prompts(self, ask: Ask) -> list[Prompt]:
        return [ask.edit(self.prompt(case)) for case in ask.cases]

    def run_sweep(self, spec: CheckSpec, behaviour: str) -> CheckResult:
        """Draws, answers and judges a sweep, and records it in the output folder."""
        began = time.monotonic()
        by_level = self.answer_draws(
            spec, self.draws(spec), asks_of_sweep(spec.check_id, self.draws(spec))
        )
        thresholds = self.thresholds.of(spec.check_id)
        tallies = [(name, tally(found, thresholds.alpha)) for name, found in by_level.items()]
        verdict = judge_levels(tallies, thresholds, self.judged_levels)
        return self.record(spec, behaviour, verdict, by_level, time.monotonic() - began)

    def run_until_certain(self, spec: CheckSpec, behaviour: str) -> CheckResult:
        """A sweep against its baseline, asked in rounds of draws in random order until the
        comparison is certain. Its levels are not judged against the thresholds: those bounds hold
        for a number of cases that is fixed beforehand."""
        assert self.gating
        began, draws = time.monotonic(), self.draws(spec)
        order = self.gating.order(spec, len(draws))
        by_level: dict[str, list[Outcome]] = {
            name: [] for name in spec.level_names(self.settings.profile)
        }
        for number, start in enumerate(range(0, len(order), ROUND), start=1):
            group = [draws[k] for k in order[start : start + ROUND]]
            ask = asks_of_sweep(f"{spec.check_id}.round{number}", group)
            for name, found in self.answer_draws(spec, group, ask).items():
                by_level[name] += found
            if self.gating.certain(
                spec,
                [
                    self._line(spec, name, outcome)
                    for name, lines in by_level.items()
                    for outcome in lines
                ],
            ):
                break
        asked = min(len(draws), number * ROUND)
        reason = (
            f"asked {asked} of {len(draws)} draws until the comparison with the baseline was"
            " certain; not judged against thresholds"
        )
        thresholds = self.thresholds.of(spec.check_id)
        levels = [
            level_verdict(
                name,
                tally(found, thresholds.alpha),
                "inconclusive",
                reason,
                thresholds.retention,
                thresholds.alpha,
            )
            for name, found in by_level.items()
        ]
        return self.record(
            spec,
            behaviour,
            CheckVerdict("inconclusive", reason, tuple(levels)),
            by_level,
            time.monotonic() - began,
        )

    def record(
        self,
        spec: CheckSpec,
        behaviour: str,
        verdict: CheckVerdict,
        by_level: dict[str, list[Outcome]],
        seconds: float,
        *,
        show: bool = True,
        panels: Sequence[Panel] = (),
    ) -> CheckResult:
        """Writes a check's outcomes and result, and the pictures of the cases that the report
        shows."""
        lines = {
            name: [self._line(spec, name, outcome) for outcome in found]
            for name, found in by_level.items()
        }
        judged = [level.level for level in verdict.levels] if show else []
        shown = [line for name in judged for line in self._choose(spec, name, lines[name])]
        result = CheckResult(
            check=spec.check_id,
            title=spec.title,
            behaviour=behaviour,
            factor=spec.factor,
            moves=spec.moves,
            verdict=verdict.verdict,
            reason=verdict.reason,
            seconds=round(seconds, 2),
            levels=tuple(
                level_result(float(v.level.rpartition("=")[2]), v, by_level[v.level])
                for v in verdict.levels
            ),
            shown=tuple(shown),
            panels=tuple(panels),
            unreadable=tuple(self.catalog.manifest.unreadable.values()),
            docs=f"docs/checks/{Path(spec.node.split('::')[0]).stem.removeprefix('test_')}.md",
        )
        self.folder.write_result(
            result, [line for found in lines.values() for line in found], self.catalog.manifest
        )
        return result

    def _line(self, spec: CheckSpec, level: str, outcome: Outcome) -> OutcomeLine:
        rows = [self.catalog.manifest.row(image_id) for image_id in outcome.case.images]
        return OutcomeLine(
            check=spec.check_id,
            level=level,
            case=StoredCase.of(outcome.case, rows),
            answer=outcome.answer,
            kind=outcome.kind,
            f1=outcome.f1,
        )

    def _choose(
        self, spec: CheckSpec, level: str, lines: Sequence[OutcomeLine]
    ) -> list[OutcomeLine]:
        """A seeded choice of cases to show, in case order: some that went wrong, one that went
        right."""
        generator = random.Random(f"{spec.seed(self.settings.seed)} {level}")
        failing = [line for line in lines if line.kind != "right"]
        right = [line for line in lines if line.kind == "right"]
        chosen = generator.sample(failing, min(FAILING_SHOWN, len(failing)))
        return chosen + generator.sample(right, min(RIGHT_SHOWN, len(right)))
