"""What can be found out about a model's files without loading them, or any engine."""

from __future__ import annotations

import importlib.util
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mimic_checks.attention.families import FAMILIES, family_of
from mimic_checks.errors import ModelLoadError, first_names
from mimic_checks.models.intervention import NO_INTERVENTION, persistent_intervention
from mimic_checks.models.options import ModelOptions

_PACKAGES = {
    "bitsandbytes": "bitsandbytes",
    "gptq": "gptqmodel",
    "awq": "gptqmodel",
    "aqlm": "aqlm",
    "hqq": "hqq",
    "quanto": "optimum-quanto",
    "compressed-tensors": "compressed-tensors",
    "torchao": "torchao",
    "eetq": "eetq",
    "vptq": "vptq",
}
"""What transformers needs for a way of quantizing, by the name in a config."""
_MODULES = {"optimum-quanto": "optimum.quanto", "compressed-tensors": "compressed_tensors"}
"""Where a package is not imported by its name."""


def check_files(name: str, options: ModelOptions) -> None:
    """What can be found out about a local model or adapter folder without loading it.

    Raises:
        ModelLoadError: no config, no weights, weights that are not whole or of a kind that is not
            loaded, or an adapter without a config.
        AttentionError: a mask that cannot be read, lies outside the base, or is for a family that
            cannot be looked into.
    """
    folder, what = Path(name), f"model={name!r}"
    config: Mapping[str, Any] = {}
    if name.lower().endswith(".gguf") or (folder.is_dir() and _is_gguf(folder)):
        raise ModelLoadError(
            f"{what} is GGUF, which is not loaded here: serve it with llama.cpp's llama-server and"
            " use --vlm openai:<name> --vlm-base-url <its address>, or give the safetensors"
            " checkpoint that it was made from"
        )
    if folder.is_dir():
        config = _json(folder, "config.json", what)
        _check_weights(folder, what, "model.safetensors", "pytorch_model.bin")
        _check_quantization(config, what)
    # No hub id begins so: a folder was meant.
    elif name.startswith((".", "/", "~")):
        raise ModelLoadError(
            f"{what} is not a directory; give a folder, a hub id, 'builtin' or 'stub:<name>'"
        )
    if options.adapter and Path(options.adapter).is_dir():
        adapter, which = Path(options.adapter), f"adapter={options.adapter!r}"
        _json(adapter, "adapter_config.json", which)
        _check_weights(adapter, which, "adapter_model.safetensors", "adapter_model.bin")
    elif options.adapter and not _is_hub_id(options.adapter):
        raise ModelLoadError(
            f"adapter={options.adapter!r} is not a directory; give a folder with"
            " adapter_config.json, or a hub id (owner/name)"
        )
    _check_interventions(config, options)


def _is_hub_id(adapter: str) -> bool:
    """Whether a name that is no folder has the form owner/name, and no folder of this machine
    stands where the owner does."""
    parts = adapter.split("/")
    formed = len(parts) == 2 and all(re.fullmatch(r"\w[\w.-]*", part) for part in parts)
    return formed and not Path(parts[0]).is_dir()


def _check_interventions(config: Mapping[str, Any], options: ModelOptions) -> None:
    """What is changed inside the model must be possible there, where its config says."""
    always = persistent_intervention(options)
    if always == NO_INTERVENTION or not config:
        return
    if config.get("model_type") not in FAMILIES.names():
        family_of(SimpleNamespace(model_type=config.get("model_type")))
    depth = (config.get("text_config") or {}).get("num_hidden_layers")
    for rule in always.rules:
        if depth:
            rule.window.layers(int(depth))


def _check_weights(folder: Path, what: str, safe: str, pickled: str) -> None:
    """Weights are in safetensors files, or else in `.bin` files, all of them whole: a download that
    was cut short is found here, once, in milliseconds."""
    kind, files = "safetensors", sorted(folder.glob("*.safetensors"))
    if not files:
        kind, files = "bin", sorted(folder.glob(f"{Path(pickled).stem}*.bin"))
    if not files:
        others = [
            path.name for end in ("bin", "pt", "pth", "h5") for path in folder.glob(f"*.{end}")
        ]
        hint = (
            f"it has {others[0]}, which is not loaded; convert it"
            if others
            else "save or download them"
        )
        raise ModelLoadError(
            f"{what} has no weights ({safe} or {pickled}): {hint} with save_pretrained()"
        )
    index = folder / f"{safe if kind == 'safetensors' else pickled}.index.json"
    if index.is_file():
        wanted = set(_json(folder, index.name, what).get("weight_map", {}).values())
        if missing := sorted(wanted - {path.name for path in files}):
            raise ModelLoadError(
                f"{what} lacks {first_names(missing)}, of the files that {index.name} names;"
                " download them again"
            )
    for path in files:
        if problem := _not_whole(path) if kind == "safetensors" else _empty(path):
            raise ModelLoadError(f"{what}: {path.name} {problem}; download or save it again")


def _not_whole(path: Path) -> str:
    """What is wrong with the size of a safetensors file; "" if nothing is."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            return f"is no safetensors file, or only the beginning of one ({size} bytes)"
        try:
            header = json.loads(stream.read(length))
            ends = [entry["data_offsets"][1] for key, entry in header.items() if key[:2] != "__"]
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            return "is no safetensors file: its header cannot be read"
    whole = 8 + length + max(ends, default=0)
    return "" if size >= whole else f"was cut short: it has {size} of {whole} bytes"


def _empty(path: Path) -> str:
    return "" if path.stat().st_size else "is empty"


def _check_quantization(config: Mapping[str, Any], what: str) -> None:
    given = config.get("quantization_config")
    method = str(given.get("quant_method", "")).lower() if isinstance(given, Mapping) else ""
    if (
        isinstance(given, Mapping)
        and not method
        and (given.get("load_in_4bit") or given.get("load_in_8bit"))
    ):
        method = "bitsandbytes"
    package = _PACKAGES.get(method)
    if package and not _installed(_MODULES.get(package, package)):
        raise ModelLoadError(
            f"{what} is quantized with {method}; next step: pip install {package}, serve it (--vlm"
            " openai:<name>), or give the checkpoint that it was made from"
        )


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it
        return False


def _is_gguf(folder: Path) -> bool:
    names = [path.name for path in folder.iterdir()]
    return any(name.lower().endswith(".gguf") for name in names) and not any(
        name.endswith((".safetensors", ".bin")) for name in names
    )


def _json(folder: Path, file: str, what: str) -> dict[str, Any]:
    """A folder's JSON file.

    Raises:
        ModelLoadError: it is not there, or no JSON object.
    """
    path = folder / file
    if not path.is_file():
        raise ModelLoadError(f"{what} has no {file}; give a folder written by save_pretrained()")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(read, dict):
            return read
        problem = f"it holds a {type(read).__name__}, not an object"
    except ValueError as error:
        problem = str(error)
    raise ModelLoadError(f"{what}: {file} cannot be read ({problem}); download or save it again")
