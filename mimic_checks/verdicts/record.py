"""Outcomes on disk: one line per answered case, from which cases, groups and outcomes are made
again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from mimic_checks.cases import Case, Group, GroupOutcome, Item, Level, Outcome, Scored
from mimic_checks.cases.group import GroupRule
from mimic_checks.catalog import Catalog
from mimic_checks.errors import InvalidArgument, RunFolderError
from mimic_checks.verdicts.files import Stored


class GroupMember(Stored):
    """A case's part in a group (`id`) of `size` cases, whose lines stand one after another."""

    id: str
    rule: GroupRule
    size: int
    role: str | None = None


class Record(Stored):
    """An answered case of a check. `rows`: its images' rows in the catalog that the run names (-1:
    not in it)."""

    check: str
    level: Level
    outcome: Outcome
    rows: tuple[int, ...]
    group: GroupMember | None = None


def records_of(
    check: str, level: Level, items: Iterable[Scored], row_of: Callable[[str], int]
) -> list[Record]:
    """The outcomes of a level, to be written; a group's members one after another. `row_of`: the
    row of an image id."""
    return [
        Record(
            check=check,
            level=level,
            outcome=outcome,
            rows=tuple(row_of(image_id) for image_id in outcome.case.images),
            group=member,
        )
        for item in items
        for outcome, member in zip(
            item.members,
            members_of(item.group if isinstance(item, GroupOutcome) else item.case),
            strict=True,
        )
    ]


def scored_by_level(records: Iterable[Record]) -> dict[Level, list[Scored]]:
    """The outcomes of one check by level, groups put together again, all in their recorded order.

    Raises:
        RunFolderError: a group that lacks members.
    """
    by_level: dict[Level, list[Record]] = defaultdict(list)
    for record in records:
        by_level[record.level].append(record)
    return {
        level: [
            _scored([lines[k].outcome for k in run], [lines[k].group for k in run])
            for run in _runs([record.group for record in lines])
        ]
        for level, lines in by_level.items()
    }


def members_of(item: Item) -> Sequence[GroupMember | None]:
    """What is written beside each case of an item: nothing of a case that stands alone."""
    if isinstance(item, Case):
        return [None]
    size = len(item.cases)
    return [
        GroupMember(id=item.id, rule=item.rule, size=size, role=role)
        for role in (item.roles or [None] * size)
    ]


def items_of(lines: Sequence[tuple[Case, GroupMember | None]]) -> list[Item]:
    """Cases and groups again, from their lines in order.

    Raises:
        RunFolderError: a group that lacks members.
    """
    cases, members = [case for case, _ in lines], [member for _, member in lines]
    return [_item([cases[k] for k in run], [members[k] for k in run]) for run in _runs(members)]


def _runs(members: Sequence[GroupMember | None]) -> list[range]:
    """Which lines make an item: one alone, or all of a group."""
    runs, start = [], 0
    while start < len(members):
        first = members[start]
        size = first.size if first else 1
        run = members[start : start + size]
        if first and (len(run) < size or any(m is None or m.id != first.id for m in run)):
            raise RunFolderError(
                f"group {first.id!r} has not all of its {size} cases one after another; run the"
                " check again"
            )
        runs.append(range(start, start + size))
        start += size
    return runs


def _scored(outcomes: Sequence[Outcome], members: Sequence[GroupMember | None]) -> Scored:
    if members[0] is None:
        return outcomes[0]
    return GroupOutcome(_group([outcome.case for outcome in outcomes], members), tuple(outcomes))


def _item(cases: Sequence[Case], members: Sequence[GroupMember | None]) -> Item:
    return cases[0] if members[0] is None else _group(cases, members)


def _group(cases: Sequence[Case], members: Sequence[GroupMember | None]) -> Group:
    known = [member for member in members if member]
    roles = tuple(member.role for member in known if member.role is not None)
    try:
        group = Group(tuple(cases), known[0].rule, roles)
    except InvalidArgument as error:
        raise RunFolderError(f"group {known[0].id!r}: {error}; run the check again") from error
    if group.id != known[0].id:
        raise RunFolderError(
            f"group {known[0].id!r} has other cases than were recorded; run the check again"
        )
    return group


def refuse_other_images(case: Case, rows: Sequence[int], catalog: Catalog, source: str) -> None:
    """Stops what would show other images than a recorded case had; `source` names its file.

    Raises:
        RunFolderError: a row of the catalog is not the image that the case names.
    """
    for image_id, row in zip(case.images, rows, strict=True):
        if not catalog.manifest.readable(row) or catalog.manifest.id(row) != image_id:
            raise RunFolderError(
                f"{source!r}: case {case.id!r} shows image {image_id[:12]}, which is not row {row}"
                f" of catalog={catalog.name!r}; name the catalog that the cases were drawn from"
            )
