"""What others published of a suite, beside what this run came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from mimic_checks.cases import Level, Scored
from mimic_checks.catalog import Catalog
from mimic_checks.suites.suite import Suite
from mimic_checks.verdicts.result import Panel, Table


def published_panels(
    outcomes: Mapping[Level, Sequence[Scored]], catalog: Catalog
) -> Sequence[Panel]:
    """A table of published numbers, of this run first; nothing where there are none, or where the
    cases come from a case set, which does not say what its suite was."""
    if not isinstance(catalog, Suite) or not catalog.format.published:
        return ()
    published = [
        (
            one.model,
            f"{one.percent:.1f}",
            one.counted or "as the source has it",
            one.source,
            one.labels or "not stated",
            one.data_is(catalog.data_hash),
        )
        for one in catalog.format.published
    ]
    note = (
        "Reference lines, never thresholds: other wordings, readings and aggregates, and items that"
        " a run leaves out, move a number by points (mimic-checks scores says what they change"
        f" here). This run: key {catalog.key!r}, data {catalog.data_hash[:12]}."
    )
    head = ("model", "%", "counted as", "source", "its labels", "its data")
    return (
        Table(
            title="Published numbers",
            note=note,
            head=head,
            rows=(*_own(outcomes, catalog), *published),
        ),
    )


def _own(outcomes: Mapping[Level, Sequence[Scored]], suite: Suite) -> list[tuple[str, ...]]:
    """This run by its strict reading, over what it asked."""
    levels = [items for items in outcomes.values() if items]
    if not levels:
        return []
    rates = [fmean(item.kind == "right" for item in items) for items in levels]
    asked = sum(map(len, levels))
    right = sum(item.kind == "right" for items in levels for item in items)
    cases = sum(len(item.members) for items in levels for item in items)
    units = f"{cases} of its {len(suite.items)} cases asked"
    return [
        ("this run", f"{100 * value:.1f}", aggregate, f"strict reading, {units}", suite.key, "")
        for value, aggregate in (
            (right / asked, "mean over all"),
            (fmean(rates), "mean of categories"),
        )
    ]
