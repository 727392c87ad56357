"""What a position of a sequence holds."""

from __future__ import annotations

from enum import IntEnum


# Whole numbers, since maps hold them in tensors.
class TokenType(IntEnum):
    """What a position holds."""

    PADDING = 0
    BEFORE = 1
    IMAGE = 2
    SEPARATOR = 3
    BETWEEN = 4
    AFTER = 5
    GENERATED = 6
