"""Groups: cases that are scored together as well as alone, and the draws that hold them.

A pair of similar images (both must be right), an item and its misleading twin, the same options in
every rotation: one case alone may be right by luck, the group is not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

from mimic_checks.cases.case import Case, in_cluster
from mimic_checks.errors import InvalidArgument

GroupRule = Literal["all_right", "consistent"]
GROUP_RULES: tuple[GroupRule, ...] = get_args(GroupRule)
"""`all_right`: every member is right. `consistent`: all members are answered alike, right or
wrong."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are scored together. `roles`: what each is in the group ("normal", "misleading"),
    or nothing."""

    cases: tuple[Case, ...]
    rule: GroupRule = "all_right"
    roles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rule not in GROUP_RULES:
            raise InvalidArgument("rule", self.rule, allowed=GROUP_RULES)
        if len(self.cases) < 2 or len({case.id for case in self.cases}) != len(self.cases):
            raise InvalidArgument(
                "cases", [case.id for case in self.cases], allowed="two or more different cases"
            )
        if self.roles and len(self.roles) != len(self.cases):
            raise InvalidArgument("roles", self.roles, allowed="one per case, or none")

    @property
    def id(self) -> str:
        """The content hash of its cases, their roles and the rule."""
        return _hash([self.rule, self.roles, [case.id for case in self.cases]])

    @property
    def cluster(self) -> str:
        """The draw that it comes from."""
        return self.cases[0].cluster


Item = Case | Group
"""What one draw holds at one level."""
Draw = tuple[Item | None, ...]
"""One item per level, all from one draw; None where it has none (a question of a suite belongs to
one category)."""
_Item = TypeVar("_Item", Case, Group, Item)


def cases_of(items: Iterable[Item | None]) -> list[Case]:
    """All cases, in order; a group's one after another."""
    return [
        case
        for item in items
        if item is not None
        for case in (item.cases if isinstance(item, Group) else (item,))
    ]


def clustered(items: Sequence[_Item]) -> tuple[_Item, ...]:
    """The same items, marked as derived from one draw; one case alone is its own cluster
    already."""
    cases = cases_of(items)
    if len(cases) == 1:
        return tuple(items)
    cluster = _hash([case.id for case in cases])
    return tuple(_in_cluster(item, cluster) for item in items)


def pair(first: Case, second: Case, *, roles: tuple[str, str] | tuple[()] = ()) -> Group:
    """Two cases of one draw that are right together or not at all."""
    (group,) = clustered([Group((first, second), roles=roles)])
    return group


def _in_cluster(item: _Item, cluster: str) -> _Item:
    if isinstance(item, Group):
        return replace(item, cases=tuple(in_cluster(case, cluster) for case in item.cases))
    return in_cluster(item, cluster)


def _hash(parts: Sequence[object]) -> str:
    # As JSON, which keeps the parts apart whatever roles are called.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
