"""Gating the gate: how often this very gate raises a false alarm, and how often it sees a planted
defect, on one's own model.

The model answers the cases, twice more as it is (as before, and in other batches), and once under
every defect at full strength. A history is a re-run of a release: draws sampled with replacement,
of which a share (the strength) is answered as in one of these. So any number of histories at any
strength costs no further answers. Every history is judged twice: all of it at once, and in rounds
until it is certain, as with `--vlm-sequential`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mimic_checks.attention import Knockout, LayerWindow, WindowedRule
from mimic_checks.cases import Case, GroupOutcome, Level, Outcome, Scored
from mimic_checks.checks.check import Check
from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.checks.evaluator import evaluate
from mimic_checks.checks.session import CheckSession
from mimic_checks.models.controls import Blanked, Control, InTurn, Reversed
from mimic_checks.models.intervention import NO_INTERVENTION, Intervention
from mimic_checks.runs import Condition
from mimic_checks.verdicts import Verdict
from mimic_checks.verdicts.evidence import ROUND
from mimic_checks.verdicts.gate import judge_checks, worst_of
from mimic_checks.verdicts.gate_tests import CheckTests, check_tests, evidence_of, level_pairs
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.policy import Policy
from mimic_checks.verdicts.text import interval_name, table

STRENGTHS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
SECOND, AGAIN, FLIPPED = (
    "asked a second time",
    "asked again in other batches",
    "right answers flipped to wrong",
)

Answers = dict[str, dict[Level, list[Scored]]]
"""Outcomes of every level of every check, in draw order."""
Items = list[tuple[Scored, Scored]]
"""Draws of a level in the baseline and in a re-run."""
Change = Callable[[Condition], Condition]
"""How a defect changes what is asked."""


@dataclass(frozen=True, slots=True)
class BurnInRow:
    """What the gate said to `histories` re-runs with a defect of one strength, at once and `early`
    (in rounds until it was certain, after so many draws of a check on average; None: no check may
    stop early); `drop` is the mean drop of the level that changes most (below zero: a gain)."""

    defect: str
    strength: float
    drop: float
    failed: int
    passed: int
    early_failed: int
    early_passed: int
    early_draws: float | None
    histories: int

    def interval(self, alpha: float) -> tuple[float, float]:
        """Exact interval of the share of histories that fail."""
        return lower(self.failed, self.histories, alpha / 2), upper(
            self.failed, self.histories, alpha / 2
        )


@dataclass(frozen=True, slots=True)
class BurnIn:
    """The rates of a gate; `left_out`: checks of which the model can say nothing, with the
    reason."""

    rows: tuple[BurnInRow, ...]
    left_out: dict[str, str]


def burn_in(session: CheckSession, policy: Policy, histories: int) -> BurnIn:
    """The rates of the gate: without a defect (false alarms), then every defect from weak to strong
    (detection)."""
    left_out: dict[str, str] = {}
    checks = [
        check
        for check in session.plan.checks
        if check.gated and policy.tier(check.check_id) == "blocking"
    ]

    def answered(name: str, change: Change) -> Answers:
        return _answered(session, checks, name, change, left_out)

    intact = answered("intact", lambda condition: condition)
    changed = {
        (SECOND, (1.0,)): answered("second", lambda condition: condition),
        (AGAIN, (1.0,)): answered(
            "again", lambda condition: replace(condition, batch=session.batch // 2 or 2)
        ),
        (FLIPPED, STRENGTHS): {
            check: {level: list(map(_flipped, items)) for level, items in levels.items()}
            for check, levels in intact.items()
        },
    }
    for name, change in _defects(session).items():
        changed[name, STRENGTHS] = answered(name, change)
    early = {check.check_id for check in checks if check.anytime}
    judge = _Judge(intact, policy, early, histories)
    rows = [
        judge.row(name, strength, broken)
        for (name, strengths), broken in changed.items()
        for strength in strengths
    ]
    return BurnIn(tuple(rows), left_out)


def lines(found: BurnIn, alpha: float) -> list[str]:
    """The rates as a table, with intervals of error rate `alpha`."""
    rows = found.rows
    head = (
        "defect",
        "share of draws hit",
        "largest drop",
        "fails",
        interval_name(alpha),
        "passes",
        "inconclusive",
        "in rounds: fails",
        "passes",
        "draws",
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
            f"{row.early_failed / row.histories:.0%}",
            f"{row.early_passed / row.histories:.0%}",
            "-" if row.early_draws is None else f"{row.early_draws:.0f}",
        )
        for row in rows
    ]
    return [
        *(f"left out: {check}: {why}" for check, why in found.left_out.items()),
        (
            f"{rows[0].histories} re-runs a row; a fail is a false alarm in the first two rows, a"
            " detection in all others"
        ),
        *table([head, *cells]),
    ]


def _defects(session: CheckSession) -> dict[str, Change]:
    """Ways to break a model that need its answers: what it is shown, and what it may look at."""

    def shown(control: Control) -> Change:
        # What a check does to the pictures itself comes first: the defect is the model's.
        return lambda condition: replace(
            condition, transform=InTurn((condition.transform, control))
        )

    def without_first(condition: Condition) -> Condition:
        return shown(Blanked({case.id: _but_first(case) for case in condition.cases}))(condition)

    defects: dict[str, Change] = {
        "one image dropped": without_first,
        "images in reverse order": shown(Reversed()),
    }
    if (model := session.white_box()) is not None:
        middle = model.depth // 2
        window = LayerWindow.parse(f"{middle}-{middle}")
        cut = Intervention(rules=(WindowedRule(Knockout("images", "text"), window),))
        defects[f"text cannot see images in layer {middle}"] = lambda condition: replace(
            condition, intervention=(condition.intervention or NO_INTERVENTION).then(cut)
        )
    return defects


def _but_first(case: Case) -> range:
    return range(1, len(case.images))


def _answered(
    session: CheckSession,
    checks: Sequence[Check],
    name: str,
    change: Change,
    left_out: dict[str, str],
) -> Answers:
    """The outcomes of all checks' draws, asked as they ask them, but for the change; notes which of
    them this model cannot be asked."""
    changed = session.under(
        lambda condition: change(replace(condition, name=f"{condition.name}.{name}"))
    )
    answers: Answers = {}
    for check in checks:
        if check.check_id not in left_out:
            try:
                outcomes = evaluate(changed, check).outcomes
            except NotMeasurable as error:
                left_out[check.check_id] = error.reason
                continue
            answers[check.check_id] = {level: list(items) for level, items in outcomes.items()}
    return answers


def _flipped(outcome: Scored) -> Scored:
    """A right answer made wrong."""
    if outcome.kind != "right":
        return outcome
    if isinstance(outcome, GroupOutcome):
        return replace(outcome, members=tuple(map(_made_wrong, outcome.members)))
    return _made_wrong(outcome)


def _made_wrong(outcome: Outcome) -> Outcome:
    return replace(outcome, kind="wrong", answer="flipped")


class _Judge:
    """The gate, on re-runs of a release that answered `intact`; `early`: checks that may stop."""

    def __init__(self, intact: Answers, policy: Policy, early: set[str], histories: int) -> None:
        self.intact, self.policy, self.histories = intact, policy, histories
        self.early = early & set(intact)
        self.family = TestFamily(
            sum(map(len, intact.values())), sum(policy.rule(check).has_mean for check in intact)
        )

    def row(self, defect: str, strength: float, broken: Answers) -> BurnInRow:
        """What the gate says of re-runs of which a share of the draws is `broken`."""
        generator = np.random.default_rng(int(1000 * strength) + len(defect))
        once: list[Verdict] = []
        rounds: list[Verdict] = []
        asked: list[int] = []
        for _ in range(self.histories):
            history = self._history(generator, strength, broken)
            at_once = {check: self._tests(check, levels) for check, levels in history.items()}
            once.append(self._verdict(at_once))
            stopped = {check: self._stopped(check, history[check]) for check in self.early}
            asked += [draws for _, draws in stopped.values()]
            early = {check: tests for check, (tests, _) in stopped.items()}
            rounds.append(self._verdict({**at_once, **early}))
        return BurnInRow(
            defect,
            strength,
            strength * self._largest_drop(broken),
            once.count("fail"),
            once.count("pass"),
            rounds.count("fail"),
            rounds.count("pass"),
            float(np.mean(asked)) if asked else None,
            self.histories,
        )

    def _largest_drop(self, broken: Answers) -> float:
        drops = [
            float(np.mean([(a.kind == "right") - (b.kind == "right") for a, b in both]))
            for check, levels in self.intact.items()
            for level, items in levels.items()
            for both in [zip(items, broken[check][level], strict=True)]
        ]
        return max(drops, key=abs)

    def _history(
        self, generator: np.random.Generator, strength: float, broken: Answers
    ) -> dict[str, list[Items]]:
        """One re-run. Levels of a check are draws together, so a draw is hit at all of them or at
        none."""
        history: dict[str, list[Items]] = {}
        for check, levels in self.intact.items():
            chosen: dict[int, tuple[NDArray[np.int64], NDArray[np.bool_]]] = {}
            history[check] = []
            for level, before in levels.items():
                n, after = len(before), broken[check][level]
                if n not in chosen:
                    chosen[n] = generator.integers(0, n, n), generator.random(n) < strength
                history[check].append(
                    [
                        (before[k], after[k] if hit else before[k])
                        for k, hit in zip(*chosen[n], strict=True)
                    ]
                )
        return history

    def _tests(self, check: str, levels: Sequence[Items], *, anytime: bool = False) -> CheckTests:
        pairs = [level_pairs(items) for items in levels]
        return check_tests(pairs, self.policy.rule(check), evidence_of(anytime=anytime))

    def _stopped(self, check: str, levels: Sequence[Items]) -> tuple[CheckTests, int]:
        """The tests of a check after the round in which it was certain, and the draws by then."""
        most = max(map(len, levels))
        for draws in range(ROUND, most + ROUND, ROUND):
            tests = self._tests(check, [items[:draws] for items in levels], anytime=True)
            (judged,) = judge_checks([tests], self.policy.alpha, self.family)
            if judged.verdict != "inconclusive":
                break
        return tests, min(draws, most)

    def _verdict(self, tests: dict[str, CheckTests]) -> Verdict:
        judged = judge_checks(list(tests.values()), self.policy.alpha)
        return worst_of(check.verdict for check in judged)
