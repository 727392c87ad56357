"""Models by name: a hub id, a folder, `builtin`, `builtin-repaired`, or `stub:<name>`.

Data in: the text of `--vlm`. Data out: something that answers. Imports torch only for models that need it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mimic_checks.catalog import Catalog
from mimic_checks.errors import InvalidArgument, ModelLoadError
from mimic_checks.models.loading import ModelOptions, check_files
from mimic_checks.models.stubs import make_stub
from mimic_checks.models.vlm import VLM

BUILTIN = {"builtin": Path(__file__).with_name("builtin")}
REPAIRED = "builtin-repaired"
"""The built-in model with the adapter that `remedy prove` found best."""
REPAIRED_ADAPTER = Path(__file__).with_name("builtin_repaired")


def resolve(spec: str, options: ModelOptions) -> tuple[str, ModelOptions]:
    """Where a spec's weights are, and the options that it stands for.

    Raises:
        InvalidArgument: an adapter beside a name that brings its own.
    """
    if spec != REPAIRED:
        return str(BUILTIN.get(spec, spec)), options
    if options.adapter:
        raise InvalidArgument(
            "vlm-adapter", options.adapter, allowed=f"no adapter with --vlm {REPAIRED}, which brings its own; use --vlm builtin"
        )
    return str(BUILTIN["builtin"]), replace(options, adapter=str(REPAIRED_ADAPTER))


def check_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> None:
    """Everything about a model spec that can be wrong and seen without loading it; raises as `load_vlm`."""
    if spec.startswith("stub:"):
        make_stub(spec.removeprefix("stub:"), catalog)
        for name, value, default in (
            ("vlm-mask", options.mask, "auto"),
            ("vlm-pooling", options.pooling, 1),
            ("vlm-stitch", options.stitch, False),
        ):
            if value != default:
                raise InvalidArgument(name, value, allowed=f"{default!r} with stubs, which have nothing inside")
    else:
        check_files(*resolve(spec, options))


def load_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> VLM:
    """The model of a spec, ready to answer.

    Raises:
        InvalidArgument: unknown stub, device or dtype.
        ModelLoadError: the model cannot be loaded.
    """
    if spec.startswith("stub:"):
        return make_stub(spec.removeprefix("stub:"), catalog)
    try:
        from mimic_checks.models.transformers_vlm import TransformersVLM
    except ImportError as error:
        raise ModelLoadError(f"model={spec!r} needs torch and transformers; next step: pip install 'mimic-checks[hf]'") from error
    source, resolved = resolve(spec, options)
    return TransformersVLM(source, resolved, name=spec)
