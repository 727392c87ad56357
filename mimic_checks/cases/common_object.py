"""Common cases: which class is in every image?

The answer is unique by construction, doubt included: every other class is certainly absent from one
of the two first images.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from hypothesis import assume, reject
from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, images_first, make_case
from mimic_checks.cases.group import clustered
from mimic_checks.cases.pools import DrawValue, TemplateChoice
from mimic_checks.catalog import Catalog
from mimic_checks.tasks.common_object import COMMON, common
from mimic_checks.tasks.task import Template, check_template
from mimic_checks.tasks.truth import Names

_EXACT_UP_TO = 500
"""Rows showing a class up to which the second image of a common case is drawn from an exact list;
above, by rejection."""


def common_cases(
    catalog: Catalog,
    *,
    images: int,
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[Case]:
    """Cases that ask for the one class that all `images` (at least 2) images show.

    Raises:
        InvalidArgument: a value out of range.
        EmptyPool: the catalog cannot meet the request.
    """
    return common_sweep(catalog, levels=(images,), template=template, classes=classes).map(
        lambda cases: cases[0]
    )


def common_sweep(
    catalog: Catalog,
    *,
    levels: Sequence[int],
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Common cases at every number of images in `levels`, nested; raises as `common_cases`."""
    levels, most = pools.image_levels(levels, 2), max(levels)
    check_template(template)
    pool = pools.eligible(
        catalog,
        f"common cases with images={most}",
        (
            (f"{most} images that show it", lambda c: len(catalog.showing(c)) >= most),
            ("two images that share nothing else", partial(_has_unique_pair, catalog)),
        ),
        pools.candidates(catalog, classes),
    )

    @st.composite
    def sweeps(draw: DrawValue) -> tuple[Case, ...]:
        asked = pools.choose(draw, pool)
        showing = catalog.showing(asked)
        first = int(pools.choose(draw, showing))
        second = _second(draw, catalog, asked, first)
        rest = showing[(showing != first) & (showing != second)]
        rows = [first, second, *pools.sample(draw, rest, most - 2)]
        ranks = pools.sample(draw, range(most), most)
        pools.assume_readable(catalog, rows)
        chosen = pools.choose_template(draw, template)
        return clustered(
            [_common_case(catalog, pools.nested(rows, ranks, level), chosen) for level in levels]
        )

    return sweeps()


def _second(draw: DrawValue, catalog: Catalog, asked: int, first: int) -> int:
    """An image that shares no class with `first` but the asked one, uniformly; gives the draw up if
    none is found."""
    showing = catalog.showing(asked)
    if len(showing) <= _EXACT_UP_TO:
        partners = showing[_unique_with(catalog, asked, first, showing)]
        assume(len(partners) > 0)
        return int(pools.choose(draw, partners))
    for _ in range(64):
        second = int(pools.choose(draw, showing))
        if _unique_with(catalog, asked, first, np.array([second]))[0]:
            return second
    return reject()


def _unique_with(catalog: Catalog, asked: int, row: int, partners: np.ndarray) -> np.ndarray:
    """Which partners certainly lack every other class that `row` may show, [partners]."""
    others = np.flatnonzero(catalog.possible[row])
    others = others[others != asked]
    alone: np.ndarray = ~catalog.possible[np.ix_(partners, others)].any(axis=1) & (partners != row)
    return alone


def _has_unique_pair(catalog: Catalog, asked: int) -> bool:
    rows = catalog.showing(asked)
    return any(_unique_with(catalog, asked, int(row), rows).any() for row in rows)


def _common_case(catalog: Catalog, rows: list[int], template: Template) -> Case:
    answer = common(catalog.states(rows))
    assert answer is not None, f"rows={rows!r} leave open what they have in common"
    question = COMMON.question(template, images=len(rows))
    return make_case(
        task=COMMON.name,
        template=template,
        content=images_first(pools.image_ids(catalog, rows), question),
        truth=Names((catalog.class_names[answer],)),
        factors={"images": len(rows)},
    )
