"""Two releases, check by check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from mimic_checks.verdicts.baseline import (
    Baseline,
    BaselineItem,
    noted_differences,
    refuse_other_cases,
)
from mimic_checks.verdicts.gate import (
    TESTS_PER_LEVEL,
    Correction,
    GateRule,
    JudgedLevel,
    LevelCounts,
    count,
    holm,
    judge_together,
    mcnemar,
    worst_of,
)
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.paired import Paired
from mimic_checks.verdicts.policy import Policy
from mimic_checks.verdicts.sequential import AnytimePaired


def compare_one(
    before: Baseline,
    after: Baseline,
    policy: Policy,
    levels_in_run: int,
    sequential: Collection[str] = (),
) -> CheckGate:
    """One check against its baseline, while other checks of the run are not answered yet: p-values
    are corrected for all levels of the run at once (Bonferroni). What fails here fails under Holm
    too; Holm may find more when all are in (`compare_all`). `sequential`: checks that were looked
    at after every batch, and may have stopped early.

    Raises:
        GateError: the baseline has other cases, rules or sampling.
    """
    tests = TESTS_PER_LEVEL * levels_in_run
    return _compare(
        {after.head.check: (before, after)},
        policy,
        lambda p: [min(1.0, tests * value) for value in p],
        sequential,
    )[0]


def compare_all(
    pairs: Mapping[str, tuple[Baseline, Baseline]], policy: Policy, sequential: Collection[str] = ()
) -> list[CheckGate]:
    """All checks of two releases; p-values are corrected over all of their levels (Holm).
    `sequential` as in `compare_one`.

    Raises:
        GateError: a baseline has other cases, rules or sampling.
    """
    return _compare(pairs, policy, holm, sequential)


def effective_verdict(gate: CheckGate, policy: Policy) -> Verdict:
    """What a comparison does to the run: a warning fails nothing, and the policy may let an
    inconclusive one through."""
    if gate.tier != "blocking" or (
        gate.verdict == "inconclusive" and not policy.inconclusive_blocks
    ):
        return "pass"
    return gate.verdict


def _compare(
    pairs: Mapping[str, tuple[Baseline, Baseline]],
    policy: Policy,
    correct: Correction,
    sequential: Collection[str],
) -> list[CheckGate]:
    counted: dict[tuple[str, str], tuple[LevelCounts, GateRule]] = {}
    for check, (before, after) in pairs.items():
        refuse_other_cases(before, after, stopped_early=check in sequential)
        kind = AnytimePaired if check in sequential else Paired
        for level, items in _by_level(before, after).items():
            counted[check, level] = count(items, kind), policy.rule(check)
    judged = judge_together(counted, correct)
    return [
        _check_gate(
            before,
            after,
            policy,
            {level: verdict for (name, level), verdict in judged.items() if name == check},
        )
        for check, (before, after) in pairs.items()
    ]


def _check_gate(
    before: Baseline, after: Baseline, policy: Policy, judged: Mapping[str, JudgedLevel]
) -> CheckGate:
    check = after.head.check
    rule = policy.rule(check)
    levels = [
        _level_gate(level, after.label(level), verdict, rule.alpha)
        for level, verdict in judged.items()
    ]
    worst = worst_of(level.verdict for level in levels)
    reason = next(
        (
            f"{level.label}: {level.reason}"
            for level in levels
            if level.verdict == worst and worst != "pass"
        ),
        f"no level lost {100 * rule.margin:.1f} points or more",
    )
    flips = tuple(
        Flip(
            level=b.level,
            item=b.item,
            before=b.kind,
            before_answer=b.answer,
            after=a.kind,
            after_answer=a.answer,
        )
        for both in _by_level(before, after).values()
        for b, a in both
        if b.kind != a.kind
    )
    return CheckGate(
        check=check,
        tier=policy.tier(check),
        verdict=worst,
        reason=reason,
        margin=rule.margin,
        alpha=rule.alpha,
        levels=tuple(levels),
        flips=flips,
        notes=noted_differences(before, after),
    )


def _level_gate(level: str, label: str, judged: JudgedLevel, alpha: float) -> LevelGate:
    counts, verdict = judged.counts, judged.verdict
    return LevelGate(
        level=level,
        label=label,
        n=counts.plain.n,
        before_right=counts.before_right,
        after_right=counts.after_right,
        lost=counts.plain.lost,
        gained=counts.plain.gained,
        drop=counts.plain.drop,
        drop_low=counts.best.drop_at_least(alpha),
        drop_high=counts.worst.drop_at_most(alpha),
        p=judged.p,
        p_corrected=judged.p_corrected,
        p_mcnemar=mcnemar(counts.plain),
        verdict=verdict.verdict,
        reason=verdict.reason,
        note=verdict.note,
    )


def _by_level(
    before: Baseline, after: Baseline
) -> dict[str, list[tuple[BaselineItem, BaselineItem]]]:
    """Pairs of the same case or group, in this release's order."""
    earlier = {(item.level, item.item): item for item in before.items}
    pairs: dict[str, list[tuple[BaselineItem, BaselineItem]]] = defaultdict(list)
    for item in after.items:
        pairs[item.level].append((earlier[item.level, item.item], item))
    return pairs
