"""The backends that come with the suite. Light to import: engines are imported by `load`, for no
machine has all of them."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mimic_checks.errors import InvalidArgument, ModelLoadError
from mimic_checks.models.backend import BACKENDS, Backend
from mimic_checks.models.model_files import check_files
from mimic_checks.models.options import ModelOptions

if TYPE_CHECKING:
    from mimic_checks.catalog import Catalog
    from mimic_checks.models.vlm import VLM

BUILTIN_FOLDER = Path(__file__).with_name("builtin")
"""The built-in model's weights (`training.builtin`)."""
REPAIRED = "builtin-repaired"
REPAIRED_ADAPTER = Path(__file__).with_name("builtin_repaired")
"""The long adapter of the built-in model's proof (`training.repaired`)."""


class TransformersBackend(Backend):
    """Folders and hub ids, loaded by transformers."""

    local = True

    def source(self, name: str, options: ModelOptions) -> tuple[str, ModelOptions]:
        """Where the weights are, and the options that the name stands for.

        Raises:
            InvalidArgument: a name or option that this backend cannot have.
        """
        if not name:
            raise InvalidArgument("vlm", "transformers:", allowed="a folder or a hub id after ':'")
        close = difflib.get_close_matches(name, BACKENDS.names(), n=1, cutoff=0.8)
        # A folder of that name is one; on the hub, names have an owner but for a few old ones.
        if close and "/" not in name and not Path(name).exists():
            raise InvalidArgument(
                "vlm",
                name,
                allowed="a folder, a hub id (owner/name), or a backend",
                hint=f"did you mean {close[0]!r}? a folder is written ./{name}",
            )
        return name, options

    def check(self, name: str, options: ModelOptions, catalog: Catalog) -> None:
        check_files(*self.source(name, options))

    def load(self, name: str, options: ModelOptions, catalog: Catalog) -> VLM:
        source, resolved = self.source(name, options)
        try:
            from mimic_checks.models.transformers_vlm import TransformersVLM
        except ImportError as error:
            raise ModelLoadError(
                f"model={name or source!r} needs torch and transformers; next step: pip install"
                " 'mimic-checks[hf]'"
            ) from error
        # Loaded here and handed to nobody else yet, so the files' digests tell what it is.
        return TransformersVLM(source, resolved, name=self.label(name), untouched=True)

    def label(self, name: str) -> str:
        """What reports call the model."""
        return name


class ShippedBackend(TransformersBackend):
    """The built-in model, alone or with an adapter that is shipped with it."""

    def __init__(self, spec: str, adapter: Path | None = None) -> None:
        self.spec, self.adapter = spec, adapter

    def source(self, name: str, options: ModelOptions) -> tuple[str, ModelOptions]:
        if name:
            raise InvalidArgument(
                "vlm", f"{self.spec}:{name}", allowed=f"{self.spec!r} with nothing after it"
            )
        if self.adapter is None:
            return str(BUILTIN_FOLDER), options
        if options.adapter:
            raise InvalidArgument(
                "vlm-adapter",
                options.adapter,
                allowed=(
                    f"no adapter with --vlm {self.spec}, which brings its own; use --vlm builtin"
                ),
            )
        return str(BUILTIN_FOLDER), replace(options, adapter=str(self.adapter))

    def label(self, name: str) -> str:
        return self.spec


class OpenAIBackend(Backend):
    """Models behind an OpenAI-compatible endpoint: vLLM, SGLang, `transformers serve`."""

    local = False

    def check(self, name: str, options: ModelOptions, catalog: Catalog) -> None:
        refuse_options_of_weights(options, "models behind a server, which are set up there")
        if not name or not options.base_url:
            raise InvalidArgument(
                "vlm",
                f"openai:{name}",
                allowed=(
                    "openai:<the model's name at the server> with --vlm-base-url"
                    " http://host:port/v1, which has no default"
                ),
            )

    def load(self, name: str, options: ModelOptions, catalog: Catalog) -> VLM:
        try:
            from mimic_checks.models.server import ServerVLM
        except ImportError as error:
            raise ModelLoadError(
                f"model='openai:{name}' needs a client; next step: pip install"
                " 'mimic-checks[server]'"
            ) from error
        return ServerVLM(name, options)


class StubBackend(Backend):
    """Models with a planted defect, which look images up in the run's catalog."""

    local = True

    def check(self, name: str, options: ModelOptions, catalog: Catalog) -> None:
        # Loading a stub costs nothing, and knows the names.
        self.load(name, options, catalog)
        refuse_options_of_weights(options, "stubs, which have nothing inside")
        if options.chat_template_args:
            raise InvalidArgument(
                "vlm-chat-template-args",
                options.chat_template_args,
                allowed="none with stubs, which have no chat template",
            )

    def load(self, name: str, options: ModelOptions, catalog: Catalog) -> VLM:
        from mimic_checks.models.stubs import make_stub

        return make_stub(name, catalog)


def refuse_options_of_weights(options: ModelOptions, models: str) -> None:
    """Stops options that need the model's weights at hand; `models`: which have none, in words.

    Raises:
        InvalidArgument: such an option is set.
    """
    defaults = ModelOptions()
    for name in ("adapter", "mask", "pooling", "stitch", "keep_generation"):
        value, default = getattr(options, name), getattr(defaults, name)
        if value != default:
            flag = f"vlm-{name.replace('_', '-')}"
            raise InvalidArgument(flag, value, allowed=f"{default!r} with {models}")


TRANSFORMERS = TransformersBackend()
BUILTIN = ShippedBackend("builtin")
BUILTIN_REPAIRED = ShippedBackend(REPAIRED, REPAIRED_ADAPTER)
OPENAI = OpenAIBackend()
STUB = StubBackend()
