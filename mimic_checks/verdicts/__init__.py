"""What the answers prove: parsing, outcomes, intervals, verdicts."""

from mimic_checks.verdicts.levels import (
    CheckVerdict,
    LevelVerdict,
    Tally,
    Verdict,
    judge_levels,
    tally,
)
from mimic_checks.verdicts.outcome import Outcome, OutcomeKind, judge
from mimic_checks.verdicts.parsing import Prediction, Vocabulary, parse
from mimic_checks.verdicts.thresholds import Thresholds, ThresholdTable, load_thresholds

__all__ = [
    "CheckVerdict",
    "LevelVerdict",
    "Outcome",
    "OutcomeKind",
    "Prediction",
    "Tally",
    "ThresholdTable",
    "Thresholds",
    "Verdict",
    "Vocabulary",
    "judge",
    "judge_levels",
    "load_thresholds",
    "parse",
    "tally",
]
