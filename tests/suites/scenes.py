"""Pictures for miniature suites: rendered scenes as files, each one different."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

from mimic_checks.catalog import rendered


@cache
def _catalog():
    return rendered(seed=5, scenes=64, families=0, size_px=32)


@cache
def scene(number: int, form: str = "PNG") -> bytes:
    """The file of a scene."""
    picture, _ = _catalog().source.load(number)
    stream = io.BytesIO()
    picture.save(stream, form)
    return stream.getvalue()


def write_scene(path: Path, number: int) -> bytes:
    """Writes a scene as its file name says; returns its bytes."""
    data = scene(number, "PNG" if path.suffix == ".png" else "JPEG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data
