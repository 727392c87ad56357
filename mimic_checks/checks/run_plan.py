"""What a run will ask, and everything about it that can be wrong before a model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from typing import Any

from mimic_checks import __version__
from mimic_checks.cases import (
    RULE_VERSION,
    Case,
    Draw,
    Level,
    Outcome,
    Scored,
    cases_of,
    draw,
    scored,
)
from mimic_checks.catalog import Catalog, load_catalog
from mimic_checks.checks.check import LEAVE_OUT, Check, Measurement, Sweep
from mimic_checks.checks.discovery import FoundCheck
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import EmptyPool, ExtensionError, InvalidArgument, refusing
from mimic_checks.runs.condition import distinct_cases
from mimic_checks.tasks import TASKS, Unread, Vocabulary, read_answer
from mimic_checks.verdicts import load_thresholds
from mimic_checks.verdicts.case_set import CaseSet, read_case_set
from mimic_checks.verdicts.levels import refuse_unreachable
from mimic_checks.verdicts.paired import refuse_unreachable_pair

NAMED_AT_MOST = 20
"""Offenders that an error lists before it counts the rest."""


class RunPlan:
    """The checks of a run and their draws. `known`: ids of all checks that thresholds and policies
    may name. `selected`: of checks whose verdict is not asked for, the levels that are; all other
    checks are asked at all levels."""

    def __init__(
        self,
        settings: Settings,
        found: Sequence[FoundCheck],
        *,
        known: Collection[str] = (),
        selected: Mapping[str, Collection[Level]] | None = None,
    ) -> None:
        self.settings, self.found = settings, list(found)
        self.checks = [item.check for item in self.found]
        self.known = sorted({*known, *(check.check_id for check in self.checks)})
        self._selected = dict(selected or {})
        self.thresholds = load_thresholds(settings.thresholds, self.known)
        self._draws: dict[str, list[Draw]] = {}

    @cached_property
    def catalog(self) -> Catalog:
        """The images of the run, with what they show."""
        case_set = self.settings.case_set
        return load_catalog(f"cases:{case_set}" if case_set else self.settings.catalog)

    @cached_property
    def case_set(self) -> CaseSet:
        """The stored cases of `--vlm-case-set`, read and compared with their images once for all
        checks."""
        assert self.settings.case_set
        return read_case_set(self.settings.case_set, self.catalog)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names that answers may use."""
        return Vocabulary(self.catalog.class_names, self.catalog.groups)

    def levels(self, check: Check) -> tuple[Level, ...]:
        """What one draw of a check holds an item for, reference first."""
        return check.drawn_levels(self.settings.profile)

    def asked_levels(self, check: Check) -> tuple[Level, ...]:
        """The levels that this run asks: all, or the selected ones and their reference."""
        levels = self.levels(check)
        if not self.is_partial(check):
            return levels
        wanted = self._selected[check.check_id]
        return (levels[0], *(level for level in levels[1:] if level in wanted))

    def is_partial(self, check: Check) -> bool:
        """Whether only some levels of a check were selected, and not its verdict."""
        return check.check_id in self._selected

    def cases(self, check: Check) -> list[Case]:
        """The cases of a check's asked levels, each once: levels may share a case."""
        columns = self._columns(check)
        return distinct_cases(items[k] for items in self.draws(check) for k in columns)

    def by_level(
        self, check: Check, draws: Sequence[Draw], outcomes: Mapping[str, Outcome]
    ) -> dict[Level, list[Scored]]:
        """The scored items of draws by asked level, in draw order, from the outcomes of their cases
        by case id."""
        levels = self.levels(check)
        return {
            levels[k]: scored([items[k] for items in draws], outcomes) for k in self._columns(check)
        }

    def _columns(self, check: Check) -> list[int]:
        asked = self.asked_levels(check)
        return [k for k, level in enumerate(self.levels(check)) if level in asked]

    def draws(self, check: Check) -> list[Draw]:
        """The draws of a check, one item per level; drawn once, or read from `--vlm-case-set`.

        Raises:
            EmptyPool: the catalog cannot meet the check; names the check and the constraint.
            ExtensionError: the check's strategy gives something else than an item per level.
        """
        if check.check_id not in self._draws:
            self._draws[check.check_id] = self._drawn(check)
        return self._draws[check.check_id]

    def _drawn(self, check: Check) -> list[Draw]:
        levels, settings = self.levels(check), self.settings
        if settings.case_set:
            return self.case_set.draws(check.check_id, levels)
        try:
            with refusing(f"check {check.check_id!r}: its cases cannot be drawn"):
                strategy = check.cases(
                    self.catalog,
                    levels=tuple(level.value for level in levels),
                    template=settings.template,
                )
                draws = draw(strategy, settings.cases, check.seed(settings.seed))
        except EmptyPool as error:
            function = next(item.function for item in self.found if item.check is check)
            raise EmptyPool(
                f"check {check.check_id!r}: {error}; or leave the check out with -k 'not"
                f" {function}' (of burn-in, cases and catalog: name the others with --check)"
            ) from error
        items = [value if isinstance(value, tuple) else (value,) for value in draws]
        if items and len(items[0]) != len(levels):
            raise ExtensionError(
                f"check {check.check_id!r}: its strategy draws {len(items[0])} items for"
                f" {len(levels)} levels ({', '.join(map(str, levels))}); draw one per level"
            )
        return items

    @property
    def judged_levels(self) -> int:
        """Places at which the whole run can fail by chance: the correction of every fail. Over all
        levels of the selected checks, whichever of their nodes are selected."""
        return max(1, sum(check.judged_levels(self.settings.profile) for check in self.checks))

    def validate(self) -> None:
        """Refuses what can be seen to be wrong without a model.

        Raises:
            UsageError: what is wrong and what to change.
        """
        for check in self.checks:
            self.levels(check)
            self._check_reachable(check)
        implementation = self.settings.model.attn_implementation or ""
        cutting = [check.check_id for check in self.checks if check.needs_rules]
        if cutting and "flash" in implementation:
            raise InvalidArgument(
                "vlm-attn-implementation",
                implementation,
                allowed=("eager", "sdpa", "flex_attention"),
                hint=(
                    f"{cutting[0]!r} cuts attention paths, which flash attention cannot express; or"
                    f" {LEAVE_OUT}"
                ),
            )
        for check in self.checks:
            self._check_readable(check)
            if isinstance(check, Measurement) and check.validate:
                check.validate(self, check)

    def _check_reachable(self, check: Check) -> None:
        """Refuses a check that even a perfect model could not pass with so few cases."""
        thresholds, n = self.thresholds.of(check.check_id), self.settings.cases
        if isinstance(check, Sweep):
            refuse_unreachable(check.check_id, n, thresholds)
        if isinstance(check, Measurement) and check.pairs:
            refuse_unreachable_pair(check.check_id, n, thresholds.paired_margin, thresholds.alpha)

    def _check_readable(self, check: Check) -> None:
        """Refuses a check whose own true answers would not be judged right: a task that reads
        nothing, or class names that its reader takes for something else.

        Raises:
            ExtensionError: names the answers.
        """
        cases = {
            (case.task, case.truth, case.offered): case
            for items in self.draws(check)
            for case in cases_of(items)
        }
        wrong = [case for case in cases.values() if not self._reads_back(case)]
        if wrong:
            texts = sorted({repr(case.truth.text) for case in wrong})
            more = f" and {len(texts) - NAMED_AT_MOST} more" if len(texts) > NAMED_AT_MOST else ""
            raise ExtensionError(
                f"check {check.check_id!r}: task {wrong[0].task!r} does not read its own true"
                f" answers as right: {', '.join(texts[:NAMED_AT_MOST])}{more}; every model would"
                " fail; rename these classes, or mend the task's read()"
            )

    def _reads_back(self, case: Case) -> bool:
        task = TASKS.get(case.task)
        with refusing(f"task {case.task!r} cannot read its own true answer {case.truth.text!r}"):
            read = read_answer(task, case.truth.text, case.truth, case.offered, self.vocabulary)
            return not isinstance(read, Unread) and task.score(read, case.truth).right

    def describe(self) -> dict[str, Any]:
        """What this run is, as its folder says it: a run of the same description is the same
        run."""
        checks = {
            item.check_id: {
                "module": item.module,
                "gated": item.check.gated,
                "anytime": item.check.anytime,
                "levels": [str(level) for level in self.asked_levels(item.check)],
            }
            for item in self.found
        }
        return {
            **self.settings.describe(),
            "suite": __version__,
            "rules": RULE_VERSION,
            "hypothesis": version("hypothesis"),
            "checks": checks,
        }
