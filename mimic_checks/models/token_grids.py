"""Image tokens as a grid over their picture, for families that lay them out so."""

from __future__ import annotations

import math
from typing import Any

from mimic_checks.attention import TokenMap
from mimic_checks.models.vlm import TokenGrid

_SQUARE = frozenset({"llava", "llava_onevision", "gemma3", "internvl"})
"""Families that bring every picture (or its first tile) to a square of tokens, whatever its
sides."""


def token_grid(
    config: Any, token_map: TokenMap, image: int, grid: list[int] | None
) -> TokenGrid | None:
    """The token_grid of image `image` of a batch of one; `grid`: its (t, h, w) patches, where the
    processor gives them."""
    positions = token_map.positions(0, image)
    tiles = token_map.tile[0][positions]
    if grid is not None:
        merge = config.vision_config.spatial_merge_size
        return TokenGrid(grid[1] // merge, grid[2] // merge, tuple(positions.tolist()))
    if config.model_type == "mistral3":  # a row of patches is a run of tokens
        rows = int(tiles.max()) + 1
        return TokenGrid(rows, len(positions) // rows, tuple(positions.tolist()))
    first = positions[tiles == 0]
    side = math.isqrt(len(first))
    whole = len(first) == len(positions) or config.model_type == "llava_onevision"
    if config.model_type in _SQUARE and whole and side * side == len(first):
        return TokenGrid(side, side, tuple(first.tolist()))
    return None
