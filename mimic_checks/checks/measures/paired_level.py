"""Judging a level by what a change of conditions costs on the same draws."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.cases import Level, Scored
from mimic_checks.tasks import Vocabulary
from mimic_checks.verdicts import tally
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.floors import blind_of
from mimic_checks.verdicts.levels import LevelVerdict, Verdict, level_verdict
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.pairs import paired
from mimic_checks.verdicts.thresholds import Thresholds


def judge_change(
    level: Level,
    shown: Sequence[Scored],
    before: Sequence[Scored],
    after: Sequence[Scored],
    thresholds: Thresholds,
    family: TestFamily,
    words: str,
    vocabulary: Vocabulary,
    *,
    must_look: bool = True,
) -> LevelVerdict:
    """A level (whose outcomes are `shown`) under which the same draws may lose at most the margin
    from `before` to `after`.

    Passes when the drop is proven inside with every doubtful answer counted as a drop, fails when
    it is proven outside (at its part of alpha) with every doubtful answer counted as a gain.
    `words` begin the reason: "3 blank images cost". `must_look`: as in `level_verdict`.
    """
    margin, flips = thresholds.paired_margin, paired(before, after)
    worst, best = (paired(before, after, doubt=doubt) for doubt in ("drop", "gain"))
    fail_alpha = thresholds.alpha * family.weight("level")
    verdict: Verdict = "inconclusive"
    if FIXED_NUMBER.drop_below(worst, margin) <= thresholds.alpha:
        verdict = "pass"
    elif FIXED_NUMBER.drop_above(best, margin) <= fail_alpha:
        verdict = "fail"
    high = FIXED_NUMBER.drop_at_most(worst, thresholds.alpha)
    low = FIXED_NUMBER.drop_at_least(best, fail_alpha)
    bounds = {
        "pass": f"at most {high:.3f}",
        "fail": f"at least {low:.3f}",
        "inconclusive": f"between {low:.3f} and {high:.3f}",
    }[verdict]
    reason = (
        f"{words} {bounds} of all cases (margin {margin:.2f}; {flips.lost} of {flips.n} flipped so,"
        f" {flips.gained} the other way)"
    )
    counts = tally(shown, thresholds.alpha, blind_of(shown, vocabulary))
    if counts.error:
        reason += f"; {counts.errors}"
    return level_verdict(
        level, counts, verdict, reason, margin, thresholds.alpha, must_look=must_look
    )
