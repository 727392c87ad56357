"""Loading a transformers model, its processor and an adapter, with errors that say what to do.

Weights come from safetensors only; code from a checkpoint runs only if the user asks for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForImageTextToText, AutoProcessor

from mimic_checks.errors import ModelLoadError
from mimic_checks.models.device import choose_device, choose_dtype
from mimic_checks.models.model_files import check_files
from mimic_checks.models.options import ModelOptions


def load(name: str, options: ModelOptions) -> tuple[Any, Any, str]:
    """Model (on its device, in eval mode, without its adapter), processor, device.

    Raises:
        ModelLoadError: anything that keeps it from loading, with the next step.
        InvalidArgument: unknown device or dtype.
    """
    check_files(name, options)
    device = choose_device(options.device, torch)
    shared = {"revision": options.revision, "trust_remote_code": options.trust_remote_code}
    placing = {"device_map": options.device_map} if options.device_map else {}
    attention = (
        {"attn_implementation": options.attn_implementation} if options.attn_implementation else {}
    )
    try:
        # The processor first: it is small, and fails before gigabytes are read.
        processor = AutoProcessor.from_pretrained(name, **shared)
        model = AutoModelForImageTextToText.from_pretrained(
            name,
            dtype=choose_dtype(options.dtype, device, torch),
            use_safetensors=True,
            **shared,
            **placing,
            **attention,
        )
    except (OSError, ValueError, ImportError, AttributeError, KeyError, RuntimeError) as error:
        raise _explained(name, error) from error
    # With a device map, every part has its device already.
    if not options.device_map:
        model = model.to(device)
    return model.eval(), processor, str(model.device)


def with_adapter(model: Any, name: str, adapter: str) -> Any:
    """The model `name` with an adapter merged into its weights.

    Raises:
        ModelLoadError: an adapter that does not fit, with the next step.
    """
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    _check_adapter(adapter, shapes, name)
    try:
        return PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelLoadError(
            f"adapter={adapter!r} does not load on model={name!r}: {_line(error)}"
        ) from error


def _check_adapter(adapter: str, shapes: dict[str, tuple[int, ...]], name: str) -> None:
    """Compares LoRA shapes with the base before peft does: its own message is pages long."""
    path = Path(adapter) / "adapter_model.safetensors"
    if not path.is_file():
        return
    # LoRA sits on matrices; its keys name the layer, without ".weight".
    suffixes = {
        key.removesuffix(".weight"): shape for key, shape in shapes.items() if len(shape) == 2
    }
    with safe_open(path, "pt") as tensors:
        # safe_open is no mapping: it cannot be iterated over itself.
        for key in tensors.keys():  # noqa: SIM118
            if ".lora_A" not in key:
                continue
            target = key.split(".lora_A")[0].removeprefix("base_model.model.")
            base = suffixes.get(target)
            width = tensors.get_slice(key).get_shape()[1]
            if base is None or base[1] != width:
                wanted = "no such layer" if base is None else f"width {base[1]}"
                origin = json.loads((Path(adapter) / "adapter_config.json").read_text()).get(
                    "base_model_name_or_path"
                )
                raise ModelLoadError(
                    f"adapter={adapter!r} belongs to another model (it says {origin!r}): layer"
                    f" {target} has width {width} in the adapter and {wanted} in model={name!r};"
                    " give the base it was trained on"
                )


def _explained(name: str, error: Exception) -> ModelLoadError:
    # Without torchvision some processors say so, others leave a part None and fail when it is used.
    text = _line(error)
    if "torchvision" in str(error).lower() or (
        isinstance(error, AttributeError) and "NoneType" in text
    ):
        return ModelLoadError(
            f"model={name!r} needs torchvision for its processor ({text}); next step: pip install"
            " torchvision (a build that matches your torch)"
        )
    if "trust_remote_code" in str(error):
        return ModelLoadError(
            f"model={name!r} brings code of its own; read it, then pass --vlm-trust-remote-code"
        )
    return ModelLoadError(f"model={name!r} does not load: {text}")


def _line(error: Exception) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}"[:300]
