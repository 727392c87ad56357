"""Which checks somebody asked for by name, and which only came along with all others.

A check is asked for by name if an argument names its test file, its test function or one of its
nodes, or if `-k` or `-m` says what to run (not only what to leave out) and leaves out another
check. A folder, a package, and expressions as "not slow" name nothing.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import pytest


def named_nodes(
    config: pytest.Config, collected: Sequence[pytest.Item], selected: Sequence[pytest.Item]
) -> set[str]:
    """Node ids of the selected items that were asked for by name. `collected`: all items of checks
    before any was deselected."""
    left_out = set(map(_function, collected)) - set(map(_function, selected))
    if left_out and (_says_what(config.option.keyword) or _says_what(config.option.markexpr)):
        return {item.nodeid for item in selected}
    named = [file for argument in config.args if (file := _file_of(config, argument))]
    return {item.nodeid for item in selected for path, parts in named if _is_in(item, path, parts)}


def _function(item: pytest.Item) -> str:
    """The test function, whatever level an item is the node of."""
    return item.nodeid.partition("[")[0]


def _says_what(expression: str) -> bool:
    """Whether an expression would leave out a test of which it says nothing."""
    if not expression.strip():
        return False
    from _pytest.mark.expression import Expression

    try:
        return not Expression.compile(expression).evaluate(lambda name, /, **_: name == "vlm_check")
    # pytest has refused it by then, or it is of a kind that this does not know: then it says what.
    except Exception:
        return True


def _file_of(config: pytest.Config, argument: str) -> tuple[Path, tuple[str, ...]] | None:
    """The test file that an argument names, and the nodes in it; None of a folder or package."""
    base, *parts = argument.split("::")
    path = config.invocation_params.dir / base
    if not path.exists() and config.option.pyargs:
        path = _module_file(base) or path
    return None if path.is_dir() else (path.resolve(), tuple(parts))


def _module_file(name: str) -> Path | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations is not None else origin


def _is_in(item: pytest.Item, path: Path, parts: Sequence[str]) -> bool:
    """Whether an item is one of a file's nodes: of a class, a function, or that very node."""
    if item.path.resolve() != path:
        return False
    own = item.nodeid.split("::")[1:]
    return all(
        part == mine or part == mine.partition("[")[0]
        for part, mine in zip(parts, own, strict=False)
    )
