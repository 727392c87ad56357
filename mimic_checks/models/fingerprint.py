"""What could change an answer, as text that can be compared: weights, processor, template,
settings, device, libraries. Digests are hexadecimal SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from mimic_checks.models.generation import generation_settings

_SMALL = ("*.json", "*.jinja", "*.py")
_FOR_PEOPLE = re.compile(
    r"(?i).*\.(md|log|png|jpe?g|gif|svg|pdf)|licen[sc]e.*|notice.*|runs|checkpoint-\d+"
    r"|optimizer\.pt|scheduler\.pt|scaler\.pt|rng_state.*\.pth|trainer_state\.json"
    r"|training_args\.bin"
)
"""Files from which no model is loaded: what people read, and what a training leaves behind."""
_PLACES = ("_name_or_path", "transformers_version")
"""Of a config: where it was, and who wrote it."""
_LIBRARIES = ("torch", "torchvision", "transformers", "tokenizers", "peft", "numpy", "pillow")


def file_digests(source: str, adapter: str | None, processor: Any) -> dict[str, str | None]:
    """The parts of an identity that need files or vocabularies read: once per model."""
    return {
        "weights": files_digest(source),
        "adapter_weights": files_digest(adapter),
        "processor": processor_digest(processor)[:16],
    }


def model_identity(model: Any, processor: Any, device: str, rendered: str) -> dict[str, Any]:
    """The parts of an identity that are read off the loaded model; `rendered`: a prompt as its chat
    template writes it, which may depend on more than the template (the day, say)."""
    config = {key: value for key, value in model.config.to_dict().items() if key not in _PLACES}
    return {
        "model_type": model.config.model_type,
        "config": digest_of(config)[:16],
        "chat_template": digest_of([processor.chat_template, rendered])[:16],
        "backend": "transformers",
        "dtype": str(model.dtype).removeprefix("torch."),
        # Without its number: which of several cards it is changes no answer, what kind it is may.
        "device": device.split(":")[0],
        "device_kind": device_kind(device),
        "attn_implementation": attention_implementations(model.config),
        "generation": json.dumps(generation_settings(model)),
        **library_versions(),
    }


def files_digest(source: str | None) -> str | None:
    """SHA-256 over the files of a local folder, or of an adapter in the hub's local store; None
    where neither is. All files count, since any may be read by the next version of a library, but
    for those that no model is loaded from."""
    if not source:
        return None
    folder = Path(source) if Path(source).is_dir() else _stored_adapter(source)
    files = sorted(path for path in _files(folder) if path.is_file()) if folder else []
    if not files or folder is None:
        return None
    # Threads, since hashing is what takes the time, and it waits for no other Python code.
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_file_digest, files))
    whole = hashlib.sha256()
    for path, digest in zip(files, digests, strict=True):
        # With the name: the same files under exchanged names are another model.
        whole.update(f"{path.relative_to(folder)}\0".encode() + digest)
    return whole.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """What a model or adapter may be loaded from: all of the folder, and the small files of folders
    inside it (templates, code, configs), of which those of a training's steps are others' own."""
    for path in folder.iterdir():
        if path.name.startswith(".") or _FOR_PEOPLE.fullmatch(path.name):
            continue
        if path.is_dir():
            yield from (inner for end in _SMALL for inner in path.rglob(end))
        else:
            yield path


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


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


def _stored_adapter(source: str) -> Path | None:
    """The folder of an adapter in the hub's local store."""
    try:
        path = try_to_load_from_cache(source, "adapter_config.json")
    except HFValidationError:
        return None
    # Not a text: unknown, or a mark that the hub is known to lack the file.
    return Path(path).parent if isinstance(path, str) else None
