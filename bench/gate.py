"""Do gate and thresholds pass what is unchanged, find what is lost, and err as seldom as they say?

    python -m bench.gate

10,000 histories a row, drawn anew for every check of a run, and judged by the code that judges
runs; peers' rules see the same histories. A standard run is eight sweeps with 30 levels.
"Independent": the levels of a draw flip each for itself; "nested": all levels of a draw flip
together. Beside a rate stands its one-sided 99 % bound (Clopper-Pearson): from below where it
should be large, from above where it should be small.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.gate_peers import PEERS, accepted, flagged
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.gate import JudgedCheck, judge_checks
from mimic_checks.verdicts.gate_tests import CheckTests, LevelTests, MeanTests
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import Pairs
from mimic_checks.verdicts.planning import at_once, counted, in_rounds, tests_of
from mimic_checks.verdicts.policy import Asked, load_policy
from mimic_checks.verdicts.simulated import (
    JOINTS,
    Bracketed,
    Drops,
    Flips,
    Joint,
    losing,
    p_at_any_time,
)
from mimic_checks.verdicts.threshold_planning import plan_thresholds
from mimic_checks.verdicts.thresholds import load_thresholds

HISTORIES = 10_000
LEVELS = (4, 4, 4, 3, 3, 4, 4, 4)
RULE = load_policy().rule("any")
THRESHOLDS = load_thresholds().defaults
RUN = TestFamily(sum(LEVELS), len(LEVELS))
RATES = (0.0, 0.01, 0.02, 0.05, 0.1)
"""Shares of answers that are gained while the drop is at the margin."""

Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]
Row = Sequence[str]


def main() -> None:
    began = time.perf_counter()
    heads = ("what", "flips", "before", "target", "now", *PEERS)
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    for rows in (
        unchanged_runs,
        false_passes_of_levels,
        false_passes_of_means,
        false_passes_of_checks,
        false_fails,
        found,
        thresholds_pass,
        thresholds_power,
        retention_false_pass,
        calls,
    ):
        for row in rows():
            print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{HISTORIES} histories a row; {time.perf_counter() - began:.0f} s")


def unchanged_runs() -> Iterator[Row]:
    """P(whole standard run passes) of an unchanged release."""
    for share, n, before, target in (
        (0.01, 200, "0.07", "0.98"),
        (0.02, 200, "below 0.07", "0.9"),
        (0.005, 100, "0.00", "0.9"),
        (0.01, 150, "-", "0.9 (default number)"),
    ):
        for joint in JOINTS:
            passes, peers = np.ones(HISTORIES, bool), np.ones((3, HISTORIES), bool)
            for seed, levels in enumerate(LEVELS):
                drops = Flips(share, joint).drawn(HISTORIES, levels, n, seed)
                passes &= verdicts(at_once(drops, RULE, RUN)[0]) == "pass"
                peers &= accepted(drops).all(-1)
            yield (
                f"whole run passes, unchanged, {n} cases",
                f"{100 * share:g} % each way, {joint}",
                before,
                target,
                large(passes),
                *(f"{peer.mean():.3f}" for peer in peers),
            )


def false_passes_of_levels() -> Iterator[Row]:
    """A level at just its margin."""
    now, peers = [], []
    for seed, gained in enumerate(RATES):
        drops = at_margin(RULE.level_margin, gained, 1, 200, "independent", seed)
        tests = tests_of(drops, RULE, RUN)
        now.append(np.array([test.levels[0].passes <= RULE.alpha for test in tests]))
        peers.append(accepted(drops)[..., 0])
    yield (
        "false pass of a level's test alone at its margin, 200 cases",
        f"{', '.join(f'{100 * rate:g}' for rate in RATES)} % gained",
        "0.003-0.019",
        "at least 0.025, at most 0.05",
        between(now),
        *between_peers(peers),
    )


def false_passes_of_means() -> Iterator[Row]:
    """All four levels of a check at the margin of their mean."""
    for joint in JOINTS:
        now, peers = [], []
        for seed, gained in enumerate(RATES):
            drops = at_margin(RULE.margin, gained, 4, 200, joint, seed)
            p = p_at_any_time(drops.mean(1), RULE.margin)[:, -1]
            now.append(p <= RULE.alpha)
            peers.append(accepted(drops).all(-1))
        yield (
            "false pass of the mean's test alone, 4 levels at its margin, 200 cases",
            f"{', '.join(f'{100 * rate:g}' for rate in RATES)} % gained, {joint}",
            "-",
            "at least 0.025, at most 0.05",
            between(now),
            *between_peers(peers),
        )


def false_passes_of_checks() -> Iterator[Row]:
    """The joint rule: a check of which a level, or the mean, is at just its margin."""
    for joint in JOINTS:
        for where in ("one level at its margin, the others unchanged", "the mean at its margin"):
            now, peers = [], []
            for seed, gained in enumerate(RATES):
                if where.startswith("the mean"):
                    drops = at_margin(RULE.margin, gained, 4, 200, joint, seed)
                else:
                    drops = Flips(gained, joint).drawn(HISTORIES, 4, 200, seed)
                    drops = losing(drops, RULE.level_margin, seed=seed)
                now.append(verdicts(at_once(drops, RULE, RUN)[0]) == "pass")
                peers.append(accepted(drops).all(-1))
            yield (
                f"false pass of a check of 4 levels, 200 cases: {where}",
                f"{', '.join(f'{100 * rate:g}' for rate in RATES)} % gained, {joint}",
                "0.003-0.019",
                "at most 0.05",
                between(now),
                *between_peers(peers),
            )


def false_fails() -> Iterator[Row]:
    """Runs in which everything is at its margin, and nothing above it."""
    for sizes in ((4,), LEVELS, LEVELS * 3):
        family = TestFamily(sum(sizes), len(sizes))
        for joint in JOINTS:
            wrong, peers = np.zeros(HISTORIES, bool), np.zeros((3, HISTORIES), bool)
            for seed, levels in enumerate(sizes):
                failed, drops = _all_at_margin(levels, joint, family, seed)
                wrong |= failed
                peers |= flagged(drops).any(-1)
            yield (
                f"any false fail, {sum(sizes)} levels in {len(sizes)} checks, all at their margins,"
                " unparseables at the ceiling, errors at theirs, 200 cases",
                f"2 % gained, {joint}",
                "0.055-0.065 for one check",
                "at most 0.05",
                small(wrong),
                *(f"{peer.mean():.3f}" for peer in peers),
            )


def _all_at_margin(levels: int, joint: Joint, family: TestFamily, seed: int) -> tuple[Bools, Drops]:
    """Whether a check fails (but for its mean, which is above its own margin where all levels are
    at theirs), and its drops. 2 % of the draws raise, 5 % of the others' answers have become
    unparseable, each of them right before: doubt counts them as right when it is about failing."""
    n, generator = 200, np.random.default_rng([seed, 3])
    left = n - round(RULE.error_ceiling * n)
    scale = n / left
    drops = at_margin(RULE.level_margin * scale, 0.02, levels, left, joint, seed)
    free = 1 - RULE.level_margin * scale - 0.04
    rows = levels if joint == "independent" else 1
    hit = generator.random((HISTORIES, rows, left)) < RULE.unparseable_ceiling * scale / free
    unparseable = ((drops == 0) & np.repeat(hit, levels // rows, axis=1)).sum(-1)
    level = tests_p(n, RULE.level_margin, RULE.alpha * family.weight("level"))
    unreadable = tests_p(n, RULE.unparseable_ceiling, RULE.alpha * family.weight("unreadable"))
    lost, gained = (drops > 0).sum(-1), (drops < 0).sum(-1)
    failed = []
    for bs, cs, us in zip(lost.tolist(), gained.tolist(), unparseable.tolist(), strict=True):
        tests = tuple(
            LevelTests(1.0, level(b, c), unreadable(u, 0))
            for b, c, u in zip(bs, cs, us, strict=True)
        )
        (judged,) = judge_checks([CheckTests(tests, MeanTests(1.0, 1.0))], RULE.alpha, family)
        failed.append(judged.verdict == "fail")
    return np.array(failed), drops


def found() -> Iterator[Row]:
    """One level of the run lost 20 points: whether it fails."""
    for share, target in ((0.02, "0.8"), (0.01, "0.9")):
        for joint in JOINTS:
            drops = losing(Flips(share, joint).drawn(HISTORIES, 4, 200, 5), 0.2, seed=5)
            judged, _ = at_once(drops, RULE, RUN)
            now = np.array([check.levels[-1].verdict == "fail" for check in judged])
            yield (
                "one level of 30 lost 20 points, found, 200 cases",
                f"{100 * share:g} % each way, {joint}",
                "0.60" if share == 0.02 else "-",
                target,
                large(now),
                *(f"{peer.mean():.3f}" for peer in flagged(drops)[..., -1]),
            )


def thresholds_pass() -> Iterator[Row]:
    """A sweep of a model that keeps at every level what it can do at the reference."""
    for joint in JOINTS:
        plan = plan_thresholds(Asked(4, 100), THRESHOLDS, 0.8, Flips(0.02, joint), HISTORIES)
        number = round(plan.passes * HISTORIES)
        yield (
            "4-level check passes its thresholds, reference 0.8, retention 1.0, 100 cases",
            f"2 % each way, {joint}",
            "0.13",
            "0.8",
            large(np.arange(HISTORIES) < number),
            "-",
            "-",
            "-",
        )


def thresholds_power() -> Iterator[Row]:
    """Cases with which a level passes that keeps 0.9 of 0.8."""
    for words, lost, gained in (
        ("level and reference independent", 0.8 * 0.28, 0.2 * 0.72),
        ("nested, 2 % gained", 0.1, 0.02),
    ):
        low, high = 1, 40
        while high - low > 1:
            middle = (low + high) // 2
            passed = retained(20 * middle, 0.8, lost, gained)
            low, high = (low, middle) if passed.mean() >= 0.9 else (middle, high)
        yield (
            "cases per level for 90 % power, reference 0.8, retention 0.9",
            words,
            "800",
            "400",
            f"{20 * high} (power {large(retained(20 * high, 0.8, lost, gained))})",
            "-",
            "-",
            "-",
        )


def retention_false_pass() -> Iterator[Row]:
    """A level that keeps just 0.8 of the reference."""
    for words, joint in (("independent", 0.0), ("nested, 2 % gained", 1.0)):
        now = []
        for rate in (0.6, 0.8, 0.95):
            after = 0.8 * rate
            gained = 0.02 if joint else (1 - rate) * after
            now.append(retained(200, rate, rate - after + gained, gained))
        yield (
            "false pass of retention at exactly 0.8, references 0.6, 0.8, 0.95, 200 cases",
            words,
            "0-0.002",
            "at least 0.025, at most 0.05",
            between(now),
            "-",
            "-",
            "-",
        )


def retained(n: int, rate: float, lost: float, gained: float) -> Bools:
    """Whether levels pass their retention."""
    counts = np.random.default_rng(n).multinomial(
        n, [rate - lost, lost, gained, 1 - rate - gained], HISTORIES
    )

    @cache
    def tests(known: int) -> Bracketed:
        def p(c: int, b: int) -> float:
            kept = known - b - c
            before = (True,) * (kept + b) + (False,) * c
            after = (True,) * kept + (False,) * b + (True,) * c
            return FIXED_NUMBER.retains(Pairs(before, after), THRESHOLDS.retention)

        return Bracketed(p, THRESHOLDS.alpha)

    return np.array([tests(k + b + c)(c, b) <= THRESHOLDS.alpha for k, b, c, _ in counts.tolist()])


def calls() -> Iterator[Row]:
    """How soon a release is stopped that lost 20 points at every level of a check."""
    for joint in JOINTS:
        stops, failed = [], []
        for seed in range(10):
            flips = Flips(0.02, joint)
            if joint == "nested":
                one = losing(flips.drawn(HISTORIES // 10, 1, 400, seed), 0.2, seed=seed)
                drops = np.repeat(one, 4, axis=1)
            else:
                drops = flips.drawn(HISTORIES // 10, 4, 400, seed)
                drops = losing(drops, 0.2, everywhere=True, seed=seed)
            judged, draws = in_rounds(drops, RULE, RUN)
            stops += draws.tolist()
            failed.append(verdicts(judged) == "fail")
        yield (
            "draws of a 4-level check to its verdict, release lost 20 points everywhere, in rounds,"
            " at most 400",
            f"2 % each way, {joint}",
            "59-81, one level",
            "60",
            f"{np.mean(stops):.0f} draws, {4 * np.mean(stops):.0f} calls (failed"
            f" {large(np.concatenate(failed))})",
            "-",
            "-",
            "-",
        )


def at_margin(margin: float, gained: float, levels: int, n: int, joint: Joint, seed: int) -> Drops:
    """Levels whose drop is just that."""
    rows = levels if joint == "independent" else 1
    at = np.random.default_rng([seed, 7]).random((HISTORIES, rows, n), dtype=np.float32)
    drops = (at < margin + gained).astype(np.int8) - (at >= 1 - gained).astype(np.int8)
    return np.repeat(drops, levels // rows, axis=1)


@cache
def tests_p(n: int, margin: float, at: float) -> Callable[[int, int], float]:
    """P-values of failing by counts."""

    def above(lost: int, gained: int) -> float:
        return FIXED_NUMBER.drop_above(counted(n, lost, gained), margin)

    return Bracketed(above, at)


def verdicts(judged: Sequence[JudgedCheck]) -> NDArray[np.str_]:
    return np.array([check.verdict for check in judged])


def large(happened: Bools) -> str:
    number = int(happened.sum())
    return f"{happened.mean():.3f} (> {lower(number, len(happened), 0.01):.3f})"


def small(happened: Bools) -> str:
    number = int(happened.sum())
    return f"{happened.mean():.3f} (< {upper(number, len(happened), 0.01):.3f})"


def between(rows: Sequence[Bools]) -> str:
    """The smallest and the largest rate, with the bound of the largest."""
    rates = sorted(rows, key=lambda row: float(row.mean()))
    return f"{rates[0].mean():.3f} to {small(rates[-1])}"


def between_peers(rows: Sequence[Bools]) -> list[str]:
    rates = np.array([row.mean(-1) for row in rows])
    return [
        f"{low:.2f} to {high:.2f}" for low, high in zip(rates.min(0), rates.max(0), strict=True)
    ]


if __name__ == "__main__":
    main()
