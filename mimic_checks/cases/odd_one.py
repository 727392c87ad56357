"""Odd-one cases: which class is in fewer images than the others?

The answer is unique by construction, doubt included: the odd class is in exactly one image, and
every other class that is there at all is in more than half.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from mimic_checks.cases import pools
from mimic_checks.cases.case import Case, images_first, make_case
from mimic_checks.cases.group import clustered
from mimic_checks.cases.pools import DrawValue, TemplateChoice
from mimic_checks.catalog import Catalog
from mimic_checks.catalog.states import PRESENT
from mimic_checks.tasks.odd_one import ODD_ONE, odd_one
from mimic_checks.tasks.task import Template, check_template
from mimic_checks.tasks.truth import Names


def odd_one_cases(
    catalog: Catalog,
    *,
    images: int,
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[Case]:
    """Cases that ask for the one class that only one of `images` (at least 2) images shows, every
    other more than half.

    Raises:
        InvalidArgument: a value out of range.
        EmptyPool: the catalog cannot meet the request.
    """
    return odd_one_sweep(catalog, levels=(images,), template=template, classes=classes).map(
        lambda cases: cases[0]
    )


def odd_one_sweep(
    catalog: Catalog,
    *,
    levels: Sequence[int],
    template: TemplateChoice = "plain",
    classes: Sequence[str] | None = None,
) -> st.SearchStrategy[tuple[Case, ...]]:
    """Odd-one cases at every number of images in `levels`, nested; raises as `odd_one_cases`.

    The odd image shows the odd class beside the classes of all the other images, or, where no level
    has fewer than three images, possibly alone."""
    levels, most = pools.image_levels(levels, 2), max(levels)
    check_template(template)
    rows_by_set = _certain_sets(catalog)
    backgrounds = _odd_backgrounds(rows_by_set, most, alone=min(levels) > 2)
    pool = pools.eligible(
        catalog,
        f"odd-one cases with images={most}",
        (
            (
                f"an image whose other classes are just those of {most - 1} further images",
                lambda c: bool(backgrounds[c]),
            ),
        ),
        pools.candidates(catalog, classes),
    )

    @st.composite
    def sweeps(draw: DrawValue) -> tuple[Case, ...]:
        asked = pools.choose(draw, pool)
        shown, others = pools.choose(draw, backgrounds[asked])
        odd = int(pools.choose(draw, rows_by_set[shown]))
        rows = [odd, *pools.sample(draw, rows_by_set[others], most - 1)]
        ranks = pools.sample(draw, range(most), most)
        pools.assume_readable(catalog, rows)
        chosen = pools.choose_template(draw, template)
        return clustered(
            [_odd_one_case(catalog, pools.nested(rows, ranks, level), chosen) for level in levels]
        )

    return sweeps()


def _certain_sets(catalog: Catalog) -> dict[frozenset[int], list[int]]:
    """Rows without any doubt, by the set of classes they show (empty sets left out)."""
    rows: dict[frozenset[int], list[int]] = defaultdict(list)
    for row in catalog.certain.tolist():
        present = frozenset(np.flatnonzero(catalog.counts[row]).tolist())
        if present:
            rows[present].append(row)
    return rows


def _odd_backgrounds(
    rows: dict[frozenset[int], list[int]], most: int, *, alone: bool
) -> dict[int, list[tuple[frozenset[int], frozenset[int]]]]:
    """Per odd class, the pairs (classes of the odd image, classes of every other image) with rows
    enough."""
    backgrounds: dict[int, list[tuple[frozenset[int], frozenset[int]]]] = defaultdict(list)
    classes = sorted(set().union(*rows))
    for others in sorted(
        (present for present, group in rows.items() if len(group) >= most - 1), key=sorted
    ):
        for odd in classes:
            beside, single = others | {odd}, frozenset({odd})
            if odd in others:
                continue
            if beside in rows:
                backgrounds[odd].append((beside, others))
            if alone and single in rows:
                backgrounds[odd].append((single, others))
    return backgrounds


def _odd_one_case(catalog: Catalog, rows: list[int], template: Template) -> Case:
    states = catalog.states(rows)
    answer = odd_one(states)
    assert answer is not None, f"rows={rows!r} leave open which class is the odd one"
    question = ODD_ONE.question(template, images=len(rows))
    return make_case(
        task=ODD_ONE.name,
        template=template,
        content=images_first(pools.image_ids(catalog, rows), question),
        truth=Names((catalog.class_names[answer],)),
        needles=np.flatnonzero(states[:, answer] >= PRESENT).tolist(),
        factors={"images": len(rows)},
    )
