"""Is the gate right when it says pass, and when it says fail? Simulated releases with a known drop.

    python -m bench.gate

10,000 histories per row, margin 5 points, alpha 5 % per side. Ours on a fixed number of cases, ours
looked at after every 16 cases (at most 400), and, as a peer does it, a normal interval accepted
from ten pairs, which has no width when nothing flips. An error rate is marked *wrong* if it is
proven (one-sided 99 % Clopper-Pearson) to be above its nominal level. The last table: no change at
all, 20 checks of 4 levels each, 2 % of the answers flip either way: how often does any of them
fail?
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cache

import numpy as np
from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.sequential import log_wealth_above, log_wealth_below
from numpy.typing import NDArray

from mimic_checks.verdicts.gate import holm, p_above
from mimic_checks.verdicts.intervals import lower

HISTORIES, MARGIN, ALPHA, CAP, LOOK = 10_000, 0.05, 0.05, 400, 16
CHECKS, LEVELS = 20, 4
TRUTHS = (
    ("no change, nothing flips", 0.0, 0.0),
    ("no change, 2 % flip either way", 0.02, 0.02),
    ("lost 5 points, nothing gained", 0.05, 0.0),
    ("lost 5 points, 2 % flip back", 0.07, 0.02),
    ("lost 10 points, 2 % flip back", 0.12, 0.02),
    ("lost 20 points, nothing gained", 0.20, 0.0),
    ("lost 20 points, 2 % flip back", 0.22, 0.02),
    ("lost 40 points, 2 % flip back", 0.42, 0.02),
)
Counts = NDArray[np.int64]
Verdicts = tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]
"""Passed, failed, cases used, per history."""


def fixed(lost: Counts, gained: Counts, n: int) -> Verdicts:
    """Ours, on the first n cases."""

    @cache
    def judged(b: int, c: int) -> tuple[bool, bool]:
        change = Paired(b, c, n)
        return change.drop_at_most(ALPHA) < MARGIN, change.drop_at_least(ALPHA) > MARGIN

    verdicts = np.array(
        [judged(int(b), int(c)) for b, c in zip(lost[:, n - 1], gained[:, n - 1], strict=True)]
    )
    return verdicts[:, 0], verdicts[:, 1], np.full(len(lost), n)


def sequential(lost: Counts, gained: Counts, cap: int) -> Verdicts:
    """Ours, looked at after every batch."""
    looks = np.arange(LOOK, cap + 1, LOOK)
    b, c = lost[:, looks - 1], gained[:, looks - 1]
    passed = log_wealth_below(b, c, looks, MARGIN) >= -math.log(ALPHA)
    failed = log_wealth_above(b, c, looks, MARGIN) >= -math.log(ALPHA)
    decided = passed | failed
    stop = np.where(decided.any(1), decided.argmax(1), len(looks) - 1)
    rows = np.arange(len(lost))
    return passed[rows, stop], failed[rows, stop], looks[stop]


def wald(lost: Counts, gained: Counts, n: int) -> Verdicts:
    """A peer's: mean plus or minus 1.96 standard errors of the paired differences."""
    b, c = lost[:, n - 1], gained[:, n - 1]
    mean = (b - c) / n
    half = 1.96 * np.sqrt(np.maximum(0.0, (b + c) / n - mean**2) / (n - 1))
    return mean + half < MARGIN, mean - half > MARGIN, np.full(len(lost), n)


METHODS: tuple[tuple[str, Callable[[Counts, Counts, int], Verdicts], int], ...] = (
    ("ours, 200 cases", fixed, 200),
    ("ours, 400 cases", fixed, 400),
    ("ours, sequential to 400", sequential, CAP),
    ("normal interval, 10 pairs", wald, 10),
    ("normal interval, 100 pairs", wald, 100),
)


def main() -> None:
    began = time.perf_counter()
    print("| truth | gate | passes | fails | inconclusive | cases on average | error rate |")
    print("|---|---|---|---|---|---|---|")
    for number, (name, b, c) in enumerate(TRUTHS):
        kinds = np.random.default_rng(number).choice(3, (HISTORIES, CAP), p=[b, c, 1 - b - c])
        lost, gained = (kinds == 0).cumsum(1), (kinds == 1).cumsum(1)
        for method, judge, n in METHODS:
            passed, failed, used = judge(lost, gained, n)
            # At a drop of just the margin, both verdicts are wrong.
            rates = []
            if b - c >= MARGIN:
                rates.append(_rate("pass", passed))
            if b - c <= MARGIN:
                rates.append(_rate("fail", failed))
            print(
                f"| {name} | {method} | {passed.mean():.1%} | {failed.mean():.1%} |"
                f" {1 - (passed | failed).mean():.1%} | {used.mean():.0f} | {', '.join(rates)} |"
            )
    print("\n| no change, 80 levels, 2 % flip either way | any false fail |")
    print("|---|---|")
    for method, wrong in family(np.random.default_rng(99)).items():
        print(f"| {method} | {_rate('fail', wrong)} |")
    print(f"\n{HISTORIES} histories a row, {time.perf_counter() - began:.0f} s")


def family(generator: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    """Whether any of the levels fails, per history of a whole run."""
    levels, n = CHECKS * LEVELS, 200
    flips = generator.multinomial(n, [0.02, 0.02, 0.96], (HISTORIES, levels))

    @cache
    def p(b: int, c: int) -> float:
        return p_above(Paired(b, c, n), MARGIN)

    by_p = np.array([[p(int(b), int(c)) for b, c, _ in run] for run in flips])
    mean = (flips[..., 0] - flips[..., 1]) / n
    half = 1.96 * np.sqrt(np.maximum(0.0, (flips[..., 0] + flips[..., 1]) / n - mean**2) / (n - 1))
    return {
        "ours, 200 cases, Holm": np.array([min(holm(list(run))) <= ALPHA for run in by_p]),
        "ours, 200 cases, uncorrected": (by_p <= ALPHA).any(1),
        "normal interval above zero, 200 pairs, uncorrected": (mean - half > 0).any(1),
    }


def _rate(kind: str, wrong: NDArray[np.bool_]) -> str:
    number = int(wrong.sum())
    mark = "" if lower(number, len(wrong), 0.01) <= ALPHA else ", **wrong**"
    return f"false {kind} {number / len(wrong):.2%}{mark}"


if __name__ == "__main__":
    main()
