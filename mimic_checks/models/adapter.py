"""Merging an adapter into a model: all of it, or not at all."""

from __future__ import annotations

import re
import warnings
from importlib.metadata import version
from typing import Any

from peft import PeftConfig, PeftModel
from peft.utils import load_peft_weights, set_peft_model_state_dict

from mimic_checks.errors import ModelLoadError, UsageError, first_names
from mimic_checks.models.loading import explained

_NAME = "default"
"""What peft calls an adapter that is given no name."""


def with_adapter(model: Any, name: str, adapter: str) -> Any:
    """The model `name` with an adapter merged into its weights.

    Raises:
        ModelLoadError: an adapter that does not fit, or lacks tensors that its own config calls
            for.
    """
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            # Shapes are compared below: peft's own message is pages long.
            wrapped = PeftModel.from_pretrained(model, adapter, ignore_mismatched_sizes=True)
        _check_whole(wrapped, name, adapter, [str(one.message) for one in told])
        return wrapped.merge_and_unload().eval()
    except UsageError:
        raise
    # A module that is saved whole is looked up by name.
    except KeyError as error:
        raise _lacking(adapter, [str(key) for key in error.args]) from error
    except Exception as error:  # whatever an adapter makes peft raise
        raise explained(f"adapter={adapter!r} on model={name!r}", error) from error


def _check_whole(wrapped: Any, name: str, adapter: str, told: list[str]) -> None:
    """Compares the adapter's tensors with the places that its config makes for them.

    peft only warns of what is missing, and says nothing of what has no place. It tells both if its
    tensors are put in once more, which changes nothing."""
    # As `PeftModel.from_pretrained` reads them.
    mapping = getattr(wrapped.get_base_model(), "_checkpoint_conversion_mapping", {})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = set_peft_model_state_dict(
            wrapped,
            load_peft_weights(adapter, device="cpu", key_mapping=mapping),
            adapter_name=_NAME,
            ignore_mismatched_sizes=True,
        )
    missing = sorted(key for key in result.missing_keys if _NAME in key.split("."))
    homeless = sorted(result.unexpected_keys)
    if not missing and not homeless:
        return
    config = wrapped.peft_config[_NAME]
    shapes = [
        line.strip("- ") for text in told for line in text.split("\n") if "found shape" in line
    ]
    problems = shapes or [
        *(f"{key}: no such layer" for key in homeless),
        *(f"{key}: not in the adapter" for key in missing),
    ]
    if shapes or homeless:
        raise ModelLoadError(
            f"adapter={adapter!r} belongs to another model (it says"
            f" {config.base_model_name_or_path!r}) than model={name!r}: {first_names(problems)};"
            " give the base it was trained on"
        )
    raise _lacking(adapter, missing)


def _lacking(adapter: str, missing: list[str]) -> ModelLoadError:
    return ModelLoadError(
        f"adapter={adapter!r} lacks tensors that its adapter_config.json calls for:"
        f" {first_names(missing)}; they would do nothing, or be random: save it again, or mend its"
        " config"
    )


def base_note(adapter: str, *names: str | None) -> str:
    """What is worth knowing of an adapter that says it was trained on another base, whose layers
    may have the same shapes: words; "" if it names this one, or none. `names`: what the base is
    called here; folders move, so that only the last part of a name is compared.

    Raises:
        ModelLoadError: the adapter's config cannot be read.
    """
    try:
        base = PeftConfig.from_pretrained(adapter).base_model_name_or_path
    # A peft_type is looked up by name.
    except KeyError as error:
        kind = str(error.args[0]) if error.args else ""
        raise ModelLoadError(
            f"adapter={adapter!r}: adapter_config.json holds peft_type {kind!r}, which the peft"
            f" {version('peft')} that is installed does not know; upgrade peft, or save the adapter"
            " again"
        ) from error
    except Exception as error:  # whatever peft and the hub's client raise
        raise explained(f"adapter={adapter!r}", error) from error
    own = {_last_part(known) for known in names if known}
    if not base or _last_part(base) in own:
        return ""
    return f"adapter {adapter} says that it was trained on {base}"


def _last_part(name: str) -> str:
    return re.split(r"[\\/]", name.rstrip("\\/"))[-1].casefold()
