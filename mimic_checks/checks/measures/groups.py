"""What stands beside the verdicts of a survey: how often whole groups are right, and how often all
members of a group are answered alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mimic_checks.cases import Level, Outcome, Scored
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.result import Panel, Table
from mimic_checks.verdicts.text import interval_name

GROUP = "group"
"""The factor of a case that names its group: members of one level with one value belong
together."""


def group_panels(outcomes: Mapping[Level, Sequence[Scored]], alpha: float) -> Sequence[Panel]:
    """A table of whole groups by level; nothing where no level has groups."""
    rows = []
    for level, items in outcomes.items():
        if groups := groups_of(items):
            rows.append((str(level.value), *_cells(groups, alpha)))
    if not rows:
        return ()
    head = ("level", "groups", "all right", interval_name(alpha), "one answer to all", "items")
    note = (
        "A group's questions are answered alike by a model that does not look; an answer that says"
        " nothing, and an error, are no answer alike. Intervals are exact, over groups."
    )
    return (Table(title="Whole groups", note=note, head=head, rows=tuple(rows)),)


def groups_of(items: Sequence[Scored]) -> list[tuple[Outcome, ...]]:
    """The members of every group, whether it was scored as one or item by item."""
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for item in items:
        if len(item.members) > 1:
            groups[item.id] += item.members
        elif name := item.members[0].case.factors.get(GROUP):
            groups[str(name)] += item.members
    return [tuple(members) for members in groups.values() if len(members) > 1]


def _cells(groups: Sequence[tuple[Outcome, ...]], alpha: float) -> tuple[str, ...]:
    n, members = len(groups), [outcome for group in groups for outcome in group]
    right = sum(all(outcome.kind == "right" for outcome in group) for group in groups)
    alike = sum(is_answered_alike(group) for group in groups)
    single = sum(outcome.kind == "right" for outcome in members)
    return (
        str(n),
        f"{right / n:.3f}",
        f"[{lower(right, n, alpha / 2):.3f}, {upper(right, n, alpha / 2):.3f}]",
        f"{alike / n:.3f}",
        f"{single} of {len(members)}",
    )


def is_answered_alike(group: Sequence[Outcome]) -> bool:
    """Whether every member has an answer that says something, and all say the same."""
    said = [outcome.prediction for outcome in group]
    return None not in said and len({one.value for one in said if one}) == 1
