"""Image tokens as a grid over their picture, for families that lay them out so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mimic_checks.attention import TokenMap
from mimic_checks.attention.families import Family
from mimic_checks.models.vlm import TokenGrid


def token_grid(
    family: Family, config: Any, token_map: TokenMap, image: int, patches: Sequence[int] | None
) -> TokenGrid | None:
    """The grid of image `image` of a batch of one; `patches`: its (t, h, w) patches, where the
    processor gives them. None where the family lays out none."""
    if family.grid is None:
        return None
    positions = token_map.positions(0, image)
    shape = family.grid(config, token_map.tile[0][positions].tolist(), patches)
    if shape is None:
        return None
    rows, columns = shape
    return TokenGrid(rows, columns, tuple(positions[: rows * columns].tolist()))
