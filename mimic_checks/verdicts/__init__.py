"""What the outcomes prove: intervals, levels to checks, the paired gate, planning; and what of it
reaches the disk."""

from mimic_checks.verdicts.levels import (
    CheckVerdict,
    LevelVerdict,
    Tally,
    Verdict,
    judge_levels,
    tally,
)
from mimic_checks.verdicts.thresholds import Thresholds, ThresholdTable, load_thresholds

__all__ = [
    "CheckVerdict",
    "LevelVerdict",
    "Tally",
    "ThresholdTable",
    "Thresholds",
    "Verdict",
    "judge_levels",
    "load_thresholds",
    "tally",
]
