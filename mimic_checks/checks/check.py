"""What a check is: the object that a test function is marked with.

A check says what is drawn, at which levels, and what is judged; the test function beside it says
why anybody should care. Checks of other people are made of the same two classes, in their own test
modules. Collecting tests imports this module, so it imports the standard library only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, get_args

from mimic_checks.cases.level import Level, LevelValue, refuse_alike
from mimic_checks.errors import ExtensionError, InvalidArgument

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from mimic_checks.cases import Scored
    from mimic_checks.catalog import Catalog
    from mimic_checks.checks.evaluation import Evaluation
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.runs import Condition
    from mimic_checks.verdicts.result import Panel

Profile = Literal["standard", "mimic"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
"""`standard`: at most 8 images. `mimic`: the paper's ranges."""
LEAVE_OUT = "leave it out (-k; of burn-in, cases and catalog: name the others with --check)"
"""What to do about a check that cannot be had, for pytest and for commands that take no `-k`."""

F = TypeVar("F", bound=Callable[..., object])


class DrawCases(Protocol):
    """A function that gives the strategy of a check's draws."""

    def __call__(
        self, catalog: Catalog, *, levels: Sequence[Any], template: Any
    ) -> SearchStrategy[Any]:
        """A strategy whose values hold one case, or one group of cases, per level; where there is
        one level alone, its case or group itself will do."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One behaviour. Make a `Sweep`, a `Survey` or a `Measurement`.

    `check_id`: names it in results, thresholds, policies and baselines. `title`, and what `moves`
    with its `factor`, are for readers. `levels`: the values of the factor, by profile or the same
    for all profiles; the first is the reference. `cases`: the strategy of its draws. `catalog`: the
    spec of a catalog of its own, from which they are drawn ("": from the run's). `docs`: where to
    read on. `harness`: it asks whether the harness is right, not how good the model is.
    `needs_rules`: it cuts attention paths, which flash attention cannot express.
    """

    check_id: str
    title: str
    factor: str
    moves: str
    levels: Mapping[Profile, Sequence[LevelValue]] | Sequence[LevelValue]
    cases: DrawCases = field(repr=False)
    catalog: str = ""
    docs: str = ""
    harness: bool = False
    needs_rules: bool = False

    def __post_init__(self) -> None:
        by_profile = self.levels if isinstance(self.levels, Mapping) else {"": self.levels}
        for values in by_profile.values() or [()]:
            refuse_alike([Level(self.factor, value) for value in values], f"check {self}")

    def __str__(self) -> str:
        return repr(self.check_id)

    def drawn_levels(self, profile: Profile) -> tuple[Level, ...]:
        """What one draw holds a case (or group) for, reference first.

        Raises:
            InvalidArgument: the check has no levels for the profile.
        """
        if not isinstance(self.levels, Mapping):
            return tuple(Level(self.factor, value) for value in self.levels)
        if profile not in self.levels:
            raise InvalidArgument(
                "vlm-profile",
                profile,
                allowed=tuple(self.levels),
                hint=f"check {self} has no levels for it; choose another, or {LEAVE_OUT}",
            )
        return tuple(Level(self.factor, value) for value in self.levels[profile])

    def seed(self, run_seed: int) -> int:
        """A seed of this check's own, so that two checks never draw in step."""
        return int.from_bytes(hashlib.sha256(f"{run_seed} {self.check_id}".encode()).digest()[:6])

    def node_levels(self, profile: Profile) -> tuple[Level, ...]:
        """The levels that are pytest nodes; none: the check is one node."""
        return ()

    def judged_levels(self, profile: Profile) -> int:
        """In how many places it can fail by chance: its share of the run's error rate."""
        return len(self.node_levels(profile))

    @property
    def gated(self) -> bool:
        """Whether a baseline can gate it: its outcomes say how good the model is."""
        return False

    @property
    def has_reference(self) -> bool:
        """Whether its first level is what the others are judged against, and always asked."""
        return True

    @property
    def anytime(self) -> bool:
        """Whether it may stop early against a baseline: it asks whole draws in any order."""
        return False


@dataclass(frozen=True, kw_only=True)
class Sweep(Check):
    """Cases at the levels of one factor, every level judged against the first."""

    def node_levels(self, profile: Profile) -> tuple[Level, ...]:
        return self.drawn_levels(profile)

    @property
    def gated(self) -> bool:
        return True

    @property
    def anytime(self) -> bool:
        return True


Shown = Callable[[Mapping[Level, Sequence["Scored"]], float, "Catalog"], Sequence["Panel"]]
"""Outcomes by level, the run's alpha, and the catalog of the cases -> what the report shows beside
the verdicts."""


@dataclass(frozen=True, kw_only=True)
class Survey(Check):
    """Cases at levels that are judged one by one: patterns, the categories of a suite. There is no
    reference; a level passes where its rate is proven above the threshold `level_floor`, and above
    every answer that needs no look at the images. A draw may have no item at a level.

    `given`: its cases stand in a file, and are asked whatever their number; those of others are
    drawn, as many as the run asks for. `shown`: what is measured beside the verdicts.
    """

    given: bool = False
    shown: Shown | None = field(default=None, repr=False)

    def node_levels(self, profile: Profile) -> tuple[Level, ...]:
        return self.drawn_levels(profile)

    @property
    def has_reference(self) -> bool:
        return False

    @property
    def gated(self) -> bool:
        return True


class CheckSource(Protocol):
    """Checks that are known only when a run's options are: one for every suite that it names."""

    def checks(self, option: Callable[[str], Any]) -> Sequence[Check]:
        """The checks. `option`: the value of a run's option by its key (`vlm_suite`), None if it is
        not given.

        Raises:
            UsageError: what the options name cannot be read.
        """


Measure = Callable[["CheckSession", "Measurement"], "Evaluation"]
Validate = Callable[["RunPlan", "Measurement"], None]
Conditions = Callable[["CheckSession", "Measurement"], Mapping[Any, "Condition"]]


@dataclass(frozen=True, kw_only=True)
class Measurement(Check):
    """A check with a judgement of its own.

    `validate` refuses, with a `UsageError`, what can be seen to be wrong before a model is loaded.
    `measure` asks and judges; it raises `NotMeasurable` where a model cannot be checked so.
    `conditions`: what it is known to ask, so that the processes of a run can share it, by whatever
    name `measure` wants them under. `nodes`: the levels that it judges, each a pytest node, by
    profile (none: one node). `judged`: in how many places it can fail by chance, where that is not
    the number of nodes. `pairs`: whether it judges the same draws under several conditions, by the
    threshold `paired_margin`; such a check can be gated.
    """

    measure: Measure = field(repr=False)
    validate: Validate | None = field(default=None, repr=False)
    conditions: Conditions | None = field(default=None, repr=False)
    nodes: Mapping[Profile, Sequence[Level]] | None = None
    judged: int | None = None
    pairs: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for levels in (self.nodes or {}).values():
            refuse_alike(levels, f"check {self}")

    def node_levels(self, profile: Profile) -> tuple[Level, ...]:
        return tuple(self.nodes[profile]) if self.nodes else ()

    def judged_levels(self, profile: Profile) -> int:
        return len(self.node_levels(profile)) if self.judged is None else self.judged

    @property
    def gated(self) -> bool:
        return self.pairs


def check(subject: Check | CheckSource) -> Callable[[F], F]:
    """Marks a test function as a check, or as that of all checks of a source; the plugin finds it
    by this mark, whatever its node id.

    Raises:
        ExtensionError: `subject` is no `Sweep`, `Survey` or `Measurement`, and no source.
    """
    import pytest

    if not isinstance(subject, Sweep | Survey | Measurement) and not hasattr(subject, "checks"):
        raise ExtensionError(
            f"check={subject!r} is no check; make a Sweep, a Survey or a Measurement of"
            " mimic_checks.checks.check"
        )
    return pytest.mark.vlm_check(subject)
