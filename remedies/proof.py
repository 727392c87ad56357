"""What a proof has found, as `proof.json` stores it.

A trained variant has one adapter per seed. Its change is the mean over seeds; the interval is the
mean of the seeds' exact paired intervals, each at alpha / seeds, so the statement about the mean is
wrong with probability alpha at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mimic_checks.cases import Case, Outcome
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.files import Stored
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.pairs import paired
from remedies.behaviours import role_of

ALPHA = 0.05
GUARD_MARGIN = 0.03
KEPT_MARGIN = 0.05
FLIPPED_SHOWN = 3
"""Flipped cases that the report shows in full, per variant, target and direction."""

GuardVerdict = Literal["kept", "lost", "inconclusive"]
Direction = Literal["gained", "lost"]


class Rate(Stored):
    """Right answers of one adapter (or of the base) at one level, with an exact 95 % interval."""

    right: int
    n: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of right answers."""
        return self.right / self.n


class LevelChange(Stored):
    """One level of one variant.

    A rate per seed, and the change against the base (above zero: better) with its interval; `lost`
    and `gained` count flipped cases per seed.
    """

    level: str
    role: str | None
    rates: tuple[Rate, ...]
    change: float
    low: float
    high: float
    lost: tuple[int, ...]
    gained: tuple[int, ...]
    verdict: GuardVerdict | None = None

    @property
    def rate(self) -> float:
        """Mean over seeds."""
        return sum(rate.rate for rate in self.rates) / len(self.rates)


class Flip(Stored):
    """A case that a variant's first seed answers otherwise than the base."""

    level: str
    case: Case
    before: str
    after: str
    direction: Direction


class VariantResult(Stored):
    """One variant over all levels.

    `ratio`: mean of the target rates against the base's, with an interval; None where the base has
    no right answer to divide by.
    """

    name: str
    what: str
    seeds: tuple[int, ...]
    levels: tuple[LevelChange, ...]
    ratio: float | None
    ratio_low: float
    ratio_high: float | None
    train_seconds: tuple[float, ...] = ()
    flips: tuple[Flip, ...] = ()


class Proof(Stored):
    """Everything that `proof.html` shows.

    `held_out`: (variant, task, rate on held-out pairs, n, rate on others, n).
    """

    model: str
    catalog: str
    data: str
    seed: int
    command: str
    budget: str
    base: tuple[tuple[str, Rate], ...]
    variants: tuple[VariantResult, ...]
    held_out: tuple[tuple[str, str, float, int, float, int], ...] = ()
    identity: dict[str, Any] = Field(default_factory=dict)


def rate(outcomes: Sequence[Outcome], alpha: float = ALPHA) -> Rate:
    """Right answers with a two-sided Clopper-Pearson interval."""
    right, n = sum(outcome.kind == "right" for outcome in outcomes), len(outcomes)
    return Rate(right=right, n=n, low=lower(right, n, alpha / 2), high=upper(right, n, alpha / 2))


def level_change(
    level: str, before: Sequence[Outcome], after: Sequence[Sequence[Outcome]]
) -> LevelChange:
    """The change of one level; `after` holds one list of outcomes per seed."""
    # Every seed's interval has its share of alpha, so with probability 1 - alpha all hold together,
    # and then the mean of their ends encloses the mean of the changes.
    pairs = [paired(before, outcomes) for outcomes in after]
    share = ALPHA / len(pairs)
    bounds = [FIXED_NUMBER.drop_bounds(pair, share / 2) for pair in pairs]
    # A pair measures the drop, a level shows the change: the bounds change sign and places.
    low, high = (-float(np.mean([bound[k] for bound in bounds])) for k in (1, 0))
    role = role_of(level)
    margin = {"guard": GUARD_MARGIN, "kept": KEPT_MARGIN}.get(role or "")
    verdict: GuardVerdict | None = None
    if margin is not None:
        most, least = (
            float(np.mean([bound(pair, share) for pair in pairs]))
            for bound in (FIXED_NUMBER.drop_at_most, FIXED_NUMBER.drop_at_least)
        )
        verdict = "kept" if most <= margin else "lost" if least > margin else "inconclusive"
    return LevelChange(
        level=level,
        role=role,
        rates=tuple(rate(outcomes) for outcomes in after),
        change=-float(np.mean([pair.drop for pair in pairs])),
        low=low,
        high=high,
        lost=tuple(pair.lost for pair in pairs),
        gained=tuple(pair.gained for pair in pairs),
        verdict=verdict,
    )


def target_ratio(
    before: Mapping[str, Sequence[Outcome]], after: Sequence[Mapping[str, Sequence[Outcome]]]
) -> tuple[float | None, float, float | None]:
    """Mean target rate after (over seeds) as a multiple of that before: (ratio, low, high).

    The ratio is None where the base has no right answer to divide by, the upper end where the
    base's rate may be zero.
    """
    targets = [level for level in before if role_of(level) == "target"]
    # The ends divide one bound by another, so all of them must hold together: each has its share of
    # alpha.
    share = ALPHA / (len(targets) * (len(after) + 1))
    base, base_low, base_high = _mean_rate([rate(before[level], share) for level in targets])
    mean, mean_low, mean_high = _mean_rate(
        [rate(outcomes[level], share) for outcomes in after for level in targets]
    )
    return (
        (mean / base if base else None),
        mean_low / base_high,
        (mean_high / base_low if base_low else None),
    )


def _mean_rate(rates: Sequence[Rate]) -> tuple[float, float, float]:
    rows = np.array([(rate.rate, rate.low, rate.high) for rate in rates])
    mean, low, high = (float(np.mean(column)) for column in rows.T)
    return mean, low, high


def flips(level: str, before: Sequence[Outcome], after: Sequence[Outcome]) -> list[Flip]:
    """The first flipped cases of a level, in both directions, in the order drawn."""
    directions: dict[Direction, tuple[bool, bool]] = {
        "gained": (False, True),
        "lost": (True, False),
    }
    shown: list[Flip] = []
    for direction, was_and_is_right in directions.items():
        flipped = [
            (a, b)
            for a, b in zip(before, after, strict=True)
            if (a.kind == "right", b.kind == "right") == was_and_is_right
        ]
        shown += [
            Flip(level=level, case=a.case, before=a.answer, after=b.answer, direction=direction)
            for a, b in flipped[:FLIPPED_SHOWN]
        ]
    return shown


def held_out_slice(
    outcomes: Sequence[Outcome], involved: NDArray[np.bool_]
) -> tuple[float, int, float, int]:
    """Rates on cases that show a held-out pair and on the others: (rate, n, rate, n)."""
    right = np.array([outcome.kind == "right" for outcome in outcomes])
    with_pair, others = right[involved], right[~involved]
    return (
        float(with_pair.mean()) if len(with_pair) else 0.0,
        len(with_pair),
        float(others.mean()) if len(others) else 0.0,
        len(others),
    )
