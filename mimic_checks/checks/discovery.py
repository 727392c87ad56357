"""Finding checks without running pytest: by entry point, by module, by folder.

A check is a test function with the mark `vlm_check`. pytest finds it by collecting; the commands
that draw cases, burn in or compare find the same functions here, by importing test modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from mimic_checks.checks.check import Check
from mimic_checks.errors import ExtensionError, InvalidArgument, refusing
from mimic_checks.registry import Registry

CHECK_MODULES: Registry[Any] = Registry("mimic_checks.checks", "checks", ())
"""Modules, or packages of `test_*` modules, whose checks every command knows."""


@dataclass(frozen=True)
class FoundCheck:
    """A check with the test function that stands for it; `behaviour` is the first line of the
    function's docstring."""

    check: Check
    module: str
    function: str
    behaviour: str

    @property
    def check_id(self) -> str:
        """The check's own id."""
        return self.check.check_id


def found_check(function: Any, check: Check) -> FoundCheck:
    """A check as its test function presents it."""
    first_line = ((function.__doc__ or "").strip().splitlines() or [check.title])[0]
    return FoundCheck(check, function.__module__, function.__name__, first_line)


def find_checks(sources: Sequence[str] = ()) -> dict[str, FoundCheck]:
    """Every check of the registered packages and of `sources` (modules or folders), by id. A
    registered package that cannot be imported is left out with a warning: it should not stop those
    who do not use it.

    Raises:
        ExtensionError: two different checks with one id, or a source that cannot be imported.
        InvalidArgument: a source that is neither a module nor a folder.
    """
    modules: list[ModuleType] = []
    for name in CHECK_MODULES.names():
        try:
            modules += _test_modules(CHECK_MODULES.get(name))
        except ExtensionError as error:
            warnings.warn(f"left out: {error}", stacklevel=2)
    for source in sources:
        modules += _modules_of(source)
    return by_id(found for module in modules for found in checks_in(module))


def by_id(found: Iterable[FoundCheck]) -> dict[str, FoundCheck]:
    """Checks by id; one object may stand at several test functions (the first counts).

    Raises:
        ExtensionError: two different checks with one id.
    """
    table: dict[str, FoundCheck] = {}
    for item in found:
        first = table.setdefault(item.check_id, item)
        if first.check is not item.check:
            raise ExtensionError(
                f"two different checks are called {item.check_id!r}: in {first.module} and in"
                f" {item.module}; results, thresholds and baselines go by this id, so rename one"
            )
    return table


def _modules_of(source: str) -> list[ModuleType]:
    path = Path(source)
    if path.is_dir():
        return [_import_file(file) for file in sorted(path.rglob("test_*.py"))]
    if path.suffix == ".py" and path.is_file():
        return [_import_file(path)]
    try:
        return list(_test_modules(importlib.import_module(source)))
    except ModuleNotFoundError as error:
        raise InvalidArgument(
            "checks", source, allowed=f"an importable module, or a folder of test files ({error})"
        ) from error


def _test_modules(module: ModuleType) -> Iterator[ModuleType]:
    """The module, or, of a package, its `test_*` modules and those of the packages in it."""
    if not hasattr(module, "__path__"):
        yield module
        return
    for info in pkgutil.iter_modules(module.__path__):
        name = f"{module.__name__}.{info.name}"
        if info.name.startswith("test_") or info.ispkg:
            with refusing(f"checks of {name!r} cannot be imported"):
                inner = importlib.import_module(name)
            yield from _test_modules(inner)


def _import_file(file: Path) -> ModuleType:
    """A test file as a module, its folder importable as pytest makes it."""
    if (loaded := sys.modules.get(file.stem)) and _same_file(loaded, file):
        return loaded
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))
    try:
        with refusing(f"checks={str(file)!r} cannot be imported"):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    sys.modules.setdefault(file.stem, module)
    return module


def _same_file(module: ModuleType, file: Path) -> bool:
    return bool(module.__file__) and Path(str(module.__file__)).resolve() == file.resolve()


def checks_in(module: ModuleType) -> Iterator[FoundCheck]:
    """Marked functions of a module and of its test classes."""
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    for holder in (module, *classes):
        for value in vars(holder).values():
            for mark in getattr(value, "pytestmark", ()):
                if mark.name != "vlm_check" or not mark.args or not callable(value):
                    continue
                # What a source gives is known only when a run's options are.
                if not callable(getattr(mark.args[0], "checks", None)):
                    yield found_check(value, mark.args[0])
