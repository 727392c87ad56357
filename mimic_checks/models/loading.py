"""Loading a transformers model and its processor, whole or not at all, with errors that say what to
do.

Weights are read as tensors and nothing else, from safetensors or else from `.bin` files; code from
a checkpoint runs only if the user asks for it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.utils import cached_file

from mimic_checks.errors import ModelLoadError, UsageError, first_names, message_of
from mimic_checks.models.cpu import use_cpu_well
from mimic_checks.models.device import choose_device, choose_dtype
from mimic_checks.models.model_files import check_files
from mimic_checks.models.options import ModelOptions

# Else transformers asks the hub to convert a repository of `.bin` files, as a pull request there.
os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "true")


class Loaded(NamedTuple):
    """A model (on its device, in eval mode, without its adapter), its processor, its device, and
    the tensors of the checkpoint that it has no place for."""

    model: Any
    processor: Any
    device: str
    unused: list[str]


def load(name: str, options: ModelOptions) -> Loaded:
    """The model of a folder or hub id.

    Raises:
        ModelLoadError: anything that keeps it from loading whole, with the next step.
        InvalidArgument: unknown device or dtype.
    """
    check_files(name, options)
    device = choose_device(options.device, torch)
    dtype = choose_dtype(options.dtype, device, torch)
    try:
        # The processor first: it is small, and fails before gigabytes are read.
        processor = _processor(name, options)
        model, unused = _whole_model(name, options, dtype)
        # With a device map, every part has its device already.
        if not options.device_map:
            model = model.to(device)
        if device == "cpu":
            use_cpu_well(torch)
    except UsageError:
        raise
    except Exception as error:  # whatever a checkpoint makes transformers, or its own code, raise
        raise explained(f"model={name!r}", error) from error
    return Loaded(model.eval(), processor, str(model.device), unused)


def _processor(name: str, options: ModelOptions) -> Any:
    shared = _shared(options)
    config = AutoConfig.from_pretrained(name, **shared)
    kind = config.model_type
    if kind not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES and not getattr(
        config, "auto_map", None
    ):
        raise ModelLoadError(
            f"model={name!r} has model_type={kind!r}, which transformers does not load as a model"
            " that takes images and text (AutoModelForImageTextToText); give a vision-language"
            " model, or put it behind a server and use --vlm openai:<name>"
        )
    try:
        processor = AutoProcessor.from_pretrained(name, **shared)
    except OSError as error:
        raise _no_processor(name, one_line(error)) from error
    # Without the files of a processor, transformers may give what it finds: the tokenizer alone.
    missing = [part for part in ("tokenizer", "image_processor") if not hasattr(processor, part)]
    if missing:
        found = f"a {type(processor).__name__} without {' and '.join(missing)}"
        raise _no_processor(name, found)
    if not getattr(processor, "chat_template", None):
        processor.chat_template = _template_beside(name, options, processor.tokenizer)
    return processor


def _template_beside(name: str, options: ModelOptions, tokenizer: Any) -> str | None:
    """The template that processors overlook which know of none (Blip2, Fuyu, Florence2): in its own
    file, or the tokenizer's."""
    path = cached_file(
        name,
        "chat_template.jinja",
        revision=options.revision,
        _raise_exceptions_for_missing_entries=False,
    )
    if path is None:
        return getattr(tokenizer, "chat_template", None)
    return Path(path).read_text(encoding="utf-8")


def _no_processor(name: str, found: str) -> ModelLoadError:
    return ModelLoadError(
        f"model={name!r} has no processor (transformers finds: {found}); add processor_config.json"
        " or preprocessor_config.json, and the tokenizer's files, of the model it was made from"
    )


def _whole_model(name: str, options: ModelOptions, dtype: Any) -> tuple[Any, list[str]]:
    """The model, if its checkpoint holds every tensor of it; and the tensors that are no part of
    it."""
    optional = {
        "device_map": options.device_map,
        "attn_implementation": options.attn_implementation,
    }
    model, info = AutoModelForImageTextToText.from_pretrained(
        name,
        dtype=dtype,
        # Neither is a tensor of another shape random weights: both are refused here, by name.
        ignore_mismatched_sizes=True,
        output_loading_info=True,
        # The checkpoint's own is read apart, and taken over by name.
        generation_config=GenerationConfig(),
        **_shared(options),
        **{key: value for key, value in optional.items() if value},
    )
    problems = [
        *(f"{key} is missing" for key in sorted(info["missing_keys"])),
        *(
            f"{key} is {tuple(found)}, not {tuple(wanted)}"
            for key, found, wanted in sorted(info["mismatched_keys"])
        ),
        *map(str, info["error_msgs"]),
    ]
    unused = sorted(info["unexpected_keys"])
    if problems:
        has = f"; it has, unused: {first_names(unused, most=3)}" if unused else ""
        raise ModelLoadError(
            f"model={name!r} did not load whole: {first_names(problems)}{has}; what is missing"
            " would be random numbers: download or save it again, with the config it belongs to"
        )
    return model, unused


def _shared(options: ModelOptions) -> dict[str, Any]:
    return {"revision": options.revision, "trust_remote_code": options.trust_remote_code}


def explained(what: str, error: Exception) -> ModelLoadError:
    """What kept `what` from loading, in one line, with the next step where there is one."""
    text = one_line(error)
    whole = message_of(error)
    # Without torchvision some processors say so, others leave a part None and fail when it is used.
    if "torchvision" in whole.lower() or (isinstance(error, AttributeError) and "NoneType" in text):
        return ModelLoadError(
            f"{what} needs torchvision for its processor ({text}); next step: pip install"
            " torchvision (a build that matches your torch)"
        )
    if "trust_remote_code" in whole:
        return ModelLoadError(
            f"{what} brings code of its own; read it, then pass --vlm-trust-remote-code"
        )
    if "weights only load failed" in whole.lower():
        return ModelLoadError(
            f"{what} does not load: its .bin files hold more than tensors, and would run code when"
            " they are read; where you trust them, convert them to safetensors with"
            " save_pretrained()"
        )
    return ModelLoadError(f"{what} does not load: {text}")


def one_line(error: Exception) -> str:
    """An exception in one line of sensible length."""
    first = next(iter(message_of(error, named=False).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:300]
