"""What can be found out about a model's files without loading them, or any engine."""

from __future__ import annotations

import json
from pathlib import Path

from mimic_checks.errors import ModelLoadError
from mimic_checks.models.intervention import persistent_intervention
from mimic_checks.models.options import ModelOptions


def check_files(name: str, options: ModelOptions) -> None:
    """What can be found out about a local model or adapter folder without loading it.

    Raises:
        ModelLoadError: no config, no weights, unsafe weights only, or an adapter without a config.
        AttentionError: a mask that cannot be read, or lies outside the base.
    """
    folder = Path(name)
    if folder.is_dir():
        _need(folder, "config.json", f"model={name!r}")
        if not list(folder.glob("*.safetensors")):
            unsafe = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"))]
            hint = (
                f"it has {unsafe[0]}, which is not loaded for safety; convert it"
                if unsafe
                else "save or download them"
            )
            raise ModelLoadError(
                f"model={name!r} has no weights (*.safetensors): {hint} with save_pretrained()"
            )
    # No hub id begins so: a folder was meant.
    elif name.startswith((".", "/", "~")):
        raise ModelLoadError(
            f"model={name!r} is not a directory; give a folder, a hub id, 'builtin' or"
            " 'stub:<name>'"
        )
    if options.adapter and Path(options.adapter).is_dir():
        _need(Path(options.adapter), "adapter_config.json", f"adapter={options.adapter!r}")
    if options.mask not in ("auto", "none") or (options.adapter and options.mask == "auto"):
        _check_mask(folder, options)


def _check_mask(base: Path, options: ModelOptions) -> None:
    """A mask must be readable and inside the base's layers (where its config says how many)."""
    rules = persistent_intervention(options).rules
    config = (
        json.loads((base / "config.json").read_text()) if (base / "config.json").is_file() else {}
    )
    depth = (config.get("text_config") or {}).get("num_hidden_layers")
    for rule in rules:
        if depth:
            rule.window.layers(int(depth))


def _need(folder: Path, file: str, what: str) -> None:
    if not (folder / file).is_file():
        raise ModelLoadError(f"{what} has no {file}; give a folder written by save_pretrained()")
