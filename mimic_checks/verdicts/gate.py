"""The paired gate: did a release lose what an earlier one could do?

With b cases lost and c gained of the n draws of a level, the drop is (b - c) / n. A level passes if
the exact upper bound of its drop (`paired.py`) is under the margin; it fails if the mirrored lower
bound is above it; else it is inconclusive. A pass must survive every answer without a prediction
counted against the release, a fail every one counted for it. All levels must pass, so
passing needs no correction; one level is enough to fail, so the p-values of failing are corrected
over the whole run. A second way to fail: answers that cannot be read any more, where the earlier
release's could.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from scipy.stats import binomtest

from mimic_checks.cases import OutcomeKind
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.paired import Paired

TESTS_PER_LEVEL = 2
"""Ways in which a level can fail: a drop, and answers that cannot be read."""
_SMALLEST_P = -12.0
"""As an exponent of ten: no p-value below it is told apart, and none is needed."""


Key = TypeVar("Key", bound=Hashable)
"""Whatever names a level of a check."""
Correction = Callable[[Sequence[float]], list[float]]
"""P-values of a run's tests, corrected for making them all."""


@dataclass(frozen=True, slots=True)
class GateRule:
    """What a check may lose. `margin`: share of cases; `min_cases`: fewer are never a pass or a
    fail; `error_ceiling`: a larger share of cases that raised (in either release) is never a pass
    or a fail; `unparseable_ceiling`: a larger rise of unreadable answers fails."""

    margin: float
    alpha: float
    min_cases: int
    error_ceiling: float
    unparseable_ceiling: float


class Answered(Protocol):
    """A case or group with what came of it: an outcome, or an item of a baseline."""

    @property
    def kind(self) -> OutcomeKind:
        """What came of it."""

    @property
    def answer(self) -> str:
        """The raw text."""


@dataclass(frozen=True, slots=True)
class LevelCounts:
    """The pairs of a level, counted: `plain` with answers without a prediction as wrong, `worst`
    with each of them against the release, `best` for it; `unreadable`: `lost` are those that became
    unparseable, `gained` those that no longer are."""

    plain: Paired
    worst: Paired
    best: Paired
    unreadable: Paired
    before_right: int
    after_right: int
    errors: int


@dataclass(frozen=True, slots=True)
class PairedVerdict:
    """A level's verdict with its reason; `note`: a drop that is proven, but inside the margin."""

    verdict: Verdict
    reason: str
    note: str = ""


def count(pairs: Sequence[tuple[Answered, Answered]], kind: type[Paired] = Paired) -> LevelCounts:
    """Counts the items of one level before and after, one pair per draw; `kind` decides which
    bounds they get."""
    n = len(pairs)
    before, after = [a.kind for a, _ in pairs], [b.kind for _, b in pairs]

    def flips(earlier: Sequence[bool], later: Sequence[bool]) -> Paired:
        both = list(zip(earlier, later, strict=True))
        return kind(sum(a and not b for a, b in both), sum(b and not a for a, b in both), n)

    def right(kinds: Sequence[OutcomeKind], doubtful: bool) -> list[bool]:
        """An unreadable answer that both gave is the same answer: neither lost nor gained, whatever
        it means."""
        return [
            outcome == "right"
            or (doubtful and outcome in ("unparseable", "error") and not _alike(*pair))
            for outcome, pair in zip(kinds, pairs, strict=True)
        ]

    return LevelCounts(
        plain=flips(right(before, False), right(after, False)),
        worst=flips(right(before, True), right(after, False)),
        best=flips(right(before, False), right(after, True)),
        unreadable=flips(
            [outcome == "unparseable" for outcome in after],
            [outcome == "unparseable" for outcome in before],
        ),
        before_right=before.count("right"),
        after_right=after.count("right"),
        errors=sum("error" in pair for pair in zip(before, after, strict=True)),
    )


def _alike(before: Answered, after: Answered) -> bool:
    return before.kind == after.kind == "unparseable" and before.answer == after.answer


def p_values(counts: LevelCounts, rule: GateRule) -> tuple[float, float]:
    """P-values of the two ways to fail, before any correction; 1 where the counts decide nothing
    (too few cases, too many errors)."""
    if undecided(counts, rule):
        return 1.0, 1.0
    return p_above(counts.best, rule.margin), p_above(counts.unreadable, rule.unparseable_ceiling)


@lru_cache(maxsize=100_000)
def p_above(change: Paired, margin: float) -> float:
    """The smallest error rate at which the lower bound of the drop is above the margin; 1 if none
    is."""
    if change.drop_at_least(1.0) <= margin:
        return 1.0
    low, high = _SMALLEST_P, 0.0  # exponents of ten
    for _ in range(40):
        middle = (low + high) / 2
        if change.drop_at_least(10.0**middle) > margin:
            high = middle
        else:
            low = middle
    return float(10.0**high)


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for testing them all (Holm 1979): reject those at or under alpha."""
    corrected, largest = [0.0] * len(p), 0.0
    for rank, k in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[k]))
        corrected[k] = largest
    return corrected


def undecided(counts: LevelCounts, rule: GateRule) -> str:
    """Why these cases can decide nothing; "" if they can."""
    n = counts.plain.n
    # Bounds that hold at all times need no minimum.
    if n < rule.min_cases and not counts.plain.anytime:
        return f"{n} cases are fewer than min_cases={rule.min_cases}"
    if counts.errors > rule.error_ceiling * n:
        return (
            f"{counts.errors} of {n} cases raised an error in one of the releases"
            f" (error_ceiling={rule.error_ceiling:g})"
        )
    return ""


def judge_pair(
    counts: LevelCounts, rule: GateRule, corrected: tuple[float, float]
) -> PairedVerdict:
    """The verdict of a level; `corrected` are its two p-values after correction over the run."""
    if why := undecided(counts, rule):
        return PairedVerdict("inconclusive", why)
    most, least = counts.worst.drop_at_most(rule.alpha), counts.best.drop_at_least(rule.alpha)
    n = counts.plain.n
    flips = f"{counts.plain.lost} lost, {counts.plain.gained} gained of {n}"
    if corrected[1] <= rule.alpha:
        rise = (
            f"{counts.unreadable.lost} answers can no longer be read, {counts.unreadable.gained}"
            f" can again, of {n}"
        )
        return PairedVerdict(
            "fail", f"{rise}: a rise above {_points(rule.unparseable_ceiling)} is proven"
        )
    if corrected[0] <= rule.alpha:
        return PairedVerdict(
            "fail",
            f"regressed by more than {_points(rule.margin)} (at least {_points(least)}: {flips})",
        )
    if most < rule.margin:
        note = (
            f"a drop inside the margin is proven (at least {_points(least)})" if least > 0 else ""
        )
        return PairedVerdict(
            "pass",
            f"lost less than {_points(rule.margin)} (at most {_points(most)}: {flips})",
            note,
        )
    return PairedVerdict(
        "inconclusive",
        f"the drop is between {_points(least)} and {_points(most)}, the margin"
        f" {_points(rule.margin)} ({flips})",
    )


@dataclass(frozen=True, slots=True)
class JudgedLevel:
    """A level's verdict; `p` and `p_corrected`: the smaller of its two p-values, before and after
    correction over the run."""

    counts: LevelCounts
    p: float
    p_corrected: float
    verdict: PairedVerdict


def judge_together(
    levels: Mapping[Key, tuple[LevelCounts, GateRule]], correct: Correction = holm
) -> dict[Key, JudgedLevel]:
    """The verdicts of all levels of a run, p-values corrected together."""
    plain = {key: p_values(counts, rule) for key, (counts, rule) in levels.items()}
    flat = correct([p for both in plain.values() for p in both])
    corrected = {key: (flat[2 * k], flat[2 * k + 1]) for k, key in enumerate(plain)}
    return {
        key: JudgedLevel(
            counts, min(plain[key]), min(corrected[key]), judge_pair(counts, rule, corrected[key])
        )
        for key, (counts, rule) in levels.items()
    }


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Fail wins, then inconclusive."""
    distinct = set(verdicts)
    if "fail" in distinct:
        return "fail"
    return "inconclusive" if "inconclusive" in distinct else "pass"


def smallest_passing_pairs(rule: GateRule) -> int:
    """The fewest cases with which a release that changes nothing passes."""
    n = max(1, rule.min_cases)
    while upper(0, n, rule.alpha / 2) - lower(0, n, rule.alpha / 2) >= rule.margin:
        n += 1
    return n


def mcnemar(change: Paired) -> float:
    """McNemar's exact two-sided p: as likely lost as gained? For information; decides nothing."""
    flips = change.lost + change.gained
    return float(binomtest(change.lost, flips).pvalue) if flips else 1.0


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
