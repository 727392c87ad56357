"""Doors for other people's packages: named objects, found by entry point.

A package adds one line to its metadata and gets what a built-in object gets:

    [project.entry-points."mimic_checks.tasks"]
    whose_turn = "their_package.whose_turn:WHOSE_TURN"

The built-in objects stand in the same table (this project's own pyproject.toml). Nothing is
imported before its name is looked up, so that a broken extension costs only those who use it.
"""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

import mimic_checks
from mimic_checks.errors import ExtensionError, InvalidArgument

T = TypeVar("T")


class Registry(Generic[T]):
    """The objects of one kind. `group`: the entry point group; `what`: the kind, in messages;
    `needs`: attributes that every object must have."""

    def __init__(self, group: str, what: str, needs: tuple[str, ...]) -> None:
        self.group, self.what, self.needs = group, what, needs
        self._loaded: dict[str, T] = {}

    def names(self) -> list[str]:
        """Every name that can be looked up, sorted."""
        return sorted({*self._entry_points, *self._loaded})

    def modules(self) -> list[str]:
        """The modules that registered objects are in, by name of the object; none is imported."""
        return [self._entry_points[name].module for name in sorted(self._entry_points)]

    def add(self, name: str, value: T) -> None:
        """Registers an object from code, as tests and notebooks do.

        Raises:
            ExtensionError: the name is taken by another object, or the object lacks a part.
        """
        if name in self.names() and self._loaded.get(name) is not value:
            raise ExtensionError(
                f"{self.what} {name!r} is registered already; give yours another name"
            )
        self._loaded[name] = self._checked(name, value, "code")

    def get(self, name: str) -> T:
        """The object of a name.

        Raises:
            InvalidArgument: no such name; names the closest.
            ExtensionError: its package cannot be imported, or what it gives is not of this kind.
        """
        if name not in self._loaded:
            if name not in self._entry_points:
                raise InvalidArgument(self.what, name, allowed=self.names())
            self._loaded[name] = self._load(self._entry_points[name])
        return self._loaded[name]

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        """Entry points by name; two packages that claim one name are refused.

        Raises:
            ExtensionError: one name, two objects.
        """
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            other = found.setdefault(point.name, point)
            if other.value != point.value:
                raise ExtensionError(
                    f"{self.what} {point.name!r} is claimed by {_package(other)} ({other.value})"
                    f" and by {_package(point)} ({point.value}); uninstall one of them"
                )
        return found

    def _load(self, point: EntryPoint) -> T:
        try:
            value: T = point.load()
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # a stranger's module may even skip or exit when imported
            raise ExtensionError(
                f"{self.what} {point.name!r} of {_package(point)} cannot be imported"
                f" ({type(error).__name__}: {error}); this is mimic_checks"
                f" {mimic_checks.__version__}: install a version of the package made for it"
            ) from error
        return self._checked(point.name, value, _package(point))

    def _checked(self, name: str, value: T, origin: str) -> T:
        if missing := [part for part in self.needs if not hasattr(value, part)]:
            raise ExtensionError(
                f"{self.what} {name!r} of {origin} lacks {', '.join(map(repr, missing))}, which"
                f" mimic_checks {mimic_checks.__version__} needs of a {self.what}"
            )
        return value


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "a package"
