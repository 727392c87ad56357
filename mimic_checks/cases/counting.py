"""Counting cases: how many instances of one class, or of each of several, are in all images
together?

MIMIC's Counting task: balanced (`total` fixed while spread varies) and unbalanced (`instances` in
every needle, total free). Levels are matched: the same classes, nested distractors, and needles as
`counting_needles` says.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, images_first, make_case
from mimic_checks.cases.counting_needles import needles_of
from mimic_checks.cases.counting_request import (
    CountingFactor,
    Distribution,
    Request,
    Setting,
    checked_request,
    settings_of,
)
from mimic_checks.cases.group import clustered
from mimic_checks.cases.pools import DrawValue, Order, TemplateChoice
from mimic_checks.catalog import Catalog
from mimic_checks.tasks.counting import COUNTING, count
from mimic_checks.tasks.task import Template
from mimic_checks.tasks.truth import Counts


def counting_cases(
    catalog: Catalog,
    *,
    spread: int = 1,
    distractors: int = 0,
    concepts: int = 1,
    total: int | tuple[int, int] | None = None,
    instances: int | tuple[int, int] = (1, 4),
    distribution: Distribution = "even",
    order: Order = "shuffled",
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[Case]:
    """Counting cases at one setting.

    `spread` needles hold the asked class, `distractors` images certainly do not. `total` (balanced;
    a number or a range, drawn uniformly): that many instances over all needles, split evenly or
    (`distribution="random"`) in a random way; else each needle has `instances` (a number or a
    range), drawn uniformly. `concepts` > 1 asks for several classes at once.

    Raises:
        InvalidArgument: a value out of range, or factors that contradict each other.
        EmptyPool: the catalog cannot meet the request; names the constraint.
    """
    request = checked_request(
        (Setting(spread, distractors, concepts),),
        total=total,
        instances=instances,
        distribution=distribution,
        order=order,
        template=template,
    )
    return _strategy(catalog, request, classes).map(lambda cases: cases[0])


def counting_sweep(
    catalog: Catalog,
    *,
    factor: CountingFactor,
    levels: Sequence[int],
    spread: int = 1,
    distractors: int = 0,
    concepts: int = 1,
    total: int | tuple[int, int] | None = None,
    instances: int | tuple[int, int] = (1, 4),
    distribution: Distribution = "even",
    order: Order = "shuffled",
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Counting cases at every level of one factor, from one draw; the other arguments as in
    `counting_cases`.

    `factor="images"` makes half of the images needles (rounded up) and half distractors.

    Raises:
        InvalidArgument, EmptyPool: as `counting_cases`, over all levels at once.
    """
    request = checked_request(
        settings_of(factor, levels, Setting(spread, distractors, concepts)),
        total=total,
        instances=instances,
        distribution=distribution,
        order=order,
        template=template,
    )
    return _strategy(catalog, request, classes)


def _strategy(
    catalog: Catalog, request: Request, classes: Sequence[str] | None
) -> st.SearchStrategy[tuple[Case, ...]]:
    needles = needles_of(catalog, request, classes)

    @st.composite
    def sweeps(draw: DrawValue) -> tuple[Case, ...]:
        asked, rows_of = needles.draw(draw)
        distractors = pools.sample(draw, needles.absent(asked), request.most.distractors)
        shown = sorted({row for rows in rows_of.values() for row in rows}) + distractors
        shuffled = pools.sample(draw, shown, len(shown))
        ranks = {row: rank for rank, row in enumerate(shuffled)}
        pools.assume_readable(catalog, shown)
        template = pools.choose_template(draw, request.template)
        cases = []
        for setting in request.settings:
            chosen = rows_of[setting.spread], distractors[: setting.distractors]
            ordered = _ordered(*chosen, ranks, request.order)
            cases.append(
                _case(catalog, request, setting, asked[: setting.concepts], ordered, template)
            )
        return clustered(cases)

    return sweeps()


def _ordered(
    needles: list[int], distractors: list[int], ranks: dict[int, int], order: Order
) -> list[tuple[int, bool]]:
    """(row, is a needle) in the order shown; images keep their relative order from level to
    level."""
    shown = sorted(
        [(ranks[r], r, True) for r in needles] + [(ranks[r], r, False) for r in distractors]
    )
    if order != "shuffled":
        shown.sort(key=lambda item: item[2] == (order == "needles_last"))
    return [(row, needle) for _, row, needle in shown]


def _case(
    catalog: Catalog,
    request: Request,
    setting: Setting,
    asked: list[int],
    shown: list[tuple[int, bool]],
    template: Template,
) -> Case:
    rows = [row for row, _ in shown]
    names = [catalog.class_names[c] for c in asked]
    counts = count(catalog.states(rows), asked)
    assert counts is not None, f"rows={rows!r} leave open how many of {names!r} they show"
    question = COUNTING.question(template, classes=names, images=len(rows), labels=catalog.labels)
    return make_case(
        task=COUNTING.name,
        template=template,
        content=images_first(pools.image_ids(catalog, rows), question),
        truth=Counts(tuple(zip(names, counts, strict=True))),
        needles=[index for index, (_, needle) in enumerate(shown) if needle],
        factors={
            "images": len(rows),
            "spread": setting.spread,
            "distractors": setting.distractors,
            "concepts": setting.concepts,
            "instances": sum(counts),
            "order": request.order,
            "balance": "balanced" if request.totals else "unbalanced",
        },
    )
