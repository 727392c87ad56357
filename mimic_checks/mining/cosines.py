"""Cosines of embeddings: rows that have a direction, exact cosines of single pairs, and counts of
all of them, from which quantiles are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mimic_checks.errors import InvalidArgument, first_names

BIN = 0.001
"""Width of a bin of cosines: quantiles are exact to within it."""
BINS = 2001
_ROWS = 4096
_TINY = 1e-150
"""Of a squared length: the product of two such still is a float64 number."""
_SCALE = np.float32(1 / BIN)

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings [images, dimensions] (an array, or a file that is mapped into memory) with the
    squared length of each row, in float64.

    Raises:
        InvalidArgument: another shape, another type, or rows that have no direction: zero, or not
            finite, by name.
    """

    name: str
    rows: Floats
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, rows: Floats, names: Sequence[str] = ()) -> Embeddings:
        """Embeddings called `name` in messages; `names`: what its rows are called there."""
        if rows.ndim != 2 or rows.dtype.kind != "f" or 0 in rows.shape:
            raise InvalidArgument(
                f"{name} embeddings",
                f"{rows.dtype} {rows.shape}",
                allowed="floating-point numbers of shape [images, dimensions]",
            )
        squares = np.empty(len(rows))
        for start in range(0, len(rows), _ROWS):
            block = np.asarray(rows[start : start + _ROWS], dtype=np.float64)
            squares[start : start + _ROWS] = np.einsum("nd,nd->n", block, block)
        for wrong, what in (
            # Written so that NaN, which is not below anything, is among them.
            (~(squares < 1 / _TINY), "hold NaN, infinite or too large values"),
            (squares < _TINY, "are zero vectors, which have no direction"),
        ):
            if found := np.flatnonzero(wrong).tolist():
                called = [names[row] if row < len(names) else f"row {row}" for row in found]
                raise InvalidArgument(
                    f"{name} embeddings",
                    first_names(called),
                    allowed="rows of finite values that are not all zero",
                    hint=f"{len(found)} of {len(rows)} {what}: leave these pictures out",
                )
        return cls(name, rows, squares)

    def __len__(self) -> int:
        return len(self.rows)

    def units(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows of length one, [stop - start, dimensions]."""
        block = np.asarray(self.rows[start:stop], dtype=np.float64)
        lengths = np.sqrt(self.squares[start:stop, None])
        units: NDArray[np.float32] = (block / lengths).astype(np.float32)
        return units

    def slack(self) -> float:
        """How far a cosine of `units` in float32 may be from the true one: rounding of two rows and
        of a sum of products, in whatever order it is added up."""
        return float((self.rows.shape[1] + 4) * np.finfo(np.float32).eps)

    def exact(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosines of pairs of rows in float64, each alone, so that no block size changes one."""
        found = np.empty(len(first))
        for start in range(0, len(first), _ROWS):
            i, j = first[start : start + _ROWS], second[start : start + _ROWS]
            one, other = (np.asarray(self.rows[rows], dtype=np.float64) for rows in (i, j))
            products = np.einsum("nd,nd->n", one, other)
            # One root of both: of rows that are alike it is their product, and the cosine is 1.
            found[start : start + _ROWS] = products / np.sqrt(self.squares[i] * self.squares[j])
        return found


def count_cosines(cosines: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many cosines lie in each bin, [BINS]: bin k is centred at -1 + k * BIN."""
    # Shifted by half a bin, so that cutting off rounds to the next centre.
    scaled = cosines * _SCALE
    scaled += np.float32(1 / BIN + 0.5)
    np.clip(scaled, 0, BINS - 1, out=scaled)
    counts: NDArray[np.int64] = np.bincount(scaled.astype(np.int16).ravel(), minlength=BINS)
    return counts


def quantile(counts: NDArray[np.int64], share: float) -> float:
    """The smallest bin centre that at least this share of the counted cosines do not exceed: the
    quantile to within half a bin.

    Raises:
        InvalidArgument: nothing was counted.
    """
    total = int(counts.sum())
    if not total:
        raise InvalidArgument("counts", 0, allowed="at least one pair")
    place = max(1, int(np.ceil(share * total)))
    return -1 + BIN * int(np.searchsorted(np.cumsum(counts), place))
