"""How many cases a level of the gate needs: a fixed number, or as many as it takes.

Both plans are simulated; which one is cheaper depends on how many answers flip without any change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from mimic_checks.errors import InvalidArgument
from mimic_checks.verdicts.sequential import log_wealth_above, log_wealth_below

HISTORIES, STEP, LOOK, MOST = 2000, 10, 20, 4000
BROKEN = 0.2
"""The drop of a plainly broken release, for which the sequential plan is shown as well."""


History = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Cases lost and gained so far, per simulated history, after every `STEP` cases."""


@dataclass(frozen=True, slots=True)
class SequentialPlan:
    """Cases at most (to reach the power), on average for an unchanged release, and for one that
    lost `BROKEN`."""

    cap: int
    mean_unchanged: float
    mean_broken: float


def plan_lines(*, margin: float, alpha: float, flips: float, power: float) -> list[str]:
    """Both plans in words.

    Raises:
        InvalidArgument: a share outside its range, or a plan that needs more than `MOST` cases a
            level.
    """
    for name, value, high in (
        ("margin", margin, 1.0),
        ("alpha", alpha, 0.5),
        ("power", power, 1.0),
    ):
        if not 0 < value < high:
            raise InvalidArgument(name, value, allowed=f"(0, {high:g})")
    if not 0 <= flips < 0.5 - BROKEN / 2:
        raise InvalidArgument("flips", flips, allowed=f"[0, {0.5 - BROKEN / 2:g})")
    unchanged, broken = history_of(flips, flips, 0), history_of(flips + BROKEN, flips, 1)
    n = fixed_plan(unchanged, margin, alpha, power)
    early = sequential_plan(unchanged, broken, margin, alpha, power)
    cheaper = "sequential" if early.mean_unchanged < n else "fixed"
    return [
        (
            f"margin {100 * margin:g} points, alpha {alpha:g} a side, {100 * flips:g} % of the"
            " answers flip either way without any change;"
        ),
        f"an unchanged release passes a level with probability {power:g} with",
        f"  a fixed number:        {n} cases",
        (
            f"  --vlm-sequential:      {early.mean_unchanged:.0f} cases on average, {early.cap} at"
            f" most; a release that lost {100 * BROKEN:g} points: {early.mean_broken:.0f}"
        ),
        f"cheaper for an unchanged release: {cheaper}",
    ]


def fixed_plan(history: History, margin: float, alpha: float, power: float) -> int:
    """The fewest cases (in steps of `STEP`) with which the exact bound passes often enough, from
    there on."""
    looks, (b, c) = np.arange(STEP, MOST + 1, STEP), history
    upper = np.where(b == looks, 1.0, beta.isf(alpha / 2, b + 1, np.maximum(looks - b, 1)))
    lower = np.where(c == 0, 0.0, beta.ppf(alpha / 2, np.maximum(c, 1), looks - c + 1))
    enough = (upper - lower < margin).mean(0) >= power
    return int(looks[_from_there_on(enough, margin)])


def sequential_plan(
    unchanged: History, broken: History, margin: float, alpha: float, power: float
) -> SequentialPlan:
    """The fewest cases at most with which looking early passes often enough, and what it costs on
    average."""
    looks = np.arange(LOOK, MOST + 1, LOOK)
    stops = []
    for history in (unchanged, broken):
        b, c = (side[:, LOOK // STEP - 1 :: LOOK // STEP] for side in history)
        passed = log_wealth_below(b, c, looks, margin) >= -math.log(alpha)
        failed = log_wealth_above(b, c, looks, margin) >= -math.log(alpha)
        stops.append(
            (
                passed,
                np.where((passed | failed).any(1), (passed | failed).argmax(1), len(looks) - 1),
            )
        )
    passed, stop = stops[0]
    by_look = np.array(
        [(passed[np.arange(len(stop)), stop] & (stop <= k)).mean() for k in range(len(looks))]
    )
    cap = int(looks[_from_there_on(by_look >= power, margin)])
    return SequentialPlan(
        cap,
        float(np.minimum(looks[stop], cap).mean()),
        float(np.minimum(looks[stops[1][1]], cap).mean()),
    )


def _from_there_on(enough: NDArray[np.bool_], margin: float) -> int:
    """The first look from which all are enough."""
    if not enough[-1]:
        raise InvalidArgument(
            "margin",
            margin,
            allowed=(
                f"a wider margin, or fewer flips: more than {MOST} cases a level would be needed"
            ),
        )
    too_few = np.flatnonzero(~enough)
    return int(too_few[-1]) + 1 if len(too_few) else 0


def history_of(lost: float, gained: float, seed: int) -> History:
    """Simulated releases that lose and gain these shares of the cases."""
    kinds = np.random.default_rng(seed).multinomial(
        STEP, [lost, gained, 1 - lost - gained], (HISTORIES, MOST // STEP)
    )
    return kinds[..., 0].cumsum(1), kinds[..., 1].cumsum(1)
