"""What a run leaves on disk: one `CheckResult` per check and one `OutcomeLine` per case.

Data in: verdicts and outcomes. Data out: pydantic models, written as JSON and read back by the
report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mimic_checks.cases import Case, Task, Template, Truth
from mimic_checks.verdicts import official
from mimic_checks.verdicts.levels import LevelVerdict, Verdict
from mimic_checks.verdicts.outcome import Outcome, OutcomeKind


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoredCase(_Stored):
    """A `Case` on disk; `rows` are its images' rows in the catalog that the run names (-1: not in a
    catalog)."""

    id: str
    cluster: str
    task: Task
    template: Template
    images: tuple[str, ...]
    rows: tuple[int, ...]
    question: str
    counts: tuple[tuple[str, int], ...] = ()
    names: tuple[str, ...] = ()
    factors: dict[str, int | str] = {}

    @classmethod
    def of(cls, case: Case, rows: Sequence[int]) -> StoredCase:
        """A case with the rows of its images."""
        return cls(
            id=case.id,
            cluster=case.cluster,
            task=case.task,
            template=case.template,
            images=case.images,
            rows=tuple(rows),
            question=case.question,
            counts=case.truth.counts,
            names=case.truth.names,
            factors=dict(case.factors),
        )

    def case(self) -> Case:
        """The case again."""
        return Case(
            self.id,
            self.cluster,
            self.task,
            self.template,
            self.images,
            self.question,
            Truth(self.counts, self.names),
            dict(self.factors),
        )


class OutcomeLine(_Stored):
    """One case as it was asked in a check, with what the model said."""

    check: str
    level: str
    case: StoredCase
    answer: str
    kind: OutcomeKind
    f1: float | None = None


class LevelResult(_Stored):
    """One judged level; `official` is the released scorer's number (listing: without its
    leading-space bug, and `official_released` with it)."""

    level: str
    value: float
    n: int
    right: int
    wrong: int
    unparseable: int
    error: int
    rate: float
    low: float
    high: float
    best_constant: float
    verdict: Verdict
    reason: str
    threshold: float
    is_reference: bool
    retention_low: float | None = None
    retention_high: float | None = None
    mean_f1: float | None = None
    f1_low: float | None = None
    f1_high: float | None = None
    official: float | None = None
    official_released: float | None = None


class HeatMap(_Stored):
    """Shares in [0, 1] over rows and columns; None where nothing was measured."""

    kind: Literal["heatmap"] = "heatmap"
    title: str
    note: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


class Series(_Stored):
    """One curve: values over the x of its panel, with interval bounds where they exist."""

    name: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Curves(_Stored):
    """Several curves on one axis."""

    kind: Literal["curves"] = "curves"
    title: str
    note: str
    x_label: str
    x: tuple[str, ...]
    series: tuple[Series, ...]


class Table(_Stored):
    """Words and numbers as they are to be read."""

    kind: Literal["table"] = "table"
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Panel = Annotated[HeatMap | Curves | Table, Field(discriminator="kind")]


class CheckResult(_Stored):
    """A check with its verdict; `shown` are the cases that the report shows in full, `panels` what
    was measured beside the levels, `unreadable` images left out."""

    check: str
    title: str
    behaviour: str
    factor: str
    moves: str
    verdict: Verdict
    reason: str
    seconds: float
    levels: tuple[LevelResult, ...] = ()
    shown: tuple[OutcomeLine, ...] = ()
    panels: tuple[Panel, ...] = ()
    unreadable: tuple[str, ...] = ()
    docs: str = ""


def level_result(value: float, level: LevelVerdict, outcomes: Sequence[Outcome]) -> LevelResult:
    """A level verdict as it is stored."""
    tally = level.tally
    plain, released = _official(outcomes)
    return LevelResult(
        level=level.level,
        value=value,
        n=tally.n,
        right=tally.right,
        wrong=tally.wrong,
        unparseable=tally.unparseable,
        error=tally.error,
        rate=tally.rate,
        low=level.interval[0],
        high=level.interval[1],
        best_constant=tally.best_constant,
        verdict=level.verdict,
        reason=level.reason,
        threshold=level.threshold,
        is_reference=level.is_reference,
        retention_low=level.retention[0] if level.retention else None,
        retention_high=min(level.retention[1], 1e9) if level.retention else None,
        mean_f1=tally.mean_f1,
        f1_low=tally.f1_interval[0] if tally.f1_interval else None,
        f1_high=tally.f1_interval[1] if tally.f1_interval else None,
        official=plain,
        official_released=released,
    )


def _official(outcomes: Sequence[Outcome]) -> tuple[float | None, float | None]:
    pairs = [("" if o.kind == "error" else o.answer, o.case.truth.text) for o in outcomes]
    task = outcomes[0].case.task if outcomes else None
    if task is None or (task == "counting" and len(outcomes[0].case.truth.counts) > 1):
        return None, None
    if task == "listing":
        return (
            official.listing_score(pairs, leading_space=False).f1,
            official.listing_score(pairs).f1,
        )
    right = official.counting_right if task == "counting" else official.name_right
    return sum(right(answer, truth) for answer, truth in pairs) / len(pairs), None
