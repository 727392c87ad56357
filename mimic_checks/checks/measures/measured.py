"""What a measurement hands back, and what several of them need.

Data in: outcomes, numbers. Data out: a `Measured` for `CheckRun.measure`, or a reason why nothing
can be measured.
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
    "the model cannot be opened (a stub, a server, or a family without a row in"
    " mimic_checks/attention/families.py); checks that only ask questions still run"
)


def rearranged(session: CheckSession, *, pooling: bool = False) -> str:
    """Why single images cannot be told apart in what this run's model is shown; "" if they can.
    `pooling`: whether the measurement needs every token where the picture has it."""
    options = session.settings.model
    if options.stitch:
        return (
            "--vlm-stitch shows all pictures of a prompt as one image, so there is nothing to tell"
            " apart; leave it out to measure this"
        )
    if pooling and options.pooling > 1:
        return (
            f"--vlm-pooling {options.pooling} averages neighbouring image tokens, so none stands"
            " for a place; leave it out to measure this"
        )
    return ""


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


def judge_change(
    name: str,
    shown: Sequence[Outcome],
    before: Sequence[Outcome],
    after: Sequence[Outcome],
    thresholds: Thresholds,
    judged_levels: int,
    words: str,
) -> LevelVerdict:
    """A level (whose outcomes are `shown`) under which the same draws may lose at most the margin
    from `before` to `after`: passes when the drop is proven inside with every doubtful answer
    counted as a drop, fails when it is proven outside (at alpha / judged levels) with every
    doubtful answer counted as a gain. `words` begin the reason: "3 blank images cost"."""
    margin, flips = thresholds.paired_margin, paired(before, after)
    high = paired(before, after, doubt="drop").drop_at_most(thresholds.alpha)
    low = paired(before, after, doubt="gain").drop_at_least(thresholds.alpha / judged_levels)
    verdict: Verdict = "pass" if high <= margin else "fail" if low > margin else "inconclusive"
    bounds = {
        "pass": f"at most {high:.3f}",
        "fail": f"at least {low:.3f}",
        "inconclusive": f"between {low:.3f} and {high:.3f}",
    }[verdict]
    reason = (
        f"{words} {bounds} of all cases (margin {margin:.2f}; {flips.lost} of {flips.n} flipped so,"
        f" {flips.gained} the other way)"
    )
    return level_verdict(
        name, tally(shown, thresholds.alpha), verdict, reason, margin, thresholds.alpha
    )
