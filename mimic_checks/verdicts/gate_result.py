"""What the gate leaves on disk: one `CheckGate` per check that was compared with a baseline."""

from __future__ import annotations

from typing import Literal

from mimic_checks.cases import OutcomeKind
from mimic_checks.verdicts.files import SCHEMA, Stored
from mimic_checks.verdicts.gate_rule import Rule
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.policy import Tier


class LevelGate(Stored):
    """One level against its baseline: right answers before and after, cases lost and gained of n,
    the drop with its bounds (each wrong with probability alpha at most), p-values of failing
    (plain, and corrected over the run), McNemar's p for information. `level` is its node id,
    `label` what people read."""

    level: str
    label: str
    n: int
    before_right: int
    after_right: int
    lost: int
    gained: int
    drop: float
    drop_low: float
    drop_high: float
    p: float
    p_corrected: float
    p_mcnemar: float
    verdict: Verdict
    reason: str
    note: str = ""


class MeanGate(Stored):
    """The mean drop of a check over its levels, one score per draw of n, with its bounds and
    p-values as those of a level."""

    levels: int
    n: int
    drop: float
    drop_low: float
    drop_high: float
    p: float
    p_corrected: float
    verdict: Verdict
    reason: str
    note: str = ""

    @property
    def label(self) -> str:
        """What people read for it."""
        return f"mean of {self.levels} level{'s' if self.levels > 1 else ''}"


class Flip(Stored):
    """A case or group (`item`: its id) that came out otherwise than in the baseline."""

    level: str
    item: str
    before: OutcomeKind
    before_answer: str
    after: OutcomeKind
    after_answer: str


class CheckGate(Stored):
    """A check against its baseline: verdict, tier, its mean (if the rule tests one), levels, and
    every case that flipped. `margin` is that of the mean if there is one, `level_margin` that of
    every level; `errors_above`: more cases raised than their ceiling allows, at some level, so that
    the run passes under no policy. `notes` are differences that are no reason to refuse (another
    device, say), and cases left out."""

    format: Literal[2] = SCHEMA
    check: str
    tier: Tier
    verdict: Verdict
    reason: str
    rule: Rule
    margin: float
    level_margin: float
    alpha: float
    levels: tuple[LevelGate, ...]
    mean: MeanGate | None = None
    errors_above: bool = False
    flips: tuple[Flip, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[LevelGate | MeanGate, ...]:
        """Everything that is judged."""
        return (*self.levels, *((self.mean,) if self.mean else ()))

    @property
    def noted(self) -> tuple[tuple[str, str], ...]:
        """Remarks on what is judged, each with what it is about."""
        return tuple((row.label, row.note) for row in self.rows if row.note)
