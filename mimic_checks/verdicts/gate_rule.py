"""What a check may lose, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Rule = Literal["two_margins", "per_level"]
"""`two_margins`: a check's mean drop over its levels against `margin`, and every level's against
`level_margin`. `per_level`: every level's drop against `margin`, and nothing else."""
RULES: tuple[Rule, ...] = get_args(Rule)


@dataclass(frozen=True, slots=True)
class GateRule:
    """`margin`, `level_margin`: shares of cases. `alpha`: the error rate of a pass, and of any
    false fail over the run. `min_cases`: levels with fewer are neither a pass nor a fail, unless
    they may be looked at at any time. `error_ceiling`: nor are levels of which a larger share
    raised an error in either release. `unparseable_ceiling`: a larger rise of unreadable answers
    fails."""

    rule: Rule
    margin: float
    level_margin: float
    alpha: float
    min_cases: int
    error_ceiling: float
    unparseable_ceiling: float

    @property
    def has_mean(self) -> bool:
        """Whether the mean over the levels of a check is tested."""
        return self.rule == "two_margins"

    @property
    def of_a_level(self) -> float:
        """The margin of every single level."""
        return self.level_margin if self.has_mean else self.margin
