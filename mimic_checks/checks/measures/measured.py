"""What a measurement hands back, and what several of them need.

Data in: outcomes, numbers. Data out: a `Measured` for `CheckRun.measure`, or a reason why nothing can be measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mimic_checks.cases import Case
from mimic_checks.checks.session import CheckSession
from mimic_checks.verdicts import CheckVerdict, Outcome, tally
from mimic_checks.verdicts.levels import LevelVerdict, Verdict, level_verdict
from mimic_checks.verdicts.paired import paired
from mimic_checks.verdicts.result import Panel
from mimic_checks.verdicts.thresholds import Thresholds

CLOSED = (
    "the model cannot be opened (a stub, a server, or a family without a row in mimic_checks/attention/families.py); "
    "checks that only ask questions still run"
)


@dataclass(frozen=True)
class Measured:
    """A verdict, the outcomes behind it by level, and the panels of the report."""

    verdict: CheckVerdict
    outcomes: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    panels: Sequence[Panel] = ()


def needles(session: CheckSession, case: Case) -> set[int]:
    """Which images of a counting case, from 0, hold an asked class."""
    columns = [session.catalog.class_index(name) for name, _ in case.truth.counts]
    rows = [session.catalog.manifest.row(image_id) for image_id in case.images]
    return {place for place, row in enumerate(rows) if session.catalog.counts[row, columns].any()}


def judge_loss(
    name: str,
    before: Sequence[Outcome],
    after: Sequence[Outcome],
    thresholds: Thresholds,
    judged_levels: int,
    what: str,
) -> LevelVerdict:
    """A level that may lose at most the margin against the same draws under another condition: passes when the loss is proven
    inside with every doubtful answer counted as a loss, fails when it is proven outside (at alpha / judged levels) with every
    doubtful answer counted as a gain."""
    margin, plain = thresholds.paired_margin, paired(before, after)
    high = paired(before, after, doubt="loss").loss_at_most(thresholds.alpha)
    low = paired(before, after, doubt="gain").loss_at_least(thresholds.alpha / judged_levels)
    verdict: Verdict = "pass" if high <= margin else "fail" if low > margin else "inconclusive"
    bounds = {
        "pass": f"cost at most {high:.3f} of all cases",
        "fail": f"cost at least {low:.3f} of all cases",
        "inconclusive": f"cost between {low:.3f} and {high:.3f} of all cases",
    }[verdict]
    reason = f"{what} {bounds} (margin {margin:.2f}; lost {plain.lost}, gained {plain.gained} of {plain.n})"
    return level_verdict(name, tally(after, thresholds.alpha), verdict, reason, margin, thresholds.alpha)


def combine(levels: Sequence[LevelVerdict], when_passed: str) -> CheckVerdict:
    """Fail if a level fails, inconclusive if one is, else pass with what was found."""
    for verdict in ("fail", "inconclusive"):
        for level in levels:
            if level.verdict == verdict:
                return CheckVerdict(level.verdict, f"{level.level}: {level.reason}", tuple(levels))
    return CheckVerdict("pass", when_passed, tuple(levels))
