"""Models by name: the text of `--vlm`."""

from __future__ import annotations

from mimic_checks.catalog import Catalog
from mimic_checks.models.backend import backend_of
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.vlm import VLM, check_model


def check_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> None:
    """Stops everything about a model that can be seen to be wrong without loading it.

    Raises:
        UsageError: what is wrong and what to change.
    """
    backend, name = backend_of(spec)
    backend.check(name, options, catalog)


def load_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> VLM:
    """The model of a spec, ready to answer: a hub id or folder, or `<backend>:<name>`.

    Raises:
        InvalidArgument: an unknown backend, stub, device or dtype.
        ModelLoadError: the model cannot be loaded.
        ExtensionError: what the backend loads is no model.
    """
    backend, name = backend_of(spec)
    return check_model(backend.load(name, options, catalog), f"vlm={spec!r}")
