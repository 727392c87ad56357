"""Backends: the ways in which models are reached, by the name before the colon of `--vlm`.

A package adds one with an entry point in the group `mimic_checks.backends`; nothing of a backend is
imported before its name is looked up.
"""

from __future__ import annotations

import difflib
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from mimic_checks.errors import InvalidArgument
from mimic_checks.registry import Registry

if TYPE_CHECKING:
    from mimic_checks.catalog import Catalog
    from mimic_checks.models.options import ModelOptions
    from mimic_checks.models.vlm import VLM


class Backend(ABC):
    """A way to reach models. `local`: they run on this machine, so that as many workers as it has
    GPUs make sense (`-n auto`); for a server, one worker asks as fast as several.

    The module that defines one should import an engine only inside `load`: backends are looked up
    before anything heavy may be imported."""

    local: bool

    @abstractmethod
    def check(self, name: str, options: ModelOptions, catalog: Catalog) -> None:
        """Stops what can be seen to be wrong without loading the model; `name` is what stands after
        the colon.

        Raises:
            UsageError: what is wrong and what to change.
        """

    @abstractmethod
    def load(self, name: str, options: ModelOptions, catalog: Catalog) -> VLM:
        """The model, ready to answer.

        Raises:
            ModelLoadError: it cannot be loaded; the message says what to do.
        """


BACKENDS: Registry[Backend] = Registry(
    "mimic_checks.backends", "vlm backend", ("local", "check", "load")
)
DEFAULT_BACKEND = "transformers"
"""What reaches a model whose name starts with no backend's: a hub id or a folder."""


def backend_of(spec: str) -> tuple[Backend, str]:
    """The backend of a `--vlm`, and the model's name there.

    Raises:
        InvalidArgument: a prefix that no backend has; names those that there are.
    """
    prefix, colon, name = spec.partition(":")
    known = BACKENDS.names()
    if not spec.strip():
        raise InvalidArgument("vlm", spec, allowed="a hub id, a folder, or <backend>:<name>")
    if prefix in known:
        return BACKENDS.get(prefix), name
    if colon and not _is_path_or_hub_id(spec):
        close = difflib.get_close_matches(prefix, known, n=1)
        raise InvalidArgument(
            BACKENDS.what,
            prefix,
            allowed=known,
            hint=(f"did you mean {close[0]!r}? " if close else "")
            + "a folder with a colon in its name is written ./name",
        )
    return BACKENDS.get(DEFAULT_BACKEND), spec


def _is_path_or_hub_id(spec: str) -> bool:
    """Whether a colon is part of a path or of a hub id, and ends no backend's name: both have a
    slash before it (or, on Windows, a drive's letter)."""
    prefix = spec.partition(":")[0]
    drive = re.match(r"[A-Za-z]:[\\/]", spec)
    return bool(drive) or bool(re.search(r"^~|[\\/]", prefix)) or Path(spec).exists()
