"""Which checks, levels and verdicts a pytest session has selected."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mimic_checks.plugin.settings import run_option

if TYPE_CHECKING:
    from mimic_checks.cases.level import Level
    from mimic_checks.checks.check import Check, CheckSource
    from mimic_checks.checks.discovery import FoundCheck
    from mimic_checks.checks.settings import Settings


class SourceNode(NamedTuple):
    """A node of a check that a source gives; `level`: None for that of its verdict."""

    check: Check
    level: Level | None


def marked_with(item: pytest.Item | pytest.Function) -> Any:
    """What an item's test function is marked with: a check, or a source of checks."""
    mark = item.get_closest_marker("vlm_check")
    return mark.args[0] if mark and mark.args else None


def is_source(marked: object) -> bool:
    """Whether this is a source of checks, not a check."""
    return callable(getattr(marked, "checks", None))


def nodes_of(source: CheckSource, config: pytest.Config) -> dict[str, SourceNode]:
    """The nodes of all checks of a source, by parameter id: the last word of the check's id, and
    that of the level.

    Raises:
        UsageError: what the options name cannot be read.
    """
    from mimic_checks.cases.level import VERDICT

    nodes = {}
    for check in source.checks(lambda key: run_option(config, key)):
        word = check.check_id.rpartition(".")[2]
        for level in check.node_levels("standard"):
            nodes[f"{word}-{level.node_id}"] = SourceNode(check, level)
        nodes[f"{word}-{VERDICT}"] = SourceNode(check, None)
    return nodes


def check_of(item: pytest.Item | pytest.Function) -> Check | None:
    """The check that an item's test function is marked with, or that its node is of."""
    marked = marked_with(item)
    if not is_source(marked):
        return marked  # type: ignore[no-any-return]
    param = _param(item)
    return param.check if isinstance(param, SourceNode) else None


def level_of(item: pytest.Item) -> Level | None:
    """The level that an item is the node of; None of a verdict, and of a check without levels."""
    from mimic_checks.cases.level import Level

    param = _param(item)
    if isinstance(param, SourceNode):
        return param.level
    return param if isinstance(param, Level) else None


def _param(item: pytest.Item | pytest.Function) -> object:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("vlm_check") if callspec else None


@dataclass(frozen=True)
class Selection:
    """The checks of the selected items in their order, harness checks first; `levels`: of checks
    without their verdict, the selected levels; `named`: checks that somebody asked for by name."""

    checks: tuple[FoundCheck, ...]
    levels: dict[str, set[Level]]
    named: frozenset[str] = frozenset()


def selection_of(items: Sequence[pytest.Item], named: Collection[str] = ()) -> Selection:
    """What is selected; `named`: node ids that were asked for by name.

    Raises:
        ExtensionError: two different checks with one id, or a mark that holds no check.
    """
    from mimic_checks.checks.check import Check
    from mimic_checks.checks.discovery import by_id, found_check
    from mimic_checks.errors import ExtensionError

    marked = [item for item in items if item.get_closest_marker("vlm_check")]
    judged: set[str] = set()
    levels: dict[str, set[Level]] = {}
    checks = []
    for item in marked:
        check = check_of(item)
        if not isinstance(check, Check):
            raise ExtensionError(
                f"{item.nodeid} is marked with vlm_check({check!r}), which is no check; use"
                " @check(...) of mimic_checks.checks.check with a Sweep or a Measurement"
            )
        checks.append(found_check(item.function, check))  # type: ignore[attr-defined]
        level = level_of(item)
        if level is None:
            judged.add(check.check_id)
        else:
            levels.setdefault(check.check_id, set()).add(level)
    # Sorting is stable: apart from the harness checks, the order of collection stays.
    in_order = sorted(by_id(checks).values(), key=lambda found: not found.check.harness)
    return Selection(
        tuple(in_order),
        {check_id: chosen for check_id, chosen in levels.items() if check_id not in judged},
        frozenset(
            check.check_id for item in marked if item.nodeid in named and (check := check_of(item))
        ),
    )


def known_checks(settings: Settings, collected: Sequence[pytest.Item]) -> list[str]:
    """Ids of all registered checks, and of those in the collected modules whether selected or not,
    where a file may name them: looking costs imports of other people's packages."""
    if not (settings.thresholds or settings.policy or settings.baseline):
        return []
    from mimic_checks.checks.check import Check
    from mimic_checks.checks.discovery import checks_in, find_checks

    modules = {item.module for item in collected if isinstance(item, pytest.Function)}
    found = [
        found.check_id
        for module in modules
        for found in checks_in(module)
        if isinstance(found.check, Check)  # else refused, if it is selected
    ]
    return [*find_checks(), *found, *(check.check_id for check in of_sources(collected))]


def of_sources(items: Sequence[pytest.Item]) -> list[Check]:
    """The checks that sources gave to some items, each once."""
    checks = [check_of(item) for item in items if is_source(marked_with(item))]
    return list({check.check_id: check for check in checks if check}.values())
