"""What the suite must know of a model family, one row per `model_type`.

Data in: a model's config. Data out: its `Family`. A new family is a new row here, and a row in
tests/families/tiny.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mimic_checks.errors import AttentionError

Counts = Callable[[Any, Mapping[str, Any]], list[int]]
"""From a model's config and a processed batch: image tokens of every image of the batch, in
order."""


@dataclass(frozen=True, slots=True)
class Family:
    """How a family writes its images.

    `language_model` and `projector` (from the vision tower's features to the language model's) are
    where these modules are. `opening` and `closing` are patterns of the tag tokens directly around
    an image, `joint` of everything that may stand between two runs of image tokens of one image,
    `final` of the tag before an image's last run. A family without tags says instead with `counts`
    how many tokens each image has. `tile` gives the image tokens of one tile where a run holds
    several. `grid_positions`: image tokens carry (t, h, w) positions (M-RoPE). `newline`: the last
    feature of an image row is a learned separator."""

    language_model: str = "model.language_model"
    projector: str = "model.multi_modal_projector"
    opening: str = ""
    closing: str = ""
    joint: str = ""
    final: str = ""
    counts: Counts | None = None
    tile: Callable[[Any], int] | None = None
    grid_positions: bool = False
    newline: bool = False


def family_of(config: Any) -> Family:
    """The row of a model.

    Raises:
        AttentionError: a family without a row; names those that have one.
    """
    model_type = str(getattr(config, "model_type", None))
    if model_type not in FAMILIES:
        close = difflib.get_close_matches(model_type, FAMILIES, n=1)
        raise AttentionError(
            f"model_type={model_type!r} cannot be opened; allowed:"
            f" {', '.join(map(repr, sorted(FAMILIES)))}"
            + (f"; nearest: {close[0]!r}" if close else "")
            + "; checks that only ask questions still run, or add a row to"
            " mimic_checks/attention/families.py"
        )
    return FAMILIES[model_type]


def unwrapped(model: Any) -> Any:
    """The vision-language model inside its peft wrapper, if it has one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def language_model(model: Any) -> Any:
    """The language model inside a vision-language model (or inside its peft wrapper)."""
    found = unwrapped(model)
    for name in family_of(found.config).language_model.split("."):
        found = getattr(found, name)
    return found


def _fixed(config: Any, batch: Mapping[str, Any]) -> list[int]:
    vision = config.vision_config
    extra = (
        1
        if config.vision_feature_select_strategy == "full" and vision.model_type.startswith("clip")
        else 0
    )
    return [(vision.image_size // vision.patch_size) ** 2 + extra] * _images(batch)


def _images(batch: Mapping[str, Any]) -> int:
    if (encoded := _encoded(batch)) is not None:
        return len(encoded)
    return len(batch["pixel_values"]) if batch.get("pixel_values") is not None else 0


def _encoded(batch: Mapping[str, Any]) -> Any:
    """The features of every image, where the batch carries them in place of pixels."""
    found = (batch.get("mm_encoder_outputs") or {}).get("image")
    return None if found is None else found.pooler_output


def _onevision(config: Any, batch: Mapping[str, Any]) -> list[int]:
    if (encoded := _encoded(batch)) is not None:
        return [len(features) for features in encoded]
    if batch.get("image_sizes") is None:
        return []
    base = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    alone = [n == 1 for n in batch["batch_num_images"].tolist() for _ in range(n)]
    return [
        base + sum(h * (w + 1) for h, w in [onevision_grid(config, size)]) if single else base + 1
        for size, single in zip(batch["image_sizes"].tolist(), alone, strict=True)
    ]


def onevision_grid(config: Any, size: list[int]) -> tuple[int, int]:
    """Rows and columns of the tiled part of a LLaVA-OneVision image of (height, width) `size`, its
    newlines not counted.

    Source: the model's own `pack_image_features`, shapes only.
    """
    import torch
    from transformers.models.llava_onevision.modeling_llava_onevision import (
        get_anyres_image_grid_shape,
        unpad_image,
    )

    side = config.vision_config.image_size // config.vision_config.patch_size
    rows, columns = get_anyres_image_grid_shape(
        size, config.image_grid_pinpoints, config.vision_config.image_size
    )
    _, height, width = unpad_image(
        torch.empty(1, rows * side, columns * side, device="meta"), size
    ).shape
    most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
    ratio = (height * width / (most * side**2)) ** 0.5
    return (int(height // ratio), int(width // ratio)) if ratio > 1.1 else (height, width)


_QWEN = Family(
    projector="model.visual.merger",
    opening=r"<\|vision_start\|>",
    closing=r"<\|vision_end\|>",
    grid_positions=True,
)
_IDEFICS = Family(
    language_model="model.text_model",
    projector="model.connector",
    opening=r"<fake_token_around_image>|<row_1_col_1>|<global-img>",
    closing="<fake_token_around_image>",
    joint=r"(?:<fake_token_around_image>|<row_(?!1_col_1>)\d+_col_\d+>|<global-img>|\s)*",
    final="<global-img>",
)

FAMILIES: dict[str, Family] = {
    "llava": Family(counts=_fixed),
    "llava_onevision": Family(counts=_onevision, newline=True),
    "qwen2_vl": _QWEN,
    "qwen2_5_vl": _QWEN,
    "qwen3_vl": _QWEN,
    "internvl": Family(
        opening="<img>", closing="</img>", tile=lambda config: int(config.image_seq_length)
    ),
    "idefics3": _IDEFICS,
    "smolvlm": _IDEFICS,
    "gemma3": Family(opening="<start_of_image>", closing="<end_of_image>"),
    "mistral3": Family(closing=r"\[IMG_END\]", joint=r"\[IMG_BREAK\]"),
}
