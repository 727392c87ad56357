"""How far the numbers of a level reach: the rate on photos that this catalog does not have.

Cases that share photos are no independent evidence about new ones. If photos explain a share `s` of
what makes answers right or wrong, and cases i and j have the part R_ij of their photos in common
(1 for i = j), outcomes covary as s R_ij, so n cases say as much about new photos as

    n / (1 + s (n / m - 1)),    m = n^2 / sum of all R_ij: what they come to if photos decide all.

The share is estimated by moments: squared residuals, all and weighted by R, are set to what they
are on average (the two equations of a variance component). It is then drawn towards 1 as if one
more wrong answer (or right one, if those are fewer) had said that photos decide: a rate of 1.0
tells nothing about what would make answers wrong. The interval is Clopper and Pearson's for that
many cases. `bench/new_photos.py` compares it with the estimators in use.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import beta

from mimic_checks.cases import Scored

FEWEST = 5.0
"""With fewer cases' worth of photos no interval is given: simulated, those that cover 93 % of the
time leave more than half of the scale open."""
Floats = NDArray[np.float64]
Photos = Sequence[Collection[str]]
"""The photo ids of every case."""


@dataclass(frozen=True, slots=True)
class NewPhotos:
    """`photos`: how many different ones are shown; `effective`: how many cases of new photos each
    the cases are worth; `interval` of the rate on new photos, None with the reason why it is
    `absent`."""

    photos: int
    effective: int
    interval: tuple[float, float] | None = None
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which cases share photos. `shown` [cases, photos]: a case's photos, each by one over the root
    of their number, so that R = shown @ shown.T; `least`: how many cases they come to if photos
    decide all."""

    shown: csr_array
    least: float

    @classmethod
    def of(cls, photos: Photos) -> Sharing:
        """From the photos of every case; one without any shares with none."""
        # A tuple is no photo's id.
        sets: list[set[Hashable]] = [set(ids) or {("case", k)} for k, ids in enumerate(photos)]
        columns: dict[Hashable, int] = {}
        places = [[columns.setdefault(photo, len(columns)) for photo in ids] for ids in sets]
        sizes = np.array([len(ids) for ids in sets])
        row = np.repeat(np.arange(len(sets)), sizes)
        shown = csr_array(
            (1 / np.sqrt(sizes[row]), (row, np.concatenate([np.array(p) for p in places]))),
            shape=(len(sets), len(columns)),
        )
        uses = np.asarray(shown.sum(axis=0)).ravel()
        return cls(shown, min(float(len(sets)), len(sets) ** 2 / float(uses @ uses)))

    def effective(self, right: Floats) -> Floats:
        """How many cases of new photos they are worth, [histories], for outcomes of 0 and 1
        [cases, histories]."""
        n, rate = len(right), right.mean(axis=0)
        fewer = self.least * np.minimum(rate, 1 - rate)
        share = (fewer * self.explained(right - rate) + 1) / (fewer + 1)
        cases: Floats = n / (1 + share * (n / self.least - 1))
        return cases

    def explained(self, residuals: Floats) -> Floats:
        """The share that photos explain, in [0, 1]; 1 where nothing can tell."""
        n, turned = len(residuals), self.shown.T
        of_case = self.shown @ (turned @ np.ones(n))
        # R and its photo by photo counterpart have the same sum of squares: take the smaller.
        common = turned @ self.shown if turned.shape[0] < n else self.shown @ turned
        # Traces of QR and QRQR, where Q takes the mean off.
        once = n - of_case.sum() / n
        twice = common.power(2).sum() - 2 * (of_case @ of_case) / n + (of_case.sum() / n) ** 2
        squares = (residuals**2).sum(axis=0)
        weighted = ((turned @ residuals) ** 2).sum(axis=0)
        ratio = np.divide(weighted, squares, out=np.ones_like(squares), where=squares > 0)
        above = ratio * (n - 1) - once
        below = above - ratio * once + twice
        told = (squares > 0) & (below > 1e-9 * n)
        share = np.divide(above, below, out=np.ones_like(squares), where=told)
        clipped: Floats = np.clip(share, 0.0, 1.0)
        return clipped


def new_photos(items: Sequence[Scored], alpha: float) -> NewPhotos:
    """What the outcomes of one level say about new photos; the interval is two-sided at `alpha`,
    every answer that is not right counted wrong."""
    shown = [{image for o in item.members for image in o.case.images} for item in items]
    asked = [
        {o.case.images[place] for o in item.members for place in o.case.needles} for item in items
    ]
    right = np.array([[float(item.kind == "right")] for item in items])
    effective, least = effective_cases(shown, asked, right)
    photos, worth = len(set().union(*shown)), max(1, round(float(effective[0])))
    if least < FEWEST:
        few = f"where photos decide they are worth {least:.1f} cases, and {FEWEST:g} are needed"
        return NewPhotos(photos, worth, absent=few)
    low, high = interval(right.mean(axis=0), effective, alpha)
    return NewPhotos(photos, worth, (float(low[0]), float(high[0])))


def effective_cases(shown: Photos, asked: Photos, right: Floats) -> tuple[Floats, float]:
    """How many cases of new photos the cases are worth by their outcomes, [histories], and if
    photos decide all. `shown` are the photos of every case, `asked` those that hold what it asks
    for, `right` the outcomes, 0 or 1 [cases, histories].

    The photos asked for may decide more than the others, and be fewer: whichever of the two leaves
    fewer cases counts.
    """
    sharings = [Sharing.of(shown)]
    if any(asked) and list(asked) != list(shown):
        sharings.append(Sharing.of(asked))
    effective = np.min([sharing.effective(right) for sharing in sharings], axis=0)
    return effective, min(sharing.least for sharing in sharings)


def interval(rate: Floats, cases: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Two-sided Clopper-Pearson bounds of rates seen in so many cases, which need not be whole."""
    right, wrong = rate * cases, (1 - rate) * cases
    # A parameter of 0 has no distribution: there the bound is the end of the scale.
    low = beta.ppf(alpha / 2, np.where(right > 0, right, 1), wrong + 1)
    high = beta.isf(alpha / 2, right + 1, np.where(wrong > 0, wrong, 1))
    return np.where(right > 0, low, 0.0), np.where(wrong > 0, high, 1.0)
