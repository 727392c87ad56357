"""Pictures of several catalogs behind one, for checks that bring a catalog of their own.

The catalog of a run stays what it is; only its manifest and source know further pictures, whose
rows begin far behind its own: at a number that hashes the further catalog's spec. So a row means
the same picture in every run, whichever other checks are selected beside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from PIL import Image

from mimic_checks.catalog.catalog import Catalog
from mimic_checks.catalog.images import ImageSource, Manifest
from mimic_checks.errors import CatalogError

ROWS = 10**7
"""Rows that a catalog has at most, from its first number on."""
_PLACES = 2**28
"""First numbers stay below 2**53, which JSON holds exactly everywhere."""


def with_others(catalog: Catalog, others: Mapping[str, Catalog]) -> Catalog:
    """A catalog whose manifest and source know the pictures of others, too, by their specs.

    Raises:
        CatalogError: a catalog of more than `ROWS` images, or two specs with one first number.
    """
    if not others:
        return catalog
    parts = {0: catalog, **{first_row(spec): other for spec, other in others.items()}}
    if len(parts) != len(others) + 1:
        raise CatalogError(f"catalogs={sorted(others)!r}: rows clash; name them in another way")
    for part in parts.values():
        if len(part) > ROWS:
            raise CatalogError(
                f"catalog={part.name!r} has {len(part)} images; allowed beside others: {ROWS}"
            )
    joined = replace(
        catalog,
        source=JoinedSource({start: part.source for start, part in parts.items()}),
        others=tuple(others.values()),
    )
    manifest = JoinedManifest({start: part.manifest for start, part in parts.items()})
    object.__setattr__(joined, "manifest", manifest)
    return joined


def first_row(spec: str) -> int:
    """Where the rows of a further catalog begin."""
    place = int.from_bytes(hashlib.sha256(spec.encode()).digest()[:8]) % _PLACES
    return (1 + place) * ROWS


class JoinedSource:
    """Pictures of several sources, by first row."""

    def __init__(self, parts: Mapping[int, ImageSource]) -> None:
        self._parts = parts

    def part(self, row: int) -> tuple[ImageSource, int]:
        """The source of a row, and its row there."""
        start = _start(row)
        return self._parts[start], row - start

    def load(self, row: int) -> tuple[Image.Image, bytes]:
        source, own = self.part(row)
        return source.load(own)

    def hashed(self, row: int) -> bytes:
        source, own = self.part(row)
        return source.hashed(own)

    def describe(self, row: int) -> str:
        source, own = self.part(row)
        return source.describe(own)

    def file(self, row: int) -> Path | None:
        source, own = self.part(row)
        return source.file(own)


class JoinedManifest(Manifest):
    """Ids of several manifests, by first row; each looks at its own pictures."""

    def __init__(self, parts: Mapping[int, Manifest]) -> None:
        self._parts = parts

    @property
    def unreadable(self) -> dict[int, str]:  # type: ignore[override]
        """The reasons of all of them."""
        return {
            start + row: reason
            for start, manifest in self._parts.items()
            for row, reason in manifest.unreadable.items()
        }

    def _part(self, row: int) -> tuple[Manifest, int]:
        """The manifest of a row, and its row there.

        Raises:
            OSError: no catalog of the run has it.
        """
        start = _start(row)
        if start not in self._parts:
            raise OSError(f"row {row} is in none of the run's catalogs")
        return self._parts[start], row - start

    def readable(self, row: int) -> bool:
        try:
            manifest, own = self._part(row)
        except OSError:
            return False
        return manifest.readable(own)

    def digest(self, row: int) -> str:
        manifest, own = self._part(row)
        return manifest.digest(own)

    def id(self, row: int) -> str:
        manifest, own = self._part(row)
        return manifest.id(own)

    def knows(self, image_id: str) -> bool:
        return any(manifest.knows(image_id) for manifest in self._parts.values())

    def row(self, image_id: str) -> int:
        start, manifest = self._with(image_id)
        return start + manifest.row(image_id)

    def open(self, image_id: str) -> Image.Image:
        return self._with(image_id)[1].open(image_id)

    def _with(self, image_id: str) -> tuple[int, Manifest]:
        for start, manifest in self._parts.items():
            if manifest.knows(image_id):
                return start, manifest
        raise KeyError(image_id)


def _start(row: int) -> int:
    return row // ROWS * ROWS
