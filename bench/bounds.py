"""Which bounds waste no cases? False passes at the margin, and passes of an unchanged release.

    python -m bench.bounds

Of each rule the probability, by summation over all outcomes (draws are independent), or, of rules
that depend on more than the numbers of lost and gained draws, over simulated histories. The last
tables: the rate of false proofs over all that P(gained) may be, 0.1 to 30 points above its least;
how long a level of 2,000 draws takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from mimic_checks.verdicts import score_test
from mimic_checks.verdicts.betting import log_evidence_below
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.intervals import empirical_bernstein, lower, upper
from mimic_checks.verdicts.pairs import Pairs

ALPHA, HISTORIES, SHARE, KEPT = 0.05, 10_000, 0.8, 0.9
FLIPS = (0.0, 0.005, 0.01, 0.02, 0.05)
Rule = Callable[[int, int, int, float, float], bool]
"""Whether so many lost and gained of n prove that P(lost) - ratio * P(gained) is below a margin."""
Rates = tuple[float, float]
"""P(lost), P(gained)."""


def exact(lost: int, gained: int, n: int, margin: float, ratio: float) -> bool:
    """Ours."""
    return score_test.p_below(lost, gained, n, margin, ratio) <= ALPHA


def plain(lost: int, gained: int, n: int, margin: float, ratio: float) -> bool:
    """The same score, with the normal distribution for its p-value (Tango's interval)."""
    score = score_test._score(np.array(lost), np.array(gained), n, margin, ratio)
    return n > 0 and bool(score <= norm.ppf(ALPHA))


def clopper_pearson(lost: int, gained: int, n: int, margin: float, _: float) -> bool:
    """Of each rate a bound at half of alpha: what the gate did before."""
    return upper(lost, n, ALPHA / 2) - lower(gained, n, ALPHA / 2) < margin


def bernstein(lost: int, gained: int, n: int, margin: float, _: float) -> bool:
    """Empirical Bernstein, of drops brought to [0, 1]."""
    scores = [1.0] * lost + [0.0] * gained + [0.5] * (n - lost - gained)
    return 2 * empirical_bernstein(scores, 2 * ALPHA)[1] - 1 < margin


def passes(rule: Rule, n: int, margin: float, ratio: float, rates: list[Rates]) -> list[float]:
    """How often the rule is satisfied, by summation over the gains; it is so up to a number of
    losses that does not fall with them."""
    most = int(max(binom.isf(1e-7, n, gained) for _, gained in rates))
    edges, edge = [], -1
    for gained in range(most + 1):
        while edge < n - gained and rule(edge + 1, gained, n, margin, ratio):
            edge += 1
        edges.append(edge)
    gains = np.arange(most + 1)
    return [
        float(binom.pmf(gains, n, g) @ binom.cdf(edges, n - gains, lost / (1 - g)))
        for lost, g in rates
    ]


def betting(scores: NDArray[np.float64], mean: float, most: float = 1.0) -> float:
    """How often ours, which may be looked at after every draw, has passed at the end."""
    return float((log_evidence_below(scores, mean, most)[:, -1] >= -np.log(ALPHA)).mean())


def drops(n: int, margin: float, flips: float) -> str:
    """A row: the rates at which each rule passes at the margin, and without a change."""
    rates = [(margin + flips, flips), (flips, flips)]
    cells = [
        passes(rule, n, margin, 1.0, rates) for rule in (exact, clopper_pearson, bernstein, plain)
    ]
    generator = np.random.default_rng(n)
    histories = [
        generator.choice([1.0, -1.0, 0.0], (HISTORIES, n), p=[lost, g, 1 - lost - g])
        for lost, g in rates
    ]
    cells.insert(2, [betting(history, margin) for history in histories])
    return f"| {margin} | {n} | {flips:.1%} | {_row(cells)} |"


def retention(n: int, reference: float, flips: float) -> str:
    """The same for keeping `SHARE` of the rate of the reference; and where `KEPT` of it is kept."""
    truths = [((1 - share) * reference + flips, flips) for share in (SHARE, KEPT)]
    gained = flips
    ever = reference + gained
    numbers = np.arange(int(binom.ppf(1e-5, n, ever)), int(binom.isf(1e-5, n, ever)) + 1)
    shares = [(lost / ever, gained / ever) for lost, gained in truths]
    cells = []
    for rule in (exact, plain):
        each = np.array([passes(rule, int(m), 1 - SHARE, SHARE, shares) for m in numbers])
        cells.append((binom.pmf(numbers, n, ever) @ each).tolist())
    others = []
    for lost, _ in truths:
        p = [reference - lost, lost, gained, 1 - ever]
        kinds = np.random.default_rng(n).choice(4, (HISTORIES, n), p=p)
        before, after = kinds <= 1, (kinds == 0) | (kinds == 2)
        others.append(
            (
                _four_bounds(before.sum(1), after.sum(1), n, ALPHA / 4),
                _four_bounds(before.sum(1), after.sum(1), n, ALPHA / 2),
                betting(SHARE * before - after, 0.0, SHARE),
            )
        )
    four, two, bets = ([one, other] for one, other in zip(*others, strict=True))
    return f"| {reference} | {n} | {flips:.1%} | {_row([cells[0], four, two, bets, cells[1]])} |"


def sizes(name: str, n: int, margin: float, ratio: float) -> str:
    """A row: the smallest and the largest rate of false proofs, over what P(gained) may be."""
    least = max(0.0, -margin / ratio)
    rates = [(margin + ratio * g, g) for g in np.linspace(least, least + 0.3, 301)[1:]]
    cells = []
    for rule in (exact, plain):
        wrong = passes(rule, n, margin, ratio, [rate for rate in rates if sum(rate) < 1])
        cells += [f"{min(wrong):.2%}", f"{max(wrong):.2%}"]
    return f"| {name} | {n} | {' | '.join(cells)} |"


def _four_bounds(
    before: NDArray[np.int64], after: NDArray[np.int64], n: int, alpha: float
) -> float:
    """How often the lower bound of one rate is the share of the upper of the other."""

    @cache
    def passed(one: int, other: int) -> bool:
        return lower(other, n, alpha) >= SHARE * upper(one, n, alpha)

    return float(np.mean([passed(int(b), int(a)) for b, a in zip(before, after, strict=True)]))


def _row(cells: list[list[float]]) -> str:
    return " | ".join(f"{wrong:.1%} / {power:.0%}" for wrong, power in cells)


def seconds(lost: int, gained: int, n: int) -> str:
    """A row: what a p-value and all bounds of a level take."""
    pairs = Pairs(
        tuple(k >= gained for k in range(n)),
        tuple(not gained <= k < gained + lost for k in range(n)),
    )
    assert (pairs.lost, pairs.gained) == (lost, gained)
    times = []
    for asked in (
        lambda: FIXED_NUMBER.drop_below(pairs, 0.05),
        lambda: FIXED_NUMBER.drop_bounds(pairs, ALPHA),
        lambda: FIXED_NUMBER.retained_bounds(pairs, ALPHA),
    ):
        score_test.p_below.cache_clear()
        began = time.perf_counter()
        asked()
        times.append(time.perf_counter() - began)
    return f"| {n} | {lost} | {gained} | " + " | ".join(f"{t:.3f} s" for t in times) + " |"


def main() -> None:
    began = time.perf_counter()
    print(
        "| margin | draws | flips each way | exact score | Clopper-Pearson, alpha / 2 each", end=""
    )
    print(" | bets | empirical Bernstein | plain score |")
    print("|---|---|---|---|---|---|---|---|")
    for margin in (0.05, 0.076):
        for n in (100, 200, 400):
            for flips in FLIPS:
                print(drops(n, margin, flips), flush=True)
    print("\n| reference | draws | flips each way | exact score | four bounds, alpha / 4", end="")
    print(" | two bounds, alpha / 2 | bets | plain score |")
    print("|---|---|---|---|---|---|---|---|")
    for reference in (0.6, 0.8, 0.95):
        for n in (100, 200, 400):
            for flips in (0.0, 0.02):
                print(retention(n, reference, flips), flush=True)
    print("\n| proven | draws | exact score, least | most | plain score, least | most |")
    print("|---|---|---|---|---|---|")
    for n in (50, 200):
        for margin in (0.05, 0.076):
            print(sizes(f"drop below {margin}", n, margin, 1.0), flush=True)
            print(sizes(f"drop above {margin}", n, -margin, 1.0), flush=True)
        print(sizes(f"{SHARE} kept", n, 1 - SHARE, SHARE), flush=True)
        print(sizes(f"{SHARE} not kept", n, 1 - 1 / SHARE, 1 / SHARE), flush=True)
    print("\n| draws | lost | gained | a p-value | bounds of the drop | of the share kept |")
    print("|---|---|---|---|---|---|")
    for lost, gained in ((0, 0), (20, 20), (40, 40), (200, 100), (600, 400)):
        print(seconds(lost, gained, 2000))
    print(f"\n{HISTORIES} histories where simulated, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
