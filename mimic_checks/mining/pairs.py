"""CLIP-blind pairs (Tong et al. 2024, section 2.1): pictures that an encoder takes for the same and
a reference does not.

Every pair is looked at, in blocks. A matrix product in float32 finds what may be a pair, within its
rounding; what is one is decided in float64, pair by pair, so that neither block size nor library
changes a pair at a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mimic_checks.errors import InvalidArgument
from mimic_checks.mining.cosines import BINS, Embeddings, count_cosines

STRIPE_ROWS = 2048
"""Rows that are compared with all later ones in one go, and so many of these at a time."""
MOST_PAIRS = 5_000_000
"""Without a limit per image, more pairs than that are refused: nobody can look at them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pair's cosine is above `encoder_above` for the encoder and below `reference_below` for the
    reference, both strictly; `top`: of every image only the so many pairs with the largest
    difference of the two (0: all), a pair counting if it is among those of either of its images.

    Raises:
        InvalidArgument: a threshold that is no cosine, or a negative number.
    """

    encoder_above: float = 0.95
    reference_below: float = 0.6
    top: int = 0

    def __post_init__(self) -> None:
        for name in ("encoder_above", "reference_below"):
            if not -1 <= getattr(self, name) <= 1:
                raise InvalidArgument(name, getattr(self, name), allowed="cosines, -1 to 1")
        if self.top < 0:
            raise InvalidArgument("top_k", self.top, allowed="0 (all), or pairs per image")


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of rows, `first` < `second`, with both cosines; all of shape [pairs]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    encoder: NDArray[np.float64]
    reference: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def at(self, places: NDArray[np.integer] | NDArray[np.bool_]) -> Pairs:
        """Some of them."""
        return Pairs(
            self.first[places], self.second[places], self.encoder[places], self.reference[places]
        )

    def best_first(self) -> Pairs:
        """By the difference of the cosines, the largest first; ties by row."""
        return self.at(np.lexsort((self.second, self.first, self.reference - self.encoder)))

    def best_of_images(self, top: int) -> Pairs:
        """The pairs that are among the `top` of one of their images (0: all), by row."""
        order = np.lexsort((self.second, self.first))
        if not top or not len(self):
            return self.at(order)
        images = np.concatenate([self.first, self.second])
        partners = np.concatenate([self.second, self.first])
        pairs = np.tile(np.arange(len(self)), 2)
        difference = np.tile(self.reference - self.encoder, 2)
        ranked = np.lexsort((partners, difference, images))
        starts = np.flatnonzero(np.diff(images[ranked], prepend=-1))
        lengths = np.diff(starts, append=len(ranked))
        place = np.arange(len(ranked)) - np.repeat(starts, lengths)
        kept = np.zeros(len(self), dtype=bool)
        kept[pairs[ranked[place < top]]] = True
        return self.at(order[kept[order]])

    @classmethod
    def joined(cls, parts: list[Pairs]) -> Pairs:
        """All pairs of several."""
        if not parts:
            return NO_PAIRS
        return cls(
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.second for part in parts]),
            np.concatenate([part.encoder for part in parts]),
            np.concatenate([part.reference for part in parts]),
        )


_NO_ROWS, _NO_COSINES = np.empty(0, np.int64), np.empty(0, np.float64)
NO_PAIRS = Pairs(_NO_ROWS, _NO_ROWS, _NO_COSINES, _NO_COSINES)


@dataclass(frozen=True, slots=True, eq=False)
class Stripe:
    """What the rows from `start` to `stop` have with all later rows: pairs, and how many cosines of
    encoder and reference lie in each bin."""

    start: int
    stop: int
    pairs: Pairs
    encoder_counts: NDArray[np.int64]
    reference_counts: NDArray[np.int64]


@dataclass(slots=True, eq=False)
class Mined:
    """What was mined; grows by stripes, each pair of rows in one of them."""

    wanted: Wanted
    encoder_counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    reference_counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    _parts: list[Pairs] = field(default_factory=list)

    def add(self, stripe: Stripe) -> None:
        """
        Raises:
            InvalidArgument: more pairs than anybody can look at.
        """
        self.encoder_counts = self.encoder_counts + stripe.encoder_counts
        self.reference_counts = self.reference_counts + stripe.reference_counts
        self._parts.append(stripe.pairs)
        if self.wanted.top and len(self._parts) > 8:
            # What is beyond the best of its images now stays so, whatever comes.
            self._parts = [Pairs.joined(self._parts).best_of_images(self.wanted.top)]
        refuse_too_many(sum(map(len, self._parts)), self.wanted)

    def pairs(self) -> Pairs:
        """By row."""
        return Pairs.joined(self._parts).best_of_images(self.wanted.top)

    @property
    def compared(self) -> int:
        """Pairs of rows that were looked at."""
        return int(self.encoder_counts.sum())


def mine(
    encoder: Embeddings,
    reference: Embeddings,
    wanted: Wanted,
    *,
    stripe_rows: int = STRIPE_ROWS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Mined:
    """All wanted pairs of the images; row k of both embeddings is image k.

    Memory beyond the embeddings and the pairs: a few blocks of `stripe_rows` squared.

    Raises:
        InvalidArgument: embeddings of different numbers of images; too many pairs.
    """
    mined = Mined(wanted)
    for start, stop in stripe_bounds(encoder, reference, stripe_rows):
        mined.add(mine_stripe(encoder, reference, start, stop, wanted))
        progress(stop, len(encoder))
    return mined


def stripe_bounds(
    encoder: Embeddings, reference: Embeddings, stripe_rows: int = STRIPE_ROWS
) -> list[tuple[int, int]]:
    """First row and end of each stripe.

    Raises:
        InvalidArgument: embeddings of different numbers of images.
    """
    if len(encoder) != len(reference):
        raise InvalidArgument(
            "embeddings",
            f"{len(encoder)} of the encoder, {len(reference)} of the reference",
            allowed="one of both for every image, in the same order",
        )
    rows = len(encoder)
    return [(start, min(start + stripe_rows, rows)) for start in range(0, rows, stripe_rows)]


def mine_stripe(
    encoder: Embeddings, reference: Embeddings, start: int, stop: int, wanted: Wanted
) -> Stripe:
    """One stripe; raises as `Mined.add`."""
    counts = np.zeros((2, BINS), dtype=np.int64)
    units = [embeddings.units(start, stop) for embeddings in (encoder, reference)]
    parts: list[Pairs] = []
    for left in range(start, len(encoder), stop - start):
        right = min(left + stop - start, len(encoder))
        blocks = [
            mine_units @ embeddings.units(left, right).T
            for mine_units, embeddings in zip(units, (encoder, reference), strict=True)
        ]
        # In the first block, a pair stands twice, and every image against itself.
        later = np.triu_indices(stop - start, 1) if left == start else None
        for number, block in enumerate(blocks):
            counts[number] += count_cosines(block if later is None else block[later])
        parts += _wanted_pairs(blocks, start, left, encoder, reference, wanted)
        if wanted.top:
            parts = [Pairs.joined(parts).best_of_images(wanted.top)]
        refuse_too_many(sum(map(len, parts)), wanted)
    return Stripe(start, stop, Pairs.joined(parts), counts[0], counts[1])


def _wanted_pairs(
    blocks: list[NDArray[np.float32]],
    start: int,
    left: int,
    encoder: Embeddings,
    reference: Embeddings,
    wanted: Wanted,
) -> Iterator[Pairs]:
    """The pairs of one block, none or one piece."""
    may_be = blocks[0] > np.float32(wanted.encoder_above - encoder.slack())
    # Most blocks of real pictures hold no candidate, so the second look is seldom needed.
    if not may_be.any():
        return
    may_be &= blocks[1] < np.float32(wanted.reference_below + reference.slack())
    first, second = np.nonzero(may_be)
    first, second = first + start, second + left
    later = first < second
    first, second = first[later], second[later]
    found = Pairs(first, second, encoder.exact(first, second), reference.exact(first, second))
    good = (found.encoder > wanted.encoder_above) & (found.reference < wanted.reference_below)
    if good.any():
        yield found.at(good)


def refuse_too_many(number: int, wanted: Wanted) -> None:
    """
    Raises:
        InvalidArgument: more pairs than anybody can look at.
    """
    if number > MOST_PAIRS and not wanted.top:
        raise InvalidArgument(
            "top_k",
            wanted.top,
            allowed=f"pairs per image, where there are more than {MOST_PAIRS:,} pairs",
            hint="or ask for a higher cosine of the encoder, a lower one of the reference",
        )
