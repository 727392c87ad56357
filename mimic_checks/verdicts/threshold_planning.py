"""What the thresholds will say of a sweep before anything is asked: models simulated that keep at
every level what they can do at the reference, but for flips."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from mimic_checks.verdicts.betting import Floats
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.planning import looks_of
from mimic_checks.verdicts.policy import Asked
from mimic_checks.verdicts.simulated import Bracketed, Flips, p_at_any_time
from mimic_checks.verdicts.thresholds import Thresholds

HISTORIES = 1000

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ThresholdPlan:
    """The probability that such a model passes a check, and the draws after which it has on
    average: all of them, if never."""

    passes: float
    draws: float


@lru_cache(maxsize=200)
def plan_thresholds(
    asked: Asked, thresholds: Thresholds, rate: float, flips: Flips, histories: int = HISTORIES
) -> ThresholdPlan:
    """What to expect of a check of a model that is right in `rate` of the reference's cases."""
    reference, levels = answered(asked, rate, flips, histories)
    looks = looks_of(asked.cases) if asked.anytime else [asked.cases]
    judge = _at_any_time if asked.anytime else _fixed
    passed = judge(reference, levels, thresholds, np.array(looks) - 1)
    ever = passed.any(1)
    draws = np.where(ever, np.array(looks)[passed.argmax(1)], asked.cases)
    return ThresholdPlan(float(ever.mean()), float(draws.mean()))


def answered(asked: Asked, rate: float, flips: Flips, histories: int) -> tuple[Bools, Bools]:
    """Whether draws are right: at the reference [histories, draws], and at the other levels
    [histories, levels, draws], where as many flip each way."""
    generator = np.random.default_rng(2)
    reference = generator.random((histories, asked.cases)) < rate
    others = max(0, asked.levels - 1)
    rows = others if flips.joint == "independent" else min(1, others)
    at = generator.random((histories, rows, asked.cases))
    share = np.where(reference, flips.share / rate, flips.share / max(1 - rate, flips.share))
    flipped = np.repeat(at < share[:, None], others // max(rows, 1), axis=1)
    return reference, reference[:, None] ^ flipped


def _fixed(reference: Bools, levels: Bools, thresholds: Thresholds, _at: object) -> Bools:
    alpha, floor = thresholds.alpha, thresholds.reference_floor
    n = reference.shape[1]

    @cache
    def shows(right: int) -> bool:
        return FIXED_NUMBER.rate_above((True,) * right + (False,) * (n - right), floor) <= alpha

    @cache
    def retains(known: int) -> Bracketed:
        def p(gained: int, lost: int) -> float:
            kept = known - lost - gained
            before = (True,) * (kept + lost) + (False,) * gained
            after = (True,) * kept + (False,) * lost + (True,) * gained
            return FIXED_NUMBER.retains(Pairs(before, after), thresholds.retention)

        return Bracketed(p, alpha)

    lost, gained = (reference[:, None] & ~levels).sum(-1), (~reference[:, None] & levels).sum(-1)
    right = reference.sum(-1)
    passed = [
        shows(int(r))
        and all(retains(int(r) + c)(c, b) <= alpha for b, c in zip(bs, cs, strict=True))
        for r, bs, cs in zip(right, lost.tolist(), gained.tolist(), strict=True)
    ]
    return np.array(passed)[:, None]


def _at_any_time(
    reference: Bools, levels: Bools, thresholds: Thresholds, at: NDArray[np.int64]
) -> Bools:
    share = thresholds.retention
    wrong = (~reference).astype(float)
    shows = p_at_any_time(wrong, 1 - thresholds.reference_floor)[:, at]
    short: Floats = share * reference[:, None].astype(float) - levels
    retains = p_at_any_time(short, 0.0, most=share)[..., at]
    passed: Bools = (shows <= thresholds.alpha) & (retains <= thresholds.alpha).all(1)
    return passed
