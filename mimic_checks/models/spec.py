"""Models by name: a hub id, a folder, `builtin`, `builtin-repaired`, `openai:<name>` at an
endpoint, or `stub:<name>`.

Data in: the text of `--vlm`. Data out: something that answers. Imports torch only for models that
need it.
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
SERVED = "openai:"
"""Before the name of a model behind an OpenAI-compatible endpoint."""
REPAIRED = "builtin-repaired"
"""The built-in model with the long adapter of its proof (`training.ablation`)."""
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
            "vlm-adapter",
            options.adapter,
            allowed=f"no adapter with --vlm {REPAIRED}, which brings its own; use --vlm builtin",
        )
    return str(BUILTIN["builtin"]), replace(options, adapter=str(REPAIRED_ADAPTER))


def check_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> None:
    """Everything about a model spec that can be wrong and seen without loading it; raises as
    `load_vlm`."""
    if spec.startswith("stub:"):
        make_stub(spec.removeprefix("stub:"), catalog)
        _refuse_options_of_weights(options, "stubs, which have nothing inside")
    elif spec.startswith(SERVED):
        _refuse_options_of_weights(options, "models behind a server, which are set up there")
        if not options.base_url:
            raise InvalidArgument(
                "vlm",
                spec,
                allowed=(
                    "a served model with --vlm-base-url http://host:port/v1, which has no default"
                ),
            )
    else:
        check_files(*resolve(spec, options))


def _refuse_options_of_weights(options: ModelOptions, what: str) -> None:
    """Stops options that need the model's weights at hand."""
    nothing = ModelOptions()
    for name in ("adapter", "mask", "pooling", "stitch"):
        if (value := getattr(options, name)) != (default := getattr(nothing, name)):
            raise InvalidArgument(f"vlm-{name}", value, allowed=f"{default!r} with {what}")


def load_vlm(spec: str, options: ModelOptions, catalog: Catalog) -> VLM:
    """The model of a spec, ready to answer.

    Raises:
        InvalidArgument: unknown stub, device or dtype.
        ModelLoadError: the model cannot be loaded.
    """
    if spec.startswith("stub:"):
        return make_stub(spec.removeprefix("stub:"), catalog)
    if spec.startswith(SERVED):
        try:
            from mimic_checks.models.server import ServerVLM
        except ImportError as error:
            raise ModelLoadError(
                f"model={spec!r} needs a client; next step: pip install 'mimic-checks[server]'"
            ) from error
        return ServerVLM(spec.removeprefix(SERVED), options)
    try:
        from mimic_checks.models.transformers_vlm import TransformersVLM
    except ImportError as error:
        raise ModelLoadError(
            f"model={spec!r} needs torch and transformers; next step: pip install"
            " 'mimic-checks[hf]'"
        ) from error
    source, resolved = resolve(spec, options)
    return TransformersVLM(source, resolved, name=spec)
