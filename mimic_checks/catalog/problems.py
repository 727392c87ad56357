"""Everything that is wrong with a catalog, in one message."""

from __future__ import annotations

from collections.abc import Iterable

from mimic_checks.errors import NAMED_AT_MOST, CatalogError


def listed(names: Iterable[str]) -> str:
    """The first `NAMED_AT_MOST`, then how many more."""
    every = list(names)
    more = f"; and {len(every) - NAMED_AT_MOST} more" if len(every) > NAMED_AT_MOST else ""
    return "; ".join(every[:NAMED_AT_MOST]) + more


class Problems:
    """What is wrong with `where`, gathered by what to do about it."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, cure: str) -> None:
        """Notes one offender."""
        self._found.setdefault(cure, []).append(what)

    def refuse(self) -> None:
        """Stops if anything was noted.

        Raises:
            CatalogError: all of it.
        """
        if self._found:
            parts = [f"{listed(what)}; {cure}" for cure, what in self._found.items()]
            raise CatalogError(f"{self._where}: " + ". ".join(parts))
