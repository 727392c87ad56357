"""Why a level, or the mean of a check, got its verdict, in words."""

from __future__ import annotations

from mimic_checks.verdicts.evidence import Bounds
from mimic_checks.verdicts.gate import JudgedLevel
from mimic_checks.verdicts.gate_rule import GateRule
from mimic_checks.verdicts.gate_tests import LevelPairs
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.pairs import Pairs


def level_reason(judged: JudgedLevel, pairs: LevelPairs, bounds: Bounds, rule: GateRule) -> str:
    """Why a level got its verdict."""
    if judged.why == "undecided":
        return judged.tests.undecided
    if judged.why == "unreadable":
        change = pairs.unreadable
        return (
            f"{change.lost} answers can no longer be read, {change.gained} can again, of"
            f" {change.n}: a rise above {points(rule.unparseable_ceiling)} is proven"
        )
    return drop_reason(judged.verdict, rule.of_a_level, bounds, f": {flips(pairs.plain)}")


def drop_reason(verdict: Verdict, margin: float, bounds: Bounds, seen: str = "") -> str:
    """Why a drop got its verdict; `seen`: what was counted."""
    least, most = map(points, bounds)
    if verdict == "fail":
        return f"regressed by more than {points(margin)} (at least {least}{seen})"
    if verdict == "pass":
        return f"lost less than {points(margin)} (at most {most}{seen})"
    return f"the drop is between {least} and {most}, the margin {points(margin)}{seen}"


def drop_note(verdict: Verdict, bounds: Bounds) -> str:
    """That a drop which passes is one all the same; "" if none is proven."""
    if verdict != "pass" or bounds[0] <= 0:
        return ""
    return f"a drop inside the margin is proven (at least {points(bounds[0])})"


def flips(change: Pairs) -> str:
    """What was lost and gained."""
    return f"{change.lost} lost, {change.gained} gained of {change.n}"


def points(share: float) -> str:
    """A share in points."""
    return f"{100 * share:.1f} points"
