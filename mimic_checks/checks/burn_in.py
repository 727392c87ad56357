"""Gating the gate: how often this very gate raises a false alarm, and how often it sees a planted
defect, on one's own model.

The model answers the cases as it is, once more in other batches, and once under every defect at
full strength. A history is a re-run of a release: draws sampled with replacement, of which a share
(the strength) is answered under the defect. So any number of histories at any strength costs no
further answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimic_checks.attention import Knockout, LayerWindow, WindowedRule
from mimic_checks.cases import Case, GroupOutcome, Level, Outcome, Scored
from mimic_checks.checks.check import Check
from mimic_checks.checks.session import CheckSession
from mimic_checks.models.controls import Blanked, Reversed
from mimic_checks.models.intervention import Intervention
from mimic_checks.runs import Condition
from mimic_checks.verdicts import Verdict
from mimic_checks.verdicts.gate import judge_checks, worst_of
from mimic_checks.verdicts.gate_tests import LevelPairs, check_tests, evidence_of, level_pairs
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.policy import Policy
from mimic_checks.verdicts.text import interval_name, table

STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
UNCHANGED, AGAIN, FLIPPED = (
    "the same answers",
    "asked again in other batches",
    "right answers flipped to wrong",
)

Levels = dict[tuple[str, Level], list[Scored]]
"""Outcomes of every level of every check, in draw order."""
Change = Callable[[Condition], Condition]
"""How a defect changes what is asked."""


@dataclass(frozen=True, slots=True)
class BurnInRow:
    """What the gate said to `histories` re-runs with a defect of one strength; `drop` is the mean
    drop of the level that changes most (below zero: a gain)."""

    defect: str
    strength: float
    drop: float
    failed: int
    passed: int
    histories: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """Exact interval of the share of histories that fail."""
        return lower(self.failed, self.histories, alpha / 2), upper(
            self.failed, self.histories, alpha / 2
        )


def burn_in(session: CheckSession, policy: Policy, histories: int) -> list[BurnInRow]:
    """The rates of the gate: without a defect (false alarms), then every defect from weak to strong
    (detection)."""
    checks = [
        check
        for check in session.plan.checks
        if check.anytime and policy.tier(check.check_id) == "blocking"
    ]
    other_batch = session.batch // 2 or 2
    intact = _answered(session, checks, "intact", lambda condition: condition)
    again = _answered(
        session, checks, "again", lambda condition: replace(condition, batch=other_batch)
    )
    rows = [
        _row(UNCHANGED, 0.0, intact, intact, policy, histories),
        _row(AGAIN, 1.0, intact, again, policy, histories),
    ]
    defects = {
        FLIPPED: {key: [_flipped(outcome) for outcome in level] for key, level in intact.items()}
    }
    for name, change in _defects(session).items():
        defects[name] = _answered(session, checks, name, change)
    return rows + [
        _row(name, strength, intact, broken, policy, histories)
        for name, broken in defects.items()
        for strength in STRENGTHS
    ]


def lines(rows: Sequence[BurnInRow], alpha: float) -> list[str]:
    """The rates as a table, with intervals of error rate `alpha`."""
    head = (
        "defect",
        "share of draws hit",
        "largest drop",
        "fails",
        interval_name(alpha),
        "passes",
        "inconclusive",
    )
    cells = [
        (
            row.defect,
            f"{row.strength:.0%}",
            f"{100 * row.drop:.1f} points",
            f"{row.failed / row.histories:.0%}",
            "[{:.0%}, {:.0%}]".format(*row.interval(alpha)),
            f"{row.passed / row.histories:.0%}",
            f"{1 - (row.failed + row.passed) / row.histories:.0%}",
        )
        for row in rows
    ]
    return [
        (
            f"{rows[0].histories} re-runs a row; a fail is a false alarm in the first two rows, a"
            " detection in all others"
        ),
        *table([head, *cells]),
    ]


def _defects(session: CheckSession) -> dict[str, Change]:
    """Ways to break a model that need its answers: what it is shown, and what it may look at."""
    defects: dict[str, Change] = {
        "one image dropped": lambda condition: replace(
            condition, transform=Blanked({case.id: _but_first(case) for case in condition.cases})
        ),
        "images in reverse order": lambda condition: replace(condition, transform=Reversed()),
    }
    if (model := session.white_box()) is not None:
        middle = model.depth // 2
        window = LayerWindow.parse(f"{middle}-{middle}")
        cut = Intervention(rules=(WindowedRule(Knockout("images", "text"), window),))
        defects[f"text cannot see images in layer {middle}"] = lambda condition: replace(
            condition, intervention=cut
        )
    return defects


def _but_first(case: Case) -> range:
    return range(1, len(case.images))


def _answered(session: CheckSession, checks: Sequence[Check], name: str, change: Change) -> Levels:
    """The outcomes of all checks' draws."""
    levels: Levels = {}
    for check in checks:
        draws = session.plan.draws(check)
        condition = Condition(f"{check.check_id}.{name}", session.plan.cases(check))
        outcomes = session.engine.outcomes(change(condition))
        by_level = session.plan.by_level(check, draws, outcomes)
        levels |= {(check.check_id, level): items for level, items in by_level.items()}
    return levels


def _flipped(outcome: Scored) -> Scored:
    """A right answer made wrong."""
    if outcome.kind != "right":
        return outcome
    if isinstance(outcome, GroupOutcome):
        return replace(outcome, members=tuple(map(_made_wrong, outcome.members)))
    return _made_wrong(outcome)


def _made_wrong(outcome: Outcome) -> Outcome:
    return replace(outcome, kind="wrong", answer="flipped")


def _row(
    defect: str, strength: float, intact: Levels, broken: Levels, policy: Policy, histories: int
) -> BurnInRow:
    generator = np.random.default_rng(int(1000 * strength) + len(defect))
    verdicts = [_history(generator, strength, intact, broken, policy) for _ in range(histories)]
    drops = [
        np.mean(
            [
                (a.kind == "right") - (b.kind == "right")
                for a, b in zip(intact[key], broken[key], strict=True)
            ]
        )
        for key in intact
    ]
    return BurnInRow(
        defect,
        strength,
        float(strength * max(drops, key=abs)),
        verdicts.count("fail"),
        verdicts.count("pass"),
        histories,
    )


def _history(
    generator: np.random.Generator, strength: float, intact: Levels, broken: Levels, policy: Policy
) -> Verdict:
    """The verdict of the whole gate on one re-run. Levels of a check are draws together, so a draw
    is hit at all of them or at none."""
    paired: dict[str, list[LevelPairs]] = {}
    chosen: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for (check, level), before in intact.items():
        if check not in chosen:
            chosen[check] = (
                generator.integers(0, len(before), len(before)),
                generator.random(len(before)) < strength,
            )
        after = broken[check, level]
        rows, hit = chosen[check]
        pairs = [(before[k], after[k] if h else before[k]) for k, h in zip(rows, hit, strict=True)]
        paired.setdefault(check, []).append(level_pairs(pairs))
    once = evidence_of(anytime=False)
    tests = [check_tests(levels, policy.rule(check), once) for check, levels in paired.items()]
    return worst_of(judged.verdict for judged in judge_checks(tests, policy.alpha))
