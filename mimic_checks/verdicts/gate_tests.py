"""What two releases' answers prove of a level, and of a check over its levels: p-values.

Doubt is borne by each verdict: p-values of passing count every answer without a prediction against
the release, those of failing count every one for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mimic_checks.cases import OutcomeKind
from mimic_checks.verdicts.evidence import AT_ANY_TIME, FIXED_NUMBER, Bounds, Evidence
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.pairs import Pairs, right


class Answered(Protocol):
    """A case or group with what came of it: an outcome, or an item of a baseline."""

    @property
    def kind(self) -> OutcomeKind:
        """What came of it."""

    @property
    def answer(self) -> str:
        """The raw text."""


@dataclass(frozen=True, slots=True)
class LevelPairs:
    """The draws of a level, before and after: `plain` with answers without a prediction as wrong,
    `worst` with each of them against the release, `best` for it; `unreadable`: `lost` are those
    that became unparseable, `gained` those that no longer are; `errors`: draws that raised in
    either."""

    plain: Pairs
    worst: Pairs
    best: Pairs
    unreadable: Pairs
    errors: int


@dataclass(frozen=True, slots=True)
class LevelTests:
    """P-values of a level, before any correction: that it `passes` (lost less than its margin),
    that it `fails` (lost more), that unparseable answers rose above their ceiling (`unreadable`).
    All are 1 where nothing can be decided, and `undecided` says why."""

    passes: float
    fails: float
    unreadable: float
    undecided: str = ""


@dataclass(frozen=True, slots=True)
class MeanTests:
    """P-values of the mean drop of a check over its levels; 1 where one of them is undecided."""

    passes: float
    fails: float


@dataclass(frozen=True, slots=True)
class CheckTests:
    """The tests of a check; no `mean` where the rule wants none, or there is none: its levels have
    different numbers of draws."""

    levels: tuple[LevelTests, ...]
    mean: MeanTests | None = None


def evidence_of(*, anytime: bool) -> Evidence:
    """How the draws of a check are weighed that is looked at again and again, or once."""
    return AT_ANY_TIME if anytime else FIXED_NUMBER


def level_pairs(items: Sequence[tuple[Answered, Answered]]) -> LevelPairs:
    """The items of one level before and after, one pair per draw, in the order in which they were
    asked."""
    before, after = [a.kind for a, _ in items], [b.kind for _, b in items]
    # An unreadable answer that both gave is the same answer, whatever it means.
    alike = [a.kind == b.kind == "unparseable" and a.answer == b.answer for a, b in items]

    def doubted(kinds: Sequence[OutcomeKind]) -> tuple[bool, ...]:
        """Which are right if those without a prediction are, but for the same answers."""
        told = zip(kinds, right(kinds, doubtful=True), alike, strict=True)
        return tuple(kind == "right" or (is_right and not same) for kind, is_right, same in told)

    return LevelPairs(
        plain=Pairs(right(before), right(after)),
        worst=Pairs(doubted(before), right(after)),
        best=Pairs(right(before), doubted(after)),
        unreadable=Pairs(_unparseable(after), _unparseable(before)),
        errors=sum("error" in pair for pair in zip(before, after, strict=True)),
    )


def _unparseable(kinds: Sequence[OutcomeKind]) -> tuple[bool, ...]:
    return tuple(kind == "unparseable" for kind in kinds)


def errors_above(pairs: LevelPairs, rule: GateRule) -> bool:
    """Whether more cases raised an error than the ceiling allows."""
    return pairs.errors > rule.error_ceiling * pairs.plain.n


def undecided(pairs: LevelPairs, rule: GateRule, evidence: Evidence) -> str:
    """Why these cases can decide nothing; "" if they can."""
    n = pairs.plain.n
    if n < rule.min_cases and not evidence.anytime:
        return f"{n} cases are fewer than min_cases={rule.min_cases}"
    if errors_above(pairs, rule):
        return (
            f"{pairs.errors} of {n} cases raised an error in one of the releases"
            f" (error_ceiling={rule.error_ceiling:g})"
        )
    return ""


def level_tests(pairs: LevelPairs, rule: GateRule, evidence: Evidence) -> LevelTests:
    """The p-values of a level."""
    if why := undecided(pairs, rule, evidence):
        return LevelTests(1.0, 1.0, 1.0, why)
    return LevelTests(
        passes=evidence.drop_below(pairs.worst, rule.of_a_level),
        fails=evidence.drop_above(pairs.best, rule.of_a_level),
        unreadable=evidence.drop_above(pairs.unreadable, rule.unparseable_ceiling),
    )


def check_tests(levels: Sequence[LevelPairs], rule: GateRule, evidence: Evidence) -> CheckTests:
    """The p-values of a check, whose levels have the same draws in the same order."""
    tested = tuple(level_tests(pairs, rule, evidence) for pairs in levels)
    if not rule.has_mean or not has_mean(levels):
        return CheckTests(tested)
    if any(level.undecided for level in tested):
        return CheckTests(tested, MeanTests(1.0, 1.0))
    return CheckTests(
        tested,
        mean_tests(
            [level.worst for level in levels], [level.best for level in levels], rule, evidence
        ),
    )


def mean_tests(
    worst: Sequence[Pairs], best: Sequence[Pairs], rule: GateRule, evidence: Evidence
) -> MeanTests:
    """The p-values of a check's mean drop, from the pairs of its levels."""
    if len(worst) == 1:
        return MeanTests(
            evidence.drop_below(worst[0], rule.margin), evidence.drop_above(best[0], rule.margin)
        )
    return MeanTests(
        evidence.mean_drop_below(mean_drops(worst), rule.margin),
        evidence.mean_drop_above(mean_drops(best), rule.margin),
    )


def has_mean(levels: Sequence[LevelPairs]) -> bool:
    """Whether every draw has a score: all levels have as many."""
    return len({level.plain.n for level in levels}) == 1


def mean_drops(levels: Sequence[Pairs]) -> list[float]:
    """One score per draw: the mean of its drops over the levels."""
    scores: list[float] = np.mean([level.drops for level in levels], axis=0).tolist()
    return scores


def level_bounds(pairs: LevelPairs, evidence: Evidence, alpha: float) -> Bounds:
    """Bounds of a level's drop, each for the verdict that rests on it."""
    return evidence.drop_at_least(pairs.best, alpha), evidence.drop_at_most(pairs.worst, alpha)


def mean_bounds(levels: Sequence[LevelPairs], evidence: Evidence, alpha: float) -> Bounds:
    """Bounds of a check's mean drop, each for the verdict that rests on it."""
    if len(levels) == 1:
        return level_bounds(levels[0], evidence, alpha)
    best, worst = ([getattr(level, side) for level in levels] for side in ("best", "worst"))
    return (
        evidence.mean_drop_bounds(mean_drops(best), alpha)[0],
        evidence.mean_drop_bounds(mean_drops(worst), alpha)[1],
    )
