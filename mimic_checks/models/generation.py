"""How answers are generated: greedily, one each, whatever a checkpoint's own settings say.

A generation config may hold anything that changes an answer (penalties, forbidden or forced tokens,
beams, sampling) or the form of what comes back. So none is taken over but by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor
from transformers.utils import cached_file

from mimic_checks.errors import AnswerError, InvalidArgument, ModelLoadError
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.reply import Answered, Reply
from mimic_checks.tasks.unread import CUT_OFF

_OF_THE_MODEL = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
"""What a model cannot answer without: where its texts begin and end."""
_NO_SETTING = ("transformers_version",)


def checkpoint_settings(name: str, options: ModelOptions) -> dict[str, Any]:
    """What a checkpoint says of generating, as its file has it; of one without the file, what its
    config says. Read here, since transformers refuses to load a model for settings that do not go
    together, also where none of them is to be used.

    Raises:
        ModelLoadError: a file that is no JSON object.
    """
    for file in ("generation_config.json", "config.json"):
        path = cached_file(
            name, file, revision=options.revision, _raise_exceptions_for_missing_entries=False
        )
        if path is None:
            continue
        try:
            read = dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ModelLoadError(
                f"model={name!r}: {file} cannot be read ({error}); download or save it again"
            ) from error
        if file == "config.json":
            read = {**(read.get("text_config") or {}), **read}
            read = {key: read[key] for key in GenerationConfig().to_dict() if key in read}
        return _set(read)
    return {}


def make_greedy(
    model: Any,
    found: Mapping[str, Any],
    *,
    max_new_tokens: int,
    pad_token_id: int | None,
    keep: Sequence[str] = (),
) -> dict[str, Any]:
    """Makes a model generate greedily, with the settings of its checkpoint (`found`) that are named
    in `keep` and no others; what else the checkpoint sets, and is set aside, by name.

    Raises:
        InvalidArgument: a setting to be kept that the checkpoint does not make, or that cannot be
            kept beside another.
    """
    if unknown := [name for name in keep if name not in found]:
        others = ", ".join(sorted(set(found) - set(_OF_THE_MODEL))) or "nothing"
        raise InvalidArgument(
            "vlm-keep-generation",
            ",".join(keep),
            allowed=(
                f"what this checkpoint's generation config sets ({others}); it does not set"
                f" {', '.join(unknown)}"
            ),
        )
    greedy = {"max_new_tokens": max_new_tokens, "do_sample": False, "num_beams": 1}
    if pad_token_id is not None:
        greedy["pad_token_id"] = pad_token_id
    try:
        # Some models generate with a model inside them, which has settings of its own.
        for part in model.modules():
            if isinstance(own := getattr(part, "generation_config", None), GenerationConfig):
                set_here = {**_set(own.to_dict()), **found}
                taken = {k: set_here[k] for k in (*_OF_THE_MODEL, *keep) if k in set_here}
                part.generation_config = GenerationConfig(**{**taken, **greedy})
    except (ValueError, TypeError) as error:
        raise InvalidArgument(
            "vlm-keep-generation", ",".join(keep), allowed=f"settings that go together ({error})"
        ) from error
    return {name: found[name] for name in sorted(found) if name not in (*_OF_THE_MODEL, *keep)}


def generation_settings(model: Any) -> dict[str, Any]:
    """The settings that a model generates with, but for the length, by name."""
    settings = _set(model.generation_config.to_dict())
    return {name: settings[name] for name in sorted(settings) if name != "max_new_tokens"}


def _set(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a generation config sets to something else than the library does, as plain data."""
    defaults = GenerationConfig._get_default_generation_params()
    return {
        name: value
        for name, value in json.loads(json.dumps(config, default=str)).items()
        if value is not None
        and value != defaults.get(name)
        # Off, in the words of a setting that the library leaves unset.
        and not (value is False and defaults.get(name) is None)
        and name not in _NO_SETTING
        and not name.startswith("_")
    }


def stop_ids(settings: GenerationConfig) -> frozenset[int]:
    """Tokens that end an answer."""
    ids = settings.eos_token_id
    return frozenset(ids if isinstance(ids, list) else [] if ids is None else [ids])


def as_answered(text: str, ids: Sequence[int], broken: int, settings: GenerationConfig) -> Answered:
    """A text, as what it is: whole, cut off, or none. `ids` as generated, padding and all; `broken`
    the first step whose logits gave no next token (-1: none)."""
    ends = stop_ids(settings)
    last = next((step for step, token in enumerate(ids) if token in ends), None)
    # What is computed after a row's end is nobody's.
    if 0 <= broken <= (len(ids) if last is None else last):
        return AnswerError(
            f"the model's logits are not numbers (NaN or infinite) at token {broken + 1} of its"
            " answer; try --vlm-dtype float32, and look for NaN in the weights"
        )
    ended = last is not None or any(string in text for string in settings.stop_strings or ())
    return text if ended or len(ids) < settings.max_new_tokens else Reply(text, CUT_OFF)


class Watch(LogitsProcessor):  # type: ignore[misc]  # Any, to mypy
    """Changes nothing; notes for every row the first step whose logits give no next token, because
    the highest of them is not a number."""

    def __init__(self) -> None:
        self.first: Tensor | None = None
        self._step = 0

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        broken = ~torch.isfinite(scores.max(dim=-1).values)  # [B]; NaN is the highest of its row
        if self.first is None:
            self.first = torch.full_like(broken, -1, dtype=torch.long)
        # No look at the values here, which would wait for the device at every token.
        self.first = torch.where(broken & (self.first < 0), self._step, self.first)
        self._step += 1
        return scores

    def steps(self) -> list[int]:
        """The first such step of every row; -1 for none."""
        return [] if self.first is None else self.first.tolist()
