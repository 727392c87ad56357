"""Any decoded picture as RGB of eight bits a channel, as a person would see it on white paper."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_DEEP = ("I", "F")
"""How the modes of more than eight bits a pixel begin: whole numbers (`I`, `I;16`, ...), floats."""


def as_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any mode as RGB; what shines through is white.

    Raises:
        ValueError: it has no such form, with the reason.
    """
    if picture.mode.startswith(_DEEP):
        return _grey(picture).convert("RGB")
    if picture.has_transparency_data:
        shown = picture.convert("RGBA")
        ground = Image.new("RGBA", shown.size, "white")
        return Image.alpha_composite(ground, shown).convert("RGB")
    plain = picture.convert("RGB")
    # Notes of the file (a transparent colour, say) are not the picture's any more.
    plain.info = {}
    return plain


def _grey(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    grey = _floats(values) if picture.mode == "F" else _whole_numbers(values)
    see_through = picture.info.get("transparency")
    if isinstance(see_through, int):
        grey = np.where(values == see_through, 255, grey)
    return Image.fromarray(grey.astype(np.uint8))


def _whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """The eight highest bits in use, so that 256 levels in 8, 12 or 16 bits stay 256 levels."""
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest >= 2**16:
        return _stretched(values.astype(np.float64))
    grey: NDArray[Any] = values.astype(np.int64) >> max(0, highest.bit_length() - 8)
    return grey


def _floats(values: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are no numbers (NaN or infinite)")
    if values.min() >= 0 and values.max() <= 1:
        return np.rint(values * 255.0)
    return _stretched(values.astype(np.float64))


def _stretched(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest value black, the highest white; one value alone is mid-grey."""
    lowest, highest = values.min(), values.max()
    if lowest == highest:
        return np.full(values.shape, 128.0)
    grey: NDArray[np.float64] = np.rint((values - lowest) / (highest - lowest) * 255)
    return grey
