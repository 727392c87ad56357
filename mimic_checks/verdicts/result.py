"""What a run leaves on disk of a check: its verdict, its levels, what was measured beside them, and
the cases that the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from mimic_checks.cases import Level, Scored
from mimic_checks.tasks import TASKS
from mimic_checks.verdicts.estimates import drop_from
from mimic_checks.verdicts.files import SCHEMA, Stored
from mimic_checks.verdicts.levels import LevelVerdict, Tally, Verdict
from mimic_checks.verdicts.new_photos import new_photos
from mimic_checks.verdicts.record import Record


class LevelResult(Stored):
    """One judged level: `n` items, `low` to `high` the interval of their rate at the check's alpha,
    `floor` the rate of the best answer that looks at nothing, `floor_name` what that is, `released`
    what the scorers that others released say, by scorer; `trouble`: why most of its items have no
    prediction, if most have none.

    `photos`: different ones shown; `effective`: how many cases of new photos each they are worth;
    `new_low` to `new_high`: the interval for new photos, or `new_absent`: why there is none.
    `drop`: what it costs against the reference on the same draws, beside the verdict."""

    level: Level
    n: int
    right: int
    wrong: int
    unparseable: int
    error: int
    rate: float
    low: float
    high: float
    floor: float | None = None
    floor_name: str = ""
    verdict: Verdict
    reason: str
    threshold: float
    is_reference: bool
    retention_low: float | None = None
    retention_high: float | None = None
    partial: float | None = None
    partial_low: float | None = None
    partial_high: float | None = None
    released: dict[str, float] = Field(default_factory=dict)
    trouble: str = ""
    photos: int = 0
    effective: int | None = None
    new_low: float | None = None
    new_high: float | None = None
    new_absent: str = ""
    drop: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None

    @property
    def is_answered(self) -> bool:
        """Whether its rate says anything about the model: not if most cases are errors."""
        return 2 * self.error <= self.n

    @property
    def blind(self) -> str:
        """The best answer that looks at nothing, in short: `0.26: all members`."""
        return "" if self.floor is None else f"{self.floor:.2f}: {self.floor_name}"


class HeatMap(Stored):
    """Shares in [0, 1] over rows and columns; None where nothing was measured."""

    kind: Literal["heatmap"] = "heatmap"
    title: str
    note: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]


class Series(Stored):
    """One curve: values over the x of its panel, with interval bounds where they exist."""

    name: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Curves(Stored):
    """Several curves on one axis."""

    kind: Literal["curves"] = "curves"
    title: str
    note: str
    x_label: str
    x: tuple[str, ...]
    series: tuple[Series, ...]


class Table(Stored):
    """Words and numbers as they are to be read."""

    kind: Literal["table"] = "table"
    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Panel = Annotated[HeatMap | Curves | Table, Field(discriminator="kind")]


class CheckResult(Stored):
    """A check with its verdict. `module`: where its test is; `alpha`: the error rate of the printed
    intervals; `shown`: the cases that the report shows in full; `panels`: what was measured beside
    the levels; `unreadable`: images left out; `refused`: questions of its
    file that have no answer, and why; `harness`: it asked whether the harness is right;
    `alone`: its levels are judged one by one, each against its own floor and blind answers;
    `judged`: false where only some of its levels were asked for, and not its verdict (which then is
    "inconclusive")."""

    format: Literal[2] = SCHEMA
    check: str
    module: str
    title: str
    behaviour: str
    factor: str
    moves: str
    verdict: Verdict
    reason: str
    seconds: float
    alpha: float
    levels: tuple[LevelResult, ...] = ()
    shown: tuple[Record, ...] = ()
    panels: tuple[Panel, ...] = ()
    unreadable: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    docs: str = ""
    harness: bool = False
    alone: bool = False
    judged: bool = True

    @property
    def status(self) -> str:
        """The verdict as it is shown."""
        return self.verdict if self.judged else "not judged"


def level_result(
    judged: LevelVerdict, items: Sequence[Scored], alpha: float, reference: Sequence[Scored] = ()
) -> LevelResult:
    """A level's verdict, with the outcomes that it was reached from and those of the reference, as
    it is stored; `alpha` is the error rate of its intervals."""
    tally = judged.tally
    return LevelResult(
        level=judged.level,
        n=tally.n,
        right=tally.right,
        wrong=tally.wrong,
        unparseable=tally.unparseable,
        error=tally.error,
        rate=tally.rate,
        low=judged.interval[0],
        high=judged.interval[1],
        floor=tally.floor.rate if tally.floor else None,
        floor_name=tally.floor.name if tally.floor else "",
        verdict=judged.verdict,
        reason=judged.reason,
        threshold=judged.threshold,
        is_reference=judged.is_reference,
        retention_low=judged.retention[0] if judged.retention else None,
        retention_high=min(judged.retention[1], 1e9) if judged.retention else None,
        partial=tally.mean_partial,
        partial_low=tally.partial_interval[0] if tally.partial_interval else None,
        partial_high=tally.partial_interval[1] if tally.partial_interval else None,
        released=released_scores(items) if tally.is_answered else {},
        trouble=_trouble(tally),
        **(_beside(judged, items, alpha, reference) if tally.is_answered and items else {}),
    )


def _beside(
    judged: LevelVerdict, items: Sequence[Scored], alpha: float, reference: Sequence[Scored]
) -> dict[str, Any]:
    """What is estimated beside the verdict of an answered level."""
    reach = new_photos(items, alpha)
    drop = drop_from(reference, items, alpha, judged.evidence)
    low, high = reach.interval or (None, None)
    by_drop = dict(zip(("drop", "drop_low", "drop_high"), drop or (), strict=bool(drop)))
    return {
        "photos": reach.photos,
        "effective": reach.effective,
        "new_low": low,
        "new_high": high,
        "new_absent": reach.absent,
        **by_drop,
    }


def _trouble(tally: Tally) -> str:
    """Why most items of a level have no prediction, in short; "" if most have one."""
    if not tally.is_answered:
        some = f"{tally.raised.count} of {tally.n}: " if tally.raised.count < tally.n else ""
        return f"not answered: {some}{tally.raised.what or 'errors without a message'}"
    if 2 * tally.unparseable > tally.n:
        unread = tally.unread
        count = unread.count if unread.what else tally.unparseable
        return f"unparseable: {count} of {tally.n} {unread.what}".rstrip()
    return ""


def released_scores(items: Sequence[Scored]) -> dict[str, float]:
    """What released scorers say of the answers, if all are to one task; an error is an empty
    answer."""
    outcomes = [outcome for item in items for outcome in item.members]
    tasks = {outcome.case.task for outcome in outcomes}
    if len(tasks) != 1:
        return {}
    answers = [("" if o.kind == "error" else o.answer, o.case.truth) for o in outcomes]
    return dict(TASKS.get(tasks.pop()).released_scores(answers))
