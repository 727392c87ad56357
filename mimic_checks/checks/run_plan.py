"""What a run will ask, and everything about it that can be wrong before a model is loaded."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from typing import Any

from mimic_checks import __version__
from mimic_checks.cases import (
    RULE_VERSION,
    Case,
    Draw,
    Item,
    Level,
    Outcome,
    Scored,
    cases_of,
    draw,
    scored,
)
from mimic_checks.cases.blind import blind_right
from mimic_checks.cases.leave_out import LeaveOut, read_leave_out
from mimic_checks.catalog import Catalog, load_catalog
from mimic_checks.catalog.joined import with_others
from mimic_checks.catalog.labels import read_labels
from mimic_checks.checks.check import LEAVE_OUT, Check, Measurement, Survey, Sweep
from mimic_checks.checks.discovery import FoundCheck
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import (
    NAMED_AT_MOST,
    EmptyPool,
    ExtensionError,
    InvalidArgument,
    UsageError,
    first_names,
    refusing,
    together,
)
from mimic_checks.runs.condition import distinct_cases
from mimic_checks.tasks import TASKS, Choice, Names, Truth, Unread, Vocabulary, read_answer
from mimic_checks.tasks.truth import LETTERS
from mimic_checks.verdicts import load_thresholds
from mimic_checks.verdicts.case_set import CaseSet, read_case_set
from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER, Evidence
from mimic_checks.verdicts.floors import Blind, Floor, perfect_floors, unbeaten
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.not_carried import NotCarried
from mimic_checks.verdicts.reachable import (
    refuse_unreachable,
    refuse_unreachable_floor,
    refuse_unreachable_pair,
)


class RunPlan:
    """The checks of a run and their draws. `known`: ids of all checks that thresholds and policies
    may name. `selected`: of checks whose verdict is not asked for, the levels that are; all other
    checks are asked at all levels. `named`: checks that somebody asked for by name.

    Checks that the catalog cannot carry leave the plan when it is settled (`settle`, `validate`),
    and are then in `not_carried`; so are single levels at which their cases prove nothing, which
    are not asked."""

    def __init__(
        self,
        settings: Settings,
        found: Sequence[FoundCheck],
        *,
        known: Collection[str] = (),
        selected: Mapping[str, Collection[Level]] | None = None,
        named: Collection[str] = (),
    ) -> None:
        self.settings, self.found = settings, list(found)
        self.checks = [item.check for item in self.found]
        self.known = sorted({*known, *(check.check_id for check in self.checks)})
        self._selected = dict(selected or {})
        self.thresholds = load_thresholds(settings.thresholds, self.known)
        self.not_carried: list[NotCarried] = []
        self._named = set(named)
        self._draws: dict[str, list[Draw]] = {}
        self._untestable: dict[str, dict[Level, Floor]] = {}
        self._blind_right: dict[str, list[Blind]] = {}

    @cached_property
    def catalog(self) -> Catalog:
        """The images of the run, with what they show; it can also open those of the catalogs that
        checks bring along."""
        case_set = self.settings.case_set
        catalog = load_catalog(f"cases:{case_set}" if case_set else self.settings.catalog)
        names = self.settings.names
        kinds = tuple(word.strip() for word in self.settings.kinds.split(",") if word.strip())
        if names:
            catalog = catalog.called(read_labels(names, catalog.class_names))
        catalog = replace(catalog, kinds=kinds) if kinds else catalog
        # Last: another catalog made of this one would know its own pictures only.
        return catalog if case_set else with_others(catalog, self._own_catalogs)

    @cached_property
    def _own_catalogs(self) -> dict[str, Catalog]:
        """The catalogs that checks bring along, by spec."""
        specs = sorted({check.catalog for check in self.checks if check.catalog})
        return {spec: load_catalog(spec) for spec in specs}

    def catalog_of(self, check: Check) -> Catalog:
        """The catalog that a check's cases are drawn from."""
        if check.catalog and not self.settings.case_set:
            return self._own_catalogs[check.catalog]
        return self.catalog

    def _own_catalog_facts(self, check: Check) -> dict[str, Any]:
        if not check.catalog or self.settings.case_set:
            return {}
        return {"catalog": check.catalog, **self.catalog_of(check).facts}

    @cached_property
    def leave_out(self) -> LeaveOut:
        """The cases that are not to be asked."""
        return read_leave_out(self.settings.leave_out)

    @cached_property
    def case_set(self) -> CaseSet:
        """The stored cases of `--vlm-case-set`, read and compared with their images once for all
        checks."""
        assert self.settings.case_set
        return read_case_set(self.settings.case_set, self.catalog)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The names that answers may use."""
        return Vocabulary(self.catalog.class_names, self.catalog.groups, self.catalog.labels)

    def levels(self, check: Check) -> tuple[Level, ...]:
        """What one draw of a check holds an item for, reference first."""
        return check.drawn_levels(self.settings.profile)

    def asked_levels(self, check: Check) -> tuple[Level, ...]:
        """The levels that this run asks: all, or the selected ones and their reference; none that
        the settled plan has found to be untestable."""
        left_out = {item.level for item in self.not_carried if item.check == check.check_id}
        levels = self.levels(check)
        wanted = self._wanted(check)
        return tuple(
            level
            for level in levels
            if (level in wanted or (check.has_reference and level == levels[0]))
            and level not in left_out
        )

    def _wanted(self, check: Check) -> Collection[Level]:
        return self._selected.get(check.check_id, self.levels(check))

    def is_partial(self, check: Check) -> bool:
        """Whether only some levels of a check were selected, and not its verdict."""
        return check.check_id in self._selected

    def cases(self, check: Check) -> list[Case]:
        """The cases of a check's asked levels, each once: levels may share a case."""
        return distinct_cases(self.asked_items(check, self.draws(check)))

    def asked_items(self, check: Check, draws: Sequence[Draw]) -> list[Item]:
        """The items of draws at a check's asked levels, draw by draw."""
        columns = self._columns(check)
        return [item for items in draws for k in columns if (item := items[k]) is not None]

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
            stored = self.case_set.draws(check.check_id, levels, ragged=isinstance(check, Survey))
            if left := [items for items in stored if not self.leave_out.holds(items)]:
                return left
            raise EmptyPool("all of its stored cases are to be left out (--vlm-leave-out)")
        with refusing(f"check {check.check_id!r}: its cases cannot be drawn"):
            strategy = check.cases(
                self.catalog_of(check),
                levels=tuple(level.value for level in levels),
                template=settings.template,
            )
            draws = self._draw(strategy, check) if not _is_given(check) else self._given(strategy)
        items = [value if isinstance(value, tuple) else (value,) for value in draws]
        if items and len(items[0]) != len(levels):
            raise ExtensionError(
                f"check {check.check_id!r}: its strategy draws {len(items[0])} items for"
                f" {len(levels)} levels ({', '.join(map(str, levels))}); draw one per level"
            )
        return items

    def _given(self, draws: Any) -> list[Draw]:
        """The draws of a check whose cases stand in a file: all of them."""
        if left := [items for items in draws if not self.leave_out.holds(items)]:
            return left
        raise EmptyPool("none of its questions is to be asked")

    def _draw(self, strategy: Any, check: Check) -> list[Any]:
        n, seed = self.settings.cases, check.seed(self.settings.seed)
        try:
            return draw(strategy, n, seed, leave_out=self.leave_out)
        except EmptyPool as error:
            # Of the harness a few cases say as much as many.
            if not check.harness or not error.possible:
                raise
            return draw(strategy, error.possible, seed, leave_out=self.leave_out)

    @property
    def family(self) -> TestFamily:
        """All tests by which the whole run can fail by chance: of all testable levels of the
        selected checks, whichever of their nodes are selected."""
        untestable = sum(item.level is not None for item in self.not_carried)
        levels = sum(check.judged_levels(self.settings.profile) for check in self.checks)
        return TestFamily(max(1, levels - untestable))

    def order(self, check: Check) -> list[int]:
        """The order in which the draws of a check that may stop early are asked: random, fixed
        before the first answer, so that no answer has a say in what comes next."""
        order = list(range(len(self.draws(check))))
        random.Random(f"{check.seed(self.settings.seed)} order").shuffle(order)
        return order

    def evidence(self, check: Check) -> Evidence:
        """How the outcomes of a check are weighed."""
        early = self.settings.sequential and isinstance(check, Sweep)
        return AT_ANY_TIME if early else FIXED_NUMBER

    def settle(self) -> None:
        """Draws the cases of all checks, and leaves out those that the catalog cannot carry.
        Whether the cases prove anything is a question of the run that asks them.

        Raises:
            UsageError: everything that is wrong, and what to change; or nothing is left to judge.
        """
        self._sift(self.draws)

    def validate(self) -> None:
        """Settles the plan, and refuses what can be seen to be wrong without a model.

        Raises:
            UsageError: everything that is wrong, and what to change; or nothing is left to judge.
        """
        self._sift(self._examine)

    def _examine(self, check: Check) -> None:
        self._check_attention(check)
        self._check_reachable(check)
        self._check_testable(check)
        self._check_readable(check)
        if isinstance(check, Measurement) and check.validate:
            check.validate(self, check)
        self._leave_levels_out(check)

    def _sift(self, examine: Callable[[Check], object]) -> None:
        # Once for all checks: none of them can be looked at without.
        assert self.catalog
        assert self.leave_out is not None
        problems: dict[str, UsageError] = {}
        left, has_behaviours = [], any(not check.harness for check in self.checks)
        for item in self.found:
            try:
                examine(item.check)
                left.append(item)
            except EmptyPool as error:
                because = "was selected by name" if item.check_id in self._named else ""
                asked = self.settings.cases
                self.not_carried.append(
                    NotCarried(item.check_id, str(error), error.possible, asked, because)
                )
            except UsageError as error:
                problems.setdefault(str(error), error)
        if problems:
            missing = [UsageError(item.problem) for item in self.not_carried]
            raise together([*problems.values(), *missing])
        if self.found and not any(not item.check.harness or not has_behaviours for item in left):
            raise self._nothing_left()
        self.found, self.checks = left, [item.check for item in left]

    def _nothing_left(self) -> EmptyPool:
        missing = {item.check: item for item in self.not_carried}
        functions = [item.function for item in self.found if item.check_id in missing]
        reasons = "\n".join(f"- {item.problem}" for item in self.not_carried[:NAMED_AT_MOST])
        return EmptyPool(
            "no check is left to judge: the catalog carries none of those that are selected; ask"
            " for fewer cases (--vlm-cases), use a larger catalog, or leave the check out with -k"
            f" 'not {' and not '.join(functions)}' (of burn-in and cases: name others with --check)"
            f"\n{reasons}"
        )

    def _check_attention(self, check: Check) -> None:
        implementation = self.settings.model.attn_implementation or ""
        if check.needs_rules and "flash" in implementation:
            raise InvalidArgument(
                "vlm-attn-implementation",
                implementation,
                allowed=("eager", "sdpa", "flex_attention"),
                hint=(
                    f"{check.check_id!r} cuts attention paths, which flash attention cannot"
                    f" express; or {LEAVE_OUT}"
                ),
            )

    def _check_testable(self, check: Check) -> None:
        """Refuses a check that has no cases, or none that prove anything: of a sweep at its
        reference, at all other levels, or at all that are selected; of another check at any.

        Raises:
            EmptyPool: names the constraint, or the levels.
        """
        draws, blind = self.draws(check), self.untestable(check)
        if not blind:
            return
        first, *others = self.levels(check)
        if isinstance(check, Survey) and not all(k in blind for k in self._wanted(check)):
            return
        wanted = [level for level in others if level in self._wanted(check)] or [first]
        if isinstance(check, Sweep) and first not in blind and not all(k in blind for k in wanted):
            return
        level, more = next(iter(blind)), len(blind) - 1
        raise EmptyPool(
            f"{level}: {self._why_untestable(check, level)}"
            f"{f' (so at {more} more levels)' if more else ''}; vary more factors or use a larger"
            " catalog",
            possible=len(draws),
        )

    def untestable(self, check: Check) -> dict[Level, Floor]:
        """The levels of a gated check at which even a perfect model is not proven better than a
        blind answer, with that answer."""
        if check.check_id not in self._untestable:
            alpha = self.thresholds.of(check.check_id).alpha
            found: dict[Level, Floor] = {}
            order = self.order(check)
            for level in self.levels(check) if check.gated else ():
                floors = perfect_floors(self.blind(check, level, order))
                if floor := unbeaten(floors, alpha, self.evidence(check)):
                    found[level] = floor
            self._untestable[check.check_id] = found
        return self._untestable[check.check_id]

    def blind(self, check: Check, level: Level, asked: Sequence[int]) -> Blind:
        """What is right without a look at the images, in the items of a level of the draws with
        these numbers. The heuristics know all draws, so that none depends on how many were asked.
        """
        column = self.levels(check).index(level)
        here = (k for k, items in enumerate(self.draws(check)) if items[column] is not None)
        place = {draw: number for number, draw in enumerate(here)}
        return {
            name: [right[place[k]] for k in asked if k in place]
            for name, right in self._blind(check)[column].items()
        }

    def _blind(self, check: Check) -> list[Blind]:
        """Of all draws, level by level."""
        if check.check_id not in self._blind_right:
            self._blind_right[check.check_id] = [
                blind_right(
                    [item for drawn in self.draws(check) if (item := drawn[k]) is not None],
                    self.vocabulary,
                )
                for k in range(len(self.levels(check)))
            ]
        return self._blind_right[check.check_id]

    def _why_untestable(self, check: Check, level: Level) -> str:
        floor, column = self.untestable(check)[level], self.levels(check).index(level)
        draws = sum(items[column] is not None for items in self.draws(check))
        return f"{floor.text} of {draws} cases, proves as much as a perfect model"

    def _leave_levels_out(self, check: Check) -> None:
        draws = len(self.draws(check))
        because = "was selected by name" if self.is_partial(check) else ""
        for level in self.untestable(check):
            if level not in self._wanted(check):
                continue
            reason = self._why_untestable(check, level)
            self.not_carried.append(
                NotCarried(check.check_id, reason, draws, self.settings.cases, because, level)
            )

    def _check_reachable(self, check: Check) -> None:
        """Refuses a check that even a perfect model could not pass with so few cases."""
        thresholds, n = self.thresholds.of(check.check_id), self.settings.cases
        if isinstance(check, Sweep):
            refuse_unreachable(check.check_id, n, thresholds, self.family, self.evidence(check))
        if isinstance(check, Survey) and not check.given:
            refuse_unreachable_floor(check.check_id, n, thresholds, self.family)
        if isinstance(check, Measurement) and check.pairs:
            margin, alpha = thresholds.paired_margin, thresholds.alpha
            refuse_unreachable_pair(check.check_id, n, margin, alpha, FIXED_NUMBER)

    def _check_readable(self, check: Check) -> None:
        """Refuses a check whose own true answers would not be judged right: a task that reads
        nothing, or class names that its reader takes for something else. Every name and option
        that a case offers could be the true answer of another, and is read too.

        Raises:
            ExtensionError: names the answers.
        """
        asked = {
            (case.task, truth, case.offered): replace(case, truth=truth)
            for items in self.draws(check)
            for case in cases_of(items)
            for truth in _truths(case)
        }
        wrong = [case for case in asked.values() if not self._reads_back(case)]
        if wrong:
            texts = sorted({repr(case.truth.text) for case in wrong})
            raise ExtensionError(
                f"check {check.check_id!r}: task {wrong[0].task!r} does not read its own true"
                f" answers as right: {first_names(texts)}; every model would fail; rename these"
                " classes, or mend the task's read()"
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
                **self._own_catalog_facts(item.check),
            }
            for item in self.found
        }
        described = {
            **self.settings.describe(),
            "names": self.catalog.labels.describe() if self.settings.names else None,
            "suite": __version__,
            "rules": RULE_VERSION,
            "hypothesis": version("hypothesis"),
            "checks": checks,
            **({"leave_out": sorted(self.leave_out.ids)} if self.leave_out.ids else {}),
        }
        # As it is read back, where a tuple is a list: it is compared with what stands in a folder.
        plain: dict[str, Any] = json.loads(json.dumps(described))
        return plain


def _is_given(check: Check) -> bool:
    return isinstance(check, Survey) and check.given


def _truths(case: Case) -> list[Truth]:
    """The true answer of a case, and what would be that of the same question about other images."""
    if isinstance(case.truth, Choice):
        options = case.truth.options
        return [Choice(place, options) for place in range(min(len(options), len(LETTERS)))]
    if isinstance(case.truth, Names):
        return [case.truth, *(Names((name,)) for name in case.offered)]
    return [case.truth]
