"""When a box makes sense, and where it lies in a turned picture: one rule for every format.

Legend: n boxes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels, as COCO writes it."""
SLACK = 0.01
"""How far a box may reach out of its picture, as a share of the side: tools round and overshoot."""


def is_sensible(
    edges: NDArray[np.floating], sizes: NDArray[np.floating], slack_px: float
) -> NDArray[np.bool_]:
    """Which boxes are those of something in their picture, [n].

    `edges` [n, 4]: left, top, right, bottom; `sizes` [n, 2]: width and height of the pictures, in
    the same unit; `slack_px`: how far a box may reach out, or `SLACK` of the side if that is more.
    Not sensible: edges that are not finite, that stand in the wrong order or on one another, or
    that leave the picture."""
    near, far = edges[:, :2], edges[:, 2:]
    slack = np.maximum(slack_px, SLACK * sizes)
    # Comparisons with NaN are false, and infinity lies outside every picture.
    inside = (near >= -slack) & (far <= sizes + slack)
    solid = np.minimum(far, sizes) > np.maximum(near, 0)
    sensible: NDArray[np.bool_] = (inside & solid).all(axis=1)
    return sensible


def turned(box: Box, width: float, height: float, orientation: int) -> Box:
    """Where a box of the stored pixels, `width` x `height`, lies in the picture that is shown with
    an EXIF orientation."""
    left, top, w, h = box
    right, bottom = width - left - w, height - top - h  # room on the other sides
    return {
        2: (right, top, w, h),
        3: (right, bottom, w, h),
        4: (left, bottom, w, h),
        5: (top, left, h, w),
        6: (bottom, left, h, w),
        7: (bottom, right, h, w),
        8: (top, right, h, w),
    }.get(orientation, box)
