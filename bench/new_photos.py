"""Does the interval for new photos cover the rate on new photos? Simulated catalogs and models.

    python -m bench.new_photos

Photos have difficulties (normal on the logit scale); a case's rate depends on that of its needle
(standard deviation 2, or 4), on the mean of its photos', on their sum (0.5 each), or it is wrong if
any of its photos is a bad one. The rate over all photos that there could be is 0.5, 0.8 or 0.95; a
catalog is a sample of photos, a run 100 or 200 cases of it. `evenly`: all photos are drawn alike;
`few needles`: the first image of a case is one of a fifth of the photos, as where few show what can
be asked for. A cell is the coverage of the nominal 95 % interval, of the worst of these
difficulties, rates and sizes (400 catalogs and runs each), and the mean width over all.

Ours is the code of a run; `not given` is what it would say where a run says nothing. Beside it:
this catalog's interval (cases alone), a cluster-robust sum over pairs of cases that share a photo
(dyadic; Aronow, Samii and Assenova 2015) and the delete-one-photo jackknife, both read as an
effective number of cases, their t distribution as fewer of them (Korn and Graubard 1998). Where all
cases are right, or none, these two know no variance: they are given what ours has there.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm, t

from mimic_checks.verdicts.new_photos import FEWEST, effective_cases, interval

ALPHA, CATALOGS, RUNS = 0.05, 8, 50
CASES, RATES = (100, 200), (0.5, 0.8, 0.95)
PHOTOS, IMAGES = (20, 35, 60, 100, 200, 1000), (1, 2, 4, 8, 35)
KINDS = ("needle", "hard needle", "mean", "sum", "any bad")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(61)


def drawn(rng: np.random.Generator, photos: int, images: int, cases: int, few: bool) -> Ints:
    """The photos of every case [cases, images], the needle first."""
    if not few:
        return rng.random((cases, photos)).argsort(axis=1)[:, :images]
    needles = max(1, photos // 5)
    first = rng.integers(0, needles, (cases, 1))
    rest = needles + rng.random((cases, photos - needles)).argsort(axis=1)[:, : images - 1]
    return np.hstack([first, rest])


def outcomes(
    rng: np.random.Generator, shown: Ints, photos: int, rate: float, kind: str, runs: int
) -> Floats:
    """Right or not [cases, runs], each run with photos of its own; right with `rate` over all."""
    images = shown.shape[1]
    if kind == "any bad":
        bad = rng.random((photos, runs)) > rate ** (1 / images)
        return 1.0 - bad[shown].any(axis=1)
    difficulty = rng.normal(size=(photos, runs))
    if kind in ("needle", "hard needle"):
        spread = 2.0 if kind == "needle" else 4.0
        logit = spread * difficulty[shown[:, 0]]
    elif kind == "mean":
        spread = 2 / np.sqrt(images)
        logit = 2 * difficulty[shown].mean(axis=1)
    else:
        spread = 0.5 * np.sqrt(images)
        logit = 0.5 * difficulty[shown].sum(axis=1)
    chance = expit(centre(rate, spread) + logit)
    return (rng.random(chance.shape) < chance).astype(float)


def centre(rate: float, spread: float) -> float:
    """The mean logit with which the rate over all difficulties is `rate`."""
    share = WEIGHTS / WEIGHTS.sum()
    return float(brentq(lambda x: share @ expit(x + spread * NODES) - rate, -80, 80))


def intervals(shown: Ints, right: Floats) -> Iterator[tuple[str, Floats, Floats]]:
    """Every method's bounds [runs]; ours by another name where a run gives none."""
    n, rate = len(right), right.mean(axis=0)
    photos = [[str(photo) for photo in case] for case in shown]
    effective, least = effective_cases(photos, [case[:1] for case in photos], right)
    yield ("ours" if least >= FEWEST else "not given"), *interval(rate, effective, ALPHA)
    yield "cases alone", *interval(rate, np.full_like(rate, n), ALPHA)
    uses = np.zeros((n, shown.max() + 1))
    np.put_along_axis(uses, shown, 1.0, axis=1)
    uses = uses[:, uses.any(axis=0)]
    left, freedom = right - rate, uses.shape[1] - 1
    pairs = (uses @ uses.T > 0).astype(float)
    variance = (left * (pairs @ left)).sum(axis=0) / n**2
    yield "pairs", *_of_variance(rate, variance, freedom, n, least)
    rest = n - uses.sum(axis=0)[:, None]
    if rest.all():
        without = (right.sum(axis=0) - uses.T @ right) / rest
        variance = without.var(axis=0) * freedom
        yield "jackknife", *_of_variance(rate, variance, freedom, n, least)


def _of_variance(
    rate: Floats, variance: Floats, freedom: int, n: int, least: float
) -> tuple[Floats, Floats]:
    """Bounds by the number of cases with which independent ones would have this variance."""
    alone = rate * (1 - rate)
    known = (variance > 0) & (alone > 0)
    shrink = (norm.ppf(ALPHA / 2) / t.ppf(ALPHA / 2, freedom)) ** 2
    cases = np.divide(alone * shrink, variance, out=np.full_like(rate, least), where=known)
    return interval(rate, np.clip(cases, 1, n), ALPHA)


def row(photos: int, images: int, few: bool, seed: int) -> tuple[float, dict[str, Floats]]:
    """If photos decide, how many cases 100 or 200 are worth on average; and per method [kinds,
    rates and sizes, 2]: coverage and width."""
    rng = np.random.default_rng([seed, photos, images, few])
    cells: dict[str, list[tuple[float, float]]] = defaultdict(list)
    least = []
    for cases in CASES:
        catalogs = [drawn(rng, photos, images, cases, few) for _ in range(CATALOGS)]
        ids = [[[str(photo) for photo in case] for case in shown] for shown in catalogs]
        none = np.zeros((cases, 1))
        least += [effective_cases(p, [case[:1] for case in p], none)[1] for p in ids]
        for kind in KINDS:
            for rate in RATES:
                found: dict[str, list[tuple[Floats, Floats]]] = defaultdict(list)
                for shown in catalogs:
                    right = outcomes(rng, shown, photos, rate, kind, RUNS)
                    for method, low, high in intervals(shown, right):
                        found[method].append(((low <= rate) & (rate <= high), high - low))
                for method, pairs in found.items():
                    covered, width = np.array(pairs).mean(axis=(0, 2))
                    cells[method].append((covered, width))
    return float(np.mean(least)), {method: np.array(cell) for method, cell in cells.items()}


def main() -> None:
    began = time.perf_counter()
    methods = ("ours", "not given", "cases alone", "pairs", "jackknife")
    print(f"| photos | images a case | drawn | worth if photos decide | {' | '.join(methods)} |")
    print("|---|---|---|---|" + "---|" * len(methods))
    for few in (False, True):
        for photos in PHOTOS:
            for images in IMAGES:
                if images - few > photos - few * (photos // 5) or (few and images == 1):
                    continue
                least, cells = row(photos, images, few, 0)
                print(
                    f"| {photos} | {images} | {'few needles' if few else 'evenly'} | {least:.1f} |"
                    f" {' | '.join(_cell(cells.get(method)) for method in methods)} |",
                    flush=True,
                )
    print(f"\n{CATALOGS * RUNS} histories a cell of the simulation,", end=" ")
    print(f"{time.perf_counter() - began:.0f} s")


def _cell(cell: Floats | None) -> str:
    if cell is None:
        return "-"
    return f"{cell[:, 0].min():.2f}, width {cell[:, 1].mean():.2f}"


if __name__ == "__main__":
    main()
