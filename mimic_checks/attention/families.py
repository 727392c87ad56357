"""What the suite must know of a model family, one row per `model_type`.

A package adds a family with an entry point in the group `mimic_checks.families` that gives a
`Family`. A row of this project also needs a tiny model in tests/families/tiny.py.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from mimic_checks.errors import AttentionError
from mimic_checks.registry import Registry

Counts = Callable[[Any, Mapping[str, Any]], list[int]]
"""From a model's config and a processed batch: image tokens of every image of the batch, in
order."""
Grid = Callable[[Any, Sequence[int], Sequence[int] | None], tuple[int, int] | None]
"""From a model's config, the tile of every token of an image, and its (t, h, w) patches if the
processor gives them: rows and columns over the picture that the image's first tokens fill; None if
they fill none."""


@dataclass(frozen=True, slots=True)
class Family:
    """How a family writes its images.

    `language_model` and `projector` (from the vision tower's features to the language model's) are
    where these modules are. `opening` and `closing` are patterns of the tag tokens directly around
    an image, `joint` of everything that may stand between two runs of image tokens of one image,
    `final` of the tag before an image's last run. A family without tags says instead with `counts`
    how many tokens each image has. `tile` gives the image tokens of one tile where a run holds
    several. `grid_positions`: image tokens carry (t, h, w) positions (M-RoPE). `newline`: the last
    feature of an image row is a learned separator. `grid`: where tokens stand over the picture.
    `one_row_per_image`: every image is one row of `pixel_values` with the same number of tokens
    (told by `counts`), so that its features can be computed apart from its batch, and reused.
    `by_tower`: the row in place of this one, by the `model_type` of a vision tower with which the
    family writes its images another way."""

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
    grid: Grid | None = None
    one_row_per_image: bool = False
    by_tower: Mapping[str, Family] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.one_row_per_image and self.counts is None:
            raise AttentionError(
                "one_row_per_image=True needs counts=..., which say how many tokens"
            )


FAMILIES: Registry[Family] = Registry(
    "mimic_checks.families", "model family", tuple(part.name for part in fields(Family))
)


def no_row(model_type: str) -> str:
    """Why a family without a row cannot be looked into."""
    return f"model_type={model_type!r} has no row in the families"


def family_of(config: Any) -> Family:
    """The row of a model.

    Raises:
        AttentionError: a family without a row; names those that have one.
        ExtensionError: another package's row that cannot be used.
    """
    model_type = str(getattr(config, "model_type", None))
    known = FAMILIES.names()
    if model_type not in known:
        close = difflib.get_close_matches(model_type, known, n=1)
        raise AttentionError(
            f"{no_row(model_type)} {', '.join(map(repr, known))}"
            + (f"; nearest: {close[0]!r}" if close else "")
            + "; checks that only ask questions still run, or register a row under"
            f" {FAMILIES.group}"
        )
    row = FAMILIES.get(model_type)
    tower = getattr(getattr(config, "vision_config", None), "model_type", None)
    return row.by_tower.get(str(tower), row)


def unwrapped(model: Any) -> Any:
    """The vision-language model inside its peft wrapper, if it has one."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def language_model(model: Any) -> Any:
    """The language model inside a vision-language model (or inside its peft wrapper)."""
    module = unwrapped(model)
    for name in family_of(module.config).language_model.split("."):
        module = getattr(module, name)
    return module


def _fixed(config: Any, batch: Mapping[str, Any]) -> list[int]:
    vision = config.vision_config
    # CLIP's class token is dropped by the default strategy and kept by the full one.
    class_token = config.vision_feature_select_strategy == "full" and (
        vision.model_type.startswith("clip")
    )
    return [(vision.image_size // vision.patch_size) ** 2 + class_token] * _images(batch)


def _images(batch: Mapping[str, Any]) -> int:
    if (encoded := _encoded(batch)) is not None:
        return len(encoded)
    return len(batch["pixel_values"]) if batch.get("pixel_values") is not None else 0


def _encoded(batch: Mapping[str, Any]) -> Any:
    """The features of every image, where the batch carries them in place of pixels."""
    encoded = (batch.get("mm_encoder_outputs") or {}).get("image")
    return None if encoded is None else encoded.pooler_output


def _onevision(config: Any, batch: Mapping[str, Any]) -> list[int]:
    if (encoded := _encoded(batch)) is not None:
        return [len(features) for features in encoded]
    if batch.get("image_sizes") is None:
        return []
    base = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    # Only an image alone in its prompt is cut into tiles, whose rows end with a newline each; one
    # of several gets the base tile and a single newline.
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
    # Imported here: the rows of families are read where neither is installed.
    import torch
    from transformers.models.llava_onevision.modeling_llava_onevision import (
        get_anyres_image_grid_shape,
        unpad_image,
    )

    side = config.vision_config.image_size // config.vision_config.patch_size
    rows, columns = get_anyres_image_grid_shape(
        size, config.image_grid_pinpoints, config.vision_config.image_size
    )
    # On the meta device nothing is stored or computed: only the shape is wanted.
    _, height, width = unpad_image(
        torch.empty(1, rows * side, columns * side, device="meta"), size
    ).shape
    # The model shrinks a grid only where it exceeds its limit by more than a tenth of the side.
    most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
    ratio = (height * width / (most * side**2)) ** 0.5
    return (int(height // ratio), int(width // ratio)) if ratio > 1.1 else (height, width)


def _one_square(
    config: Any, tiles: Sequence[int], patches: Sequence[int] | None
) -> tuple[int, int] | None:
    """One tile, a square of tokens whatever the picture's sides."""
    return _first_square(config, tiles, patches) if not any(tiles) else None


def _first_square(
    config: Any, tiles: Sequence[int], patches: Sequence[int] | None
) -> tuple[int, int] | None:
    """The first tile is the whole picture, brought to a square."""
    side = math.isqrt(first := sum(tile == 0 for tile in tiles))
    return (side, side) if side * side == first else None


def _patches(
    config: Any, tiles: Sequence[int], patches: Sequence[int] | None
) -> tuple[int, int] | None:
    """As many rows and columns as patches, after merging."""
    merge = config.vision_config.spatial_merge_size
    return (patches[1] // merge, patches[2] // merge) if patches is not None else None


def _row_per_tile(
    config: Any, tiles: Sequence[int], patches: Sequence[int] | None
) -> tuple[int, int] | None:
    """A row of patches is a run of tokens."""
    return (rows := max(tiles) + 1), len(tiles) // rows


LLAVA_ONEVISION = Family(counts=_onevision, newline=True, grid=_first_square)
QWEN = Family(
    projector="model.visual.merger",
    opening=r"<\|vision_start\|>",
    closing=r"<\|vision_end\|>",
    grid_positions=True,
    grid=_patches,
)
INTERNVL = Family(
    opening="<img>",
    closing="</img>",
    tile=lambda config: int(config.image_seq_length),
    grid=_one_square,
)
# The tag of the first tile opens an image, so it never joins a run to the image before.
IDEFICS = Family(
    language_model="model.text_model",
    projector="model.connector",
    opening=r"<fake_token_around_image>|<row_1_col_1>|<global-img>",
    closing="<fake_token_around_image>",
    joint=r"(?:<fake_token_around_image>|<row_(?!1_col_1>)\d+_col_\d+>|<global-img>|\s)*",
    final="<global-img>",
)
GEMMA3 = Family(opening="<start_of_image>", closing="<end_of_image>", grid=_one_square)
MISTRAL3 = Family(closing=r"\[IMG_END\]", joint=r"\[IMG_BREAK\]", grid=_row_per_tile)
# Pixtral was published as a LLaVA, too: its pictures keep their shape, a run of tokens a row.
LLAVA = Family(
    counts=_fixed, grid=_one_square, one_row_per_image=True, by_tower={"pixtral": MISTRAL3}
)
