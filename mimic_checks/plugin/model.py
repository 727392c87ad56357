"""The model of a run, from `--vlm` or from a conftest's hook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mimic_checks.plugin.settings import text_option

if TYPE_CHECKING:
    from mimic_checks.catalog import Catalog
    from mimic_checks.models import VLM


def maker_of(config: pytest.Config, named: str) -> Callable[[Catalog], VLM] | None:
    """What makes the model in code; None if no conftest does. `named`: what `--vlm` says.

    Raises:
        pytest.UsageError: `--vlm` names a model to be loaded beside it.
    """
    if not has_maker(config):
        return None
    if named and _is_loadable(named):
        raise pytest.UsageError(
            f"--vlm {named} names a model to be loaded, and pytest_vlm_make_model of a conftest.py"
            " makes another; leave one of them out, or give --vlm a plain name for the hook's model"
        )

    def make(catalog: Catalog) -> VLM:
        from mimic_checks.errors import ModelLoadError, UsageError
        from mimic_checks.models.vlm import check_model

        try:
            made = config.hook.pytest_vlm_make_model(config=config, catalog=catalog)
        except UsageError:
            raise
        # Whatever a user's conftest raises; a skip, which is no Exception, stays one.
        except (Exception, SystemExit) as error:
            raise ModelLoadError(
                f"pytest_vlm_make_model raised ({type(error).__name__}: {error})"
            ) from error
        if made is None:
            raise ModelLoadError(
                "pytest_vlm_make_model returned None; return an object with answer() and identity()"
            )
        return check_model(made, "pytest_vlm_make_model")

    return make


def has_maker(config: pytest.Config) -> bool:
    """Whether a conftest makes the model."""
    return bool(config.hook.pytest_vlm_make_model.get_hookimpls())


def workers_for(config: pytest.Config) -> int | None:
    """How many workers `-n auto` starts: GPUs for a local model, one for a server, None where
    nothing speaks for a number. Imports nothing heavy."""
    from mimic_checks.errors import UsageError
    from mimic_checks.models.backend import backend_of
    from mimic_checks.models.device import visible_gpus

    name = text_option(config, "vlm")
    if not name and not has_maker(config):
        return None
    if has_maker(config):
        return visible_gpus() or None
    try:
        backend, _ = backend_of(name)
    # Refused when all is collected.
    except UsageError:
        return None
    return (visible_gpus() or None) if backend.local else 1


def _is_loadable(name: str) -> bool:
    """Whether `--vlm` names a backend's model, a folder or a hub id, and not just anything."""
    from mimic_checks.models.backend import BACKENDS

    return name.partition(":")[0] in BACKENDS.names() or "/" in name or Path(name).is_dir()
