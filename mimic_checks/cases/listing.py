"""Listing cases: which classes of a super-category are in any of the images?

Data in: a catalog and factor values. Data out: strategies for one case or an images sweep. MIMIC's
Listing task. Levels are nested: the first n of one permutation of images, asked for the same
super-category; only images in which every class of it is certainly present or certainly absent are
shown, and the first one shows at least one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, Truth, clustered, make_case
from mimic_checks.cases.pools import Draw, TemplateChoice
from mimic_checks.cases.wording import Template, question
from mimic_checks.catalog import Catalog
from mimic_checks.errors import EmptyPool


def listing_cases(
    catalog: Catalog,
    *,
    images: int,
    supercategory: str | None = None,
    template: TemplateChoice = "plain",
) -> st.SearchStrategy[Case]:
    """Listing cases over `images` images; `supercategory` None draws one of those with two classes
    or more.

    Raises:
        InvalidArgument: a value out of range, or an unknown super-category.
        EmptyPool: the catalog cannot meet the request.
    """
    return listing_sweep(
        catalog, levels=(images,), supercategory=supercategory, template=template
    ).map(lambda cases: cases[0])


def listing_sweep(
    catalog: Catalog,
    *,
    levels: Sequence[int],
    supercategory: str | None = None,
    template: TemplateChoice = "plain",
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Listing cases at every number of images in `levels`, nested; raises as `listing_cases`."""
    levels = pools.image_levels(levels, 1)
    pools.check_template(template)
    wanted = (
        [supercategory]
        if supercategory
        else sorted({s for s in catalog.supercategories if len(catalog.members(s)) > 1})
    )
    rows_of = {name: _usable(catalog, name) for name in wanted}
    pool = [
        name for name, (sure, holds) in rows_of.items() if len(sure) >= max(levels) and len(holds)
    ]
    if not pool:
        raise EmptyPool(
            f"listing cases with images={max(levels)}, supercategory={supercategory!r} on"
            f" catalog={catalog.name!r}: no super-category of two classes or more has that many"
            " images without doubt about it; ask for fewer images"
        )

    @st.composite
    def sweeps(draw: Draw) -> tuple[Case, ...]:
        asked = pools.choose(draw, pool)
        sure, holds = rows_of[asked]
        first = int(pools.choose(draw, holds))
        rows = [first, *pools.sample(draw, sure[sure != first], max(levels) - 1)]
        ranks = pools.sample(draw, range(len(rows)), len(rows))
        pools.readable(catalog, rows)
        chosen = pools.pick_template(draw, template)
        return clustered(
            [_case(catalog, asked, pools.nested(rows, ranks, level), chosen) for level in levels]
        )

    return sweeps()


def _usable(catalog: Catalog, supercategory: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows without doubt about any class of the super-category, and those of them that show one."""
    members = catalog.members(supercategory)
    sure = ~catalog.uncountable[:, members].any(axis=1)
    return np.flatnonzero(sure), np.flatnonzero(sure & (catalog.counts[:, members] > 0).any(axis=1))


def _case(catalog: Catalog, supercategory: str, rows: list[int], template: Template) -> Case:
    members = catalog.members(supercategory)
    present = (catalog.counts[rows][:, members] > 0).any(axis=0)
    names = tuple(catalog.class_names[c] for c in members[present])
    return make_case(
        task="listing",
        template=template,
        images=[catalog.manifest.id(row) for row in rows],
        question=question(
            task="listing", template=template, images=len(rows), supercategory=supercategory
        ),
        truth=Truth(names=names),
        factors={"images": len(rows), "supercategory": supercategory, "instances": len(names)},
    )
