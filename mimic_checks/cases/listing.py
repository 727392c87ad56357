"""Listing cases: which classes of a super-category are in any of the images? (MIMIC's Listing)

Levels are nested: the first n of one permutation of images, asked for the same
super-category; only images in which every class of it is certainly present or certainly absent are
shown, and the first one shows at least one. Where many images are shown, most draws leave one class
out on purpose (it is certainly absent from all of them): else nearly every list would be the whole
category, which can be said without a look.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, images_first, make_case
from mimic_checks.cases.group import clustered
from mimic_checks.cases.pools import DrawValue, TemplateChoice
from mimic_checks.catalog import Catalog
from mimic_checks.catalog.states import ABSENT, DOUBT, PRESENT
from mimic_checks.errors import EmptyPool
from mimic_checks.tasks.listing import LISTING, listed
from mimic_checks.tasks.task import Template, check_template
from mimic_checks.tasks.truth import Names

Rows = tuple[np.ndarray, np.ndarray]
"""The usable rows of a super-category, and those of them that show a class of it."""
MANY_IMAGES = 16
"""From so many images on, a class is left out. Of rendered scenes 8 images show a whole category in
a fifth of the draws, 16 in half, 35 in 19 of 20."""


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
    allowed: Callable[[str], bool] = lambda supercategory: True,
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Listing cases at every number of images in `levels`, nested; raises as `listing_cases`.
    `allowed`: of which super-categories one is drawn, where none is named."""
    levels = pools.image_levels(levels, 1)
    check_template(template)
    several = sorted({s for s in catalog.supercategories if len(catalog.members(s)) > 1})
    wanted = [supercategory] if supercategory else [name for name in several if allowed(name)]
    if several and not wanted:
        raise EmptyPool(
            f"listing cases on catalog={catalog.name!r}: none of its super-categories"
            f" ({', '.join(several[:20])}) is one of which people ask for kinds; name those that"
            " are with --vlm-kinds"
        )
    rows_of = _usable_rows(catalog, wanted)
    pool = [name for name, rows in rows_of.items() if _is_enough(rows, max(levels))]
    if not pool:
        raise EmptyPool(
            f"listing cases with images={max(levels)}, supercategory={supercategory!r} on"
            f" catalog={catalog.name!r}: no super-category of two classes or more has that many"
            " images without doubt about it; ask for fewer images"
        )

    without_one = {
        name: _without_one(catalog, name, rows_of[name], max(levels))
        for name in (pool if max(levels) >= MANY_IMAGES else ())
    }

    @st.composite
    def sweeps(draw: DrawValue) -> tuple[Case, ...]:
        asked = pools.choose(draw, pool)
        certain, showing = rows_of[asked]
        if others := without_one.get(asked):
            # Every class is left out as often as none is.
            certain, showing = pools.choose(draw, [(certain, showing), *others])
        first = int(pools.choose(draw, showing))
        rows = [first, *pools.sample(draw, certain[certain != first], max(levels) - 1)]
        ranks = pools.sample(draw, range(len(rows)), len(rows))
        pools.assume_readable(catalog, rows)
        chosen = pools.choose_template(draw, template)
        return clustered(
            [_case(catalog, asked, pools.nested(rows, ranks, level), chosen) for level in levels]
        )

    return sweeps()


def _is_enough(rows: Rows, images: int) -> bool:
    certain, showing = rows
    return len(certain) >= images and len(showing) > 0


def _without_one(catalog: Catalog, name: str, rows: Rows, images: int) -> list[Rows]:
    """Of a super-category's usable rows those that lack a class, for every class that leaves
    enough."""
    found = []
    for member in catalog.members(name):
        lacking = rows[0][catalog.states(rows[0])[:, member] == ABSENT]
        left = lacking, np.intersect1d(lacking, rows[1])
        if _is_enough(left, images):
            found.append(left)
    return found


def _usable_rows(catalog: Catalog, supercategories: Sequence[str]) -> dict[str, Rows]:
    """Per super-category, the rows without doubt about any class of it, and those of them that show
    one."""
    states = catalog.states(np.arange(len(catalog)))
    usable = {}
    for name in supercategories:
        members = states[:, catalog.members(name)]
        certain = (members != DOUBT).all(axis=1)
        showing = certain & (members >= PRESENT).any(axis=1)
        usable[name] = np.flatnonzero(certain), np.flatnonzero(showing)
    return usable


def _case(catalog: Catalog, supercategory: str, rows: list[int], template: Template) -> Case:
    members = catalog.members(supercategory).tolist()
    present = listed(catalog.states(rows), members)
    assert present is not None, f"rows={rows!r} leave open which {supercategory!r} they show"
    question = LISTING.question(template, category=supercategory, images=len(rows))
    return make_case(
        task=LISTING.name,
        template=template,
        content=images_first(pools.image_ids(catalog, rows), question),
        truth=Names(tuple(catalog.class_names[c] for c in present)),
        offered=[catalog.class_names[c] for c in members],
        factors={"images": len(rows), "supercategory": supercategory, "instances": len(present)},
    )
