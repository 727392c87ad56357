"""The draws of the shipped checks: functions from a catalog and levels to a hypothesis strategy.

Light, for check modules import it when they are collected: strategies are imported when cases are
drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from mimic_checks.catalog import Catalog
    from mimic_checks.checks.check import DrawCases


def counting(factor: str, **fixed: Any) -> DrawCases:
    """Counting cases at every level of `factor`; the other arguments as in `counting_sweep`, or
    functions of the levels."""

    def cases(
        catalog: Catalog, *, levels: Sequence[Any], template: Any
    ) -> SearchStrategy[tuple[Any, ...]]:
        from mimic_checks.cases import counting_sweep

        own = {name: value(levels) if callable(value) else value for name, value in fixed.items()}
        return counting_sweep(
            catalog,
            factor=factor,  # type: ignore[arg-type]
            levels=levels,
            template=template,
            **own,
        )

    return cases


def listing(
    catalog: Catalog, *, levels: Sequence[Any], template: Any
) -> SearchStrategy[tuple[Any, ...]]:
    """Listing cases over the images of every level, of super-categories that people ask about."""
    from mimic_checks.cases import listing_sweep
    from mimic_checks.catalog.kinds import may_ask_kinds

    return listing_sweep(
        catalog,
        levels=levels,
        template=template,
        allowed=lambda name: may_ask_kinds(name, catalog.kinds),
    )


def common(
    catalog: Catalog, *, levels: Sequence[Any], template: Any
) -> SearchStrategy[tuple[Any, ...]]:
    """Common-object cases over the images of every level."""
    from mimic_checks.cases import common_sweep

    return common_sweep(catalog, levels=levels, template=template)


def odd_one(
    catalog: Catalog, *, levels: Sequence[Any], template: Any
) -> SearchStrategy[tuple[Any, ...]]:
    """Odd-one cases over the images of every level."""
    from mimic_checks.cases import odd_one_sweep

    return odd_one_sweep(catalog, levels=levels, template=template)


def visual_patterns(
    catalog: Catalog, *, levels: Sequence[Any], template: Any
) -> SearchStrategy[tuple[Any, ...]]:
    """Twins of every pattern."""
    from mimic_checks.cases.visual_patterns import visual_patterns as patterns

    return patterns(catalog, patterns=levels, template=template)  # type: ignore[arg-type]


def misleading_inputs(
    catalog: Catalog, *, levels: Sequence[Any], template: Any
) -> SearchStrategy[tuple[Any, ...]]:
    """A normal and a misleading picture of every category."""
    from mimic_checks.cases.misleading import misleading_inputs as pairs

    return pairs(catalog, categories=levels, template=template)  # type: ignore[arg-type]
