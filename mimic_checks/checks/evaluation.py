"""What a check comes to: a verdict, the outcomes behind it, and what was measured beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mimic_checks.cases import Level, Scored
from mimic_checks.verdicts.levels import CheckVerdict
from mimic_checks.verdicts.result import Panel


class NotMeasurable(Exception):
    """This model cannot be checked so; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Finding:
    """What a preflight test came to: the `problem` ("": there is none), or the `reason` why there
    was nothing to look at ("": it looked). `of_checks`: the problems of single checks, where it
    concerns no other."""

    problem: str = ""
    reason: str = ""
    of_checks: Mapping[str, str] = field(default_factory=dict)

    def problem_of(self, check: str) -> str:
        """The problem as far as it concerns a check."""
        return self.of_checks.get(check, "") if self.of_checks else self.problem


class EvaluationDied(Exception):
    """A process of this run died while it evaluated the check; the message says what to do."""


@dataclass(frozen=True)
class Evaluation:
    """A verdict, the scored items behind it by level in draw order, and the panels of the report.
    `shown`: whether the report shows cases in full."""

    verdict: CheckVerdict
    outcomes: Mapping[Level, Sequence[Scored]] = field(default_factory=dict)
    panels: Sequence[Panel] = ()
    shown: bool = True
