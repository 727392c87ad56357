"""Two releases, check by check."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mimic_checks.verdicts.baseline import (
    Baseline,
    BaselineItem,
    noted_differences,
    refuse_other_cases,
)
from mimic_checks.verdicts.evidence import Evidence
from mimic_checks.verdicts.gate import JudgedCheck, JudgedLevel, judge_checks, mcnemar
from mimic_checks.verdicts.gate_result import CheckGate, Flip, LevelGate, MeanGate
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.gate_tests import (
    CheckTests,
    LevelPairs,
    check_tests,
    errors_above,
    evidence_of,
    has_mean,
    level_bounds,
    level_pairs,
    mean_bounds,
    mean_drops,
)
from mimic_checks.verdicts.gate_words import drop_note, drop_reason, level_reason, points
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.policy import Policy

ByLevel = dict[str, list[tuple[BaselineItem, BaselineItem]]]
"""Pairs of the same case or group, by node id of their level, in this release's order."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A check of two releases, paired and tested, not judged yet."""

    before: Baseline
    after: Baseline
    items: ByLevel
    pairs: tuple[LevelPairs, ...]
    rule: GateRule
    evidence: Evidence
    tests: CheckTests


def compare_one(
    before: Baseline, after: Baseline, policy: Policy, family: TestFamily, *, anytime: bool = False
) -> CheckGate:
    """One check against its baseline, while other checks of the run are not answered yet: p-values
    are corrected for the `family` of all tests of the run (Bonferroni). What fails here fails under
    Holm too; Holm may find more when all are in (`compare_all`). `anytime`: it was looked at again
    and again, and may have stopped early.

    Raises:
        GateError: the baseline has other cases, rules or sampling.
    """
    compared = _compared(before, after, policy, anytime)
    (judged,) = judge_checks([compared.tests], compared.rule.alpha, family)
    return _check_gate(compared, judged, policy)


def verdict_so_far(
    before: Baseline, after: Baseline, policy: Policy, family: TestFamily
) -> Verdict:
    """What `compare_one` says so far of a check that is looked at again and again, and nothing
    else."""
    compared = _compared(before, after, policy, anytime=True)
    (judged,) = judge_checks([compared.tests], compared.rule.alpha, family)
    return judged.verdict


def compare_all(
    pairs: Mapping[str, tuple[Baseline, Baseline]], policy: Policy, anytime: Collection[str] = ()
) -> list[CheckGate]:
    """All checks of two releases; p-values are corrected over all of their tests (Holm). `anytime`:
    the checks that were looked at again and again.

    Raises:
        GateError: a baseline has other cases, rules or sampling.
    """
    compared = [
        _compared(before, after, policy, check in anytime)
        for check, (before, after) in pairs.items()
    ]
    judged = judge_checks([check.tests for check in compared], policy.alpha)
    return [_check_gate(*check, policy) for check in zip(compared, judged, strict=True)]


def effective_verdict(gate: CheckGate, policy: Policy) -> Verdict:
    """What a comparison does to the run: a warning fails nothing, and the policy may let an
    inconclusive one through, unless too many of its cases raised an error."""
    if gate.tier != "blocking":
        return "pass"
    lets_through = not policy.inconclusive_blocks and not gate.errors_above
    return "pass" if gate.verdict == "inconclusive" and lets_through else gate.verdict


def _compared(before: Baseline, after: Baseline, policy: Policy, anytime: bool) -> Compared:
    refuse_other_cases(before, after, stopped_early=anytime)
    rule, evidence = policy.rule(after.head.check), evidence_of(anytime=anytime)
    items = _by_level(before, after)
    pairs = tuple(level_pairs(level) for level in items.values())
    tests = check_tests(pairs, rule, evidence)
    return Compared(before, after, items, pairs, rule, evidence, tests)


def _check_gate(compared: Compared, judged: JudgedCheck, policy: Policy) -> CheckGate:
    check, rule, after = compared.after.head.check, compared.rule, compared.after
    levels = tuple(
        _level_gate(level, after.label(level), pairs, verdict, compared)
        for level, pairs, verdict in zip(compared.items, compared.pairs, judged.levels, strict=True)
    )
    mean = _mean_gate(compared, judged)
    return CheckGate(
        check=check,
        tier=policy.tier(check),
        verdict=judged.verdict,
        reason=_reason(compared, judged.verdict, levels, mean),
        rule=rule.rule,
        margin=rule.margin,
        level_margin=rule.of_a_level,
        alpha=rule.alpha,
        levels=levels,
        mean=mean,
        errors_above=any(errors_above(pairs, rule) for pairs in compared.pairs),
        flips=_flips(compared.items),
        notes=(*_no_mean(compared), *noted_differences(compared.before, after)),
    )


def _reason(
    compared: Compared, verdict: Verdict, levels: Sequence[LevelGate], mean: MeanGate | None
) -> str:
    """What decides: of the check's verdict, the first level with too many errors, which the policy
    lets through never, else the first level, else the mean."""
    rule = compared.rule
    if verdict == "pass":
        every = f"no level lost {points(rule.of_a_level)} or more"
        return f"{every}, nor all of them {points(rule.margin)} on average" if mean else every
    broken = [
        level
        for level, pairs in zip(levels, compared.pairs, strict=True)
        if errors_above(pairs, rule)
    ]
    rows = (*broken, *levels, mean)
    decides = next(row for row in rows if row and row.verdict == verdict)
    return f"{decides.label}: {decides.reason}"


def _no_mean(compared: Compared) -> list[str]:
    """That a mean is wanted, and there is none."""
    if not compared.rule.has_mean or has_mean(compared.pairs):
        return []
    numbers = ", ".join(
        f"{compared.after.label(level)}: {pairs.plain.n}"
        for level, pairs in zip(compared.items, compared.pairs, strict=True)
    )
    return [
        f"{compared.after.head.check}: its levels have different numbers of cases ({numbers}), so"
        f" no mean over them is tested: each is judged by level_margin={compared.rule.level_margin}"
        " alone"
    ]


def _flips(items: ByLevel) -> tuple[Flip, ...]:
    return tuple(
        Flip(
            level=b.level,
            item=b.item,
            before=b.kind,
            before_answer=b.answer,
            after=a.kind,
            after_answer=a.answer,
        )
        for both in items.values()
        for b, a in both
        if b.kind != a.kind
    )


def _level_gate(
    level: str, label: str, pairs: LevelPairs, judged: JudgedLevel, compared: Compared
) -> LevelGate:
    bounds = level_bounds(pairs, compared.evidence, compared.rule.alpha)
    plain, tests = pairs.plain, judged.tests
    return LevelGate(
        level=level,
        label=label,
        n=plain.n,
        before_right=sum(plain.before),
        after_right=sum(plain.after),
        lost=plain.lost,
        gained=plain.gained,
        drop=plain.drop,
        drop_low=bounds[0],
        drop_high=bounds[1],
        p=min(tests.fails, tests.unreadable),
        p_corrected=min(judged.fails, judged.unreadable),
        p_mcnemar=mcnemar(plain),
        verdict=judged.verdict,
        reason=level_reason(judged, pairs, bounds, compared.rule),
        note=drop_note(judged.verdict, bounds),
    )


def _mean_gate(compared: Compared, judged: JudgedCheck) -> MeanGate | None:
    if not judged.mean:
        return None
    bounds = mean_bounds(compared.pairs, compared.evidence, compared.rule.alpha)
    drops = mean_drops([pairs.plain for pairs in compared.pairs])
    undecided = any(level.why == "undecided" for level in judged.levels)
    return MeanGate(
        levels=len(compared.pairs),
        n=len(drops),
        drop=sum(drops) / len(drops),
        drop_low=bounds[0],
        drop_high=bounds[1],
        p=judged.mean.tests.fails,
        p_corrected=judged.mean.fails,
        verdict=judged.mean.verdict,
        reason="one of its levels decides nothing"
        if undecided
        else drop_reason(judged.mean.verdict, compared.rule.margin, bounds),
        note=drop_note(judged.mean.verdict, bounds),
    )


def _by_level(before: Baseline, after: Baseline) -> ByLevel:
    earlier = {(item.level, item.item): item for item in before.items}
    pairs: ByLevel = defaultdict(list)
    for item in after.items:
        pairs[item.level].append((earlier[item.level, item.item], item))
    return pairs
