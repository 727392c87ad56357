"""What could change an answer, as text that can be compared: weights, processor, template,
settings, device, libraries. Digests are hexadecimal SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

_LIBRARIES = ("torch", "torchvision", "transformers", "tokenizers", "peft", "numpy", "pillow")


def file_digests(source: str, adapter: str | None, processor: Any) -> dict[str, str | None]:
    """The parts of an identity that need files or vocabularies read: once per model."""
    return {
        "weights": weights_digest(source),
        "adapter_weights": weights_digest(adapter),
        "processor": processor_digest(processor)[:16],
    }


def model_identity(model: Any, processor: Any, device: str) -> dict[str, Any]:
    """The parts of an identity that are read off the loaded model."""
    return {
        "model_type": model.config.model_type,
        "chat_template": digest_of(processor.chat_template)[:16],
        "backend": "transformers",
        "dtype": str(model.dtype).removeprefix("torch."),
        # Without its number: which of several cards it is changes no answer, what kind it is may.
        "device": device.split(":")[0],
        "device_kind": device_kind(device),
        "attn_implementation": attention_implementations(model.config),
        "generation": json.dumps(generation_settings(model)),
        **library_versions(),
    }


def weights_digest(source: str | None) -> str | None:
    """SHA-256 over the safetensors files, and code, of a local folder, or of an adapter in the
    hub's local store; None where neither is."""
    if not source:
        return None
    files = sorted(
        path for kind in ("*.safetensors", "*.py") for path in Path(source).glob(kind)
    ) or _stored_adapter(source)
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            # With the name: the same files under exchanged names are another model.
            digest.update(path.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def processor_digest(processor: Any) -> str:
    """SHA-256 of how a processor turns pictures and text into tensors: its settings, its tokenizer
    with vocabulary and added tokens."""
    tokenizer = processor.tokenizer
    fast = getattr(tokenizer, "backend_tokenizer", None)
    words = fast.to_str() if fast is not None else json.dumps(tokenizer.get_vocab(), sort_keys=True)
    # A batch's padding and truncation are set while it is tokenized, so that they would differ from
    # call to call.
    words = (
        {**json.loads(words), "padding": None, "truncation": None} if fast is not None else words
    )
    sides = [
        tokenizer.padding_side,
        tokenizer.truncation_side,
        tokenizer.model_max_length,
        tokenizer.special_tokens_map,
    ]
    return digest_of([processor.to_dict(), words, sides])


def generation_settings(model: Any) -> dict[str, Any]:
    """The model's generation settings that are not the library's defaults."""
    settings: dict[str, Any] = model.generation_config.to_diff_dict()
    return {
        name: value
        for name, value in sorted(settings.items())
        if name != "transformers_version" and not name.startswith("_")
    }


def attention_implementations(config: Any) -> str:
    """The attention implementation, or one per part where the parts differ: "sdpa", "text sdpa,
    vision eager"."""
    parts = {name: getattr(config, f"{name}_config", None) for name in ("text", "vision")}
    named = {name: part._attn_implementation for name, part in parts.items() if part is not None}
    if len(set(named.values())) < 2:
        return str(config._attn_implementation)
    return ", ".join(f"{name} {implementation}" for name, implementation in named.items())


def device_kind(device: str) -> str:
    """What computes: a card by its name, a processor by its instruction set and threads, on which
    the last bits of a sum depend."""
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    if device != "cpu":
        return device
    return (
        f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()}"
        " threads"
    )


def library_versions() -> dict[str, str]:
    """The versions of the libraries that answers go through, of those that are installed."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def digest_of(value: Any) -> str:
    """SHA-256 of a value's JSON text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _stored_adapter(source: str) -> list[Path]:
    try:
        path = try_to_load_from_cache(source, "adapter_model.safetensors")
    except HFValidationError:
        return []
    # Not a text: unknown, or a mark that the hub is known to lack the file.
    return [Path(path)] if isinstance(path, str) else []
