"""Pairs of classes that training never puts together, so that a proof can ask about them.

Whether a pair is held out is decided by a hash of its two names and the set's name, so it is the
same on every machine and in every catalog that has both classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mimic_checks.errors import InvalidArgument

DEFAULT_SET = "tenth"
DEFAULT_SHARE = 0.1


def held_out_pairs(
    class_names: Sequence[str], *, name: str = DEFAULT_SET, share: float = DEFAULT_SHARE
) -> NDArray[np.bool_]:
    """Which pairs of classes are held out of training: [classes, classes], symmetric.

    `share` is that of the pairs; it concerns multi-concept, common and odd-one samples.

    Raises:
        InvalidArgument: a share that is none, or that leaves nothing to train on.
    """
    if not 0 <= share < 0.5:
        raise InvalidArgument(
            "held_out_share", share, allowed="shares of the pairs from 0 up to, but not, 0.5"
        )
    held_out = np.zeros((len(class_names), len(class_names)), dtype=bool)
    for (i, first), (j, second) in combinations(enumerate(class_names), 2):
        # A pair has no order, and no name holds the separator.
        text = "\0".join((name, *sorted((first.lower(), second.lower()))))
        # The digest's first 8 bytes, read as a fraction of 2^64, are uniform over pairs.
        digest = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
        held_out[i, j] = held_out[j, i] = digest < share * 2**64
    return held_out


def meets(held_out: NDArray[np.bool_], asked: Iterable[int], beside: Iterable[int]) -> bool:
    """Whether a held-out pair has one class in `asked` and the other in `asked` or `beside`."""
    first = list(asked)
    return bool(held_out[np.ix_(first, sorted({*first, *beside}))].any())
