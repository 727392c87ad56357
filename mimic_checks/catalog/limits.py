"""What may be asked for of a photo: objects of some size, and not too many of them."""

from __future__ import annotations

from mimic_checks.errors import InvalidArgument

MIN_SHARE = 0.01
MAX_INSTANCES = 10


def check_limits(min_share: float, max_instances: int) -> None:
    """Stops limits that are none.

    Raises:
        InvalidArgument: one is out of range.
    """
    if not 0 <= min_share < 1:
        raise InvalidArgument(
            "min_share", min_share, allowed="shares of the image from 0 up to, but not, 1"
        )
    is_whole = isinstance(max_instances, int) and not isinstance(max_instances, bool)
    if not is_whole or max_instances < 1:
        raise InvalidArgument("max_instances", max_instances, allowed="whole numbers from 1")
