"""Two releases, check by check.

Data in: two baselines of each check (the earlier release, this one) and a policy. Data out: a `CheckGate` per check.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from mimic_checks.verdicts.baseline import Baseline, BaselineCase, noted_differences, refuse_other_cases
from mimic_checks.verdicts.gate import (
    TESTS_PER_LEVEL,
    LevelCounts,
    Pair,
    PairedVerdict,
    count,
    holm,
    judge_pair,
    mcnemar,
    p_values,
)
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.policy import Policy
from mimic_checks.verdicts.sequential import AnytimePaired

Correction = Callable[[Sequence[float]], list[float]]


def compare_one(
    before: Baseline, after: Baseline, policy: Policy, levels_in_run: int, sequential: Collection[str] = ()
) -> CheckGate:
    """One check against its baseline, while other checks of the run are not answered yet: p-values are corrected for all levels of the
    run at once (Bonferroni). What fails here fails under Holm too; Holm may find more when all are in (`compare_all`). `sequential`:
    checks that were looked at after every batch, and may have stopped early.

    Raises:
        GateError: the baseline has other cases, rules or sampling.
    """
    tests = TESTS_PER_LEVEL * levels_in_run
    return _compare({after.head.check: (before, after)}, policy, lambda p: [min(1.0, tests * value) for value in p], sequential)[0]


def compare_all(
    pairs: Mapping[str, tuple[Baseline, Baseline]], policy: Policy, sequential: Collection[str] = ()
) -> list[CheckGate]:
    """All checks of two releases; p-values are corrected over all of their levels (Holm). `sequential` as in `compare_one`.

    Raises:
        GateError: a baseline has other cases, rules or sampling.
    """
    return _compare(pairs, policy, holm, sequential)


def deciding(gate: CheckGate, policy: Policy) -> Verdict:
    """What a comparison does to the run: a warning fails nothing, and the policy may let an inconclusive one through."""
    if gate.tier != "blocking" or (gate.verdict == "inconclusive" and not policy.inconclusive_blocks):
        return "pass"
    return gate.verdict


def _compare(
    pairs: Mapping[str, tuple[Baseline, Baseline]], policy: Policy, correct: Correction, sequential: Collection[str]
) -> list[CheckGate]:
    counted: dict[tuple[str, str], LevelCounts] = {}
    for check, (before, after) in pairs.items():
        refuse_other_cases(before, after, stopped_early=check in sequential)
        kind = AnytimePaired if check in sequential else Paired
        for level, found in _by_level(before, after).items():
            counted[check, level] = count([Pair(b.kind, a.kind, b.answer, a.answer) for b, a in found], kind)
    plain = {place: p_values(counts, policy.rule(place[0])) for place, counts in counted.items()}
    flat = correct([p for both in plain.values() for p in both])
    corrected = {place: (flat[2 * k], flat[2 * k + 1]) for k, place in enumerate(plain)}
    return [
        _check_gate(before, after, policy, {level: (counts, plain[name, level], corrected[name, level])
                    for (name, level), counts in counted.items() if name == check})
        for check, (before, after) in pairs.items()
    ]  # fmt: skip


Judged = tuple[LevelCounts, tuple[float, float], tuple[float, float]]


def _check_gate(before: Baseline, after: Baseline, policy: Policy, levels: Mapping[str, Judged]) -> CheckGate:
    check = after.head.check
    rule = policy.rule(check)
    found = [
        _level_gate(level, counts, judge_pair(counts, rule, corrected), min(p), min(corrected), rule.alpha)
        for level, (counts, p, corrected) in levels.items()
    ]
    worst: Verdict = "pass"
    for verdict in ("fail", "inconclusive"):
        if any(level.verdict == verdict for level in found):
            worst = verdict
            break
    reason = next((f"{level.level}: {level.reason}" for level in found if level.verdict == worst and worst != "pass"),
                  f"no level lost {100 * rule.margin:.1f} points or more")  # fmt: skip
    flips = tuple(
        Flip(level=b.level, case=b.case, before=b.kind, before_answer=b.answer, after=a.kind, after_answer=a.answer)
        for both in _by_level(before, after).values()
        for b, a in both
        if b.kind != a.kind
    )
    return CheckGate(check=check, tier=policy.tier(check), verdict=worst, reason=reason, margin=rule.margin, alpha=rule.alpha,
                     levels=tuple(found), flips=flips, notes=noted_differences(before, after))  # fmt: skip


def _level_gate(level: str, counts: LevelCounts, judged: PairedVerdict, p: float, corrected: float, alpha: float) -> LevelGate:
    return LevelGate(
        level=level, n=counts.plain.n, before_right=counts.before_right, after_right=counts.after_right,
        lost=counts.plain.lost, gained=counts.plain.gained, loss=counts.plain.loss, loss_low=counts.best.loss_at_least(alpha),
        loss_high=counts.worst.loss_at_most(alpha), p=p, p_corrected=corrected, p_mcnemar=mcnemar(counts.plain),
        verdict=judged.verdict, reason=judged.reason, note=judged.note,
    )  # fmt: skip


def _by_level(before: Baseline, after: Baseline) -> dict[str, list[tuple[BaselineCase, BaselineCase]]]:
    """Pairs of the same case, in this release's order."""
    earlier = {(case.level, case.case): case for case in before.cases}
    found: dict[str, list[tuple[BaselineCase, BaselineCase]]] = defaultdict(list)
    for case in after.cases:
        found[case.level].append((earlier[case.level, case.case], case))
    return found
