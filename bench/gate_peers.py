"""How others decide whether a release got worse: rules that `bench/gate.py` compares ours with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, t

from mimic_checks.verdicts.policy import load_policy
from mimic_checks.verdicts.simulated import Drops

PEERS = ("Wald interval, ten pairs", "paired t-test", "exact McNemar test")
MARGIN = load_policy().rule("any").of_a_level

Bools = NDArray[np.bool_]


def flagged(drops: Drops) -> Bools:
    """[peer, history, level]: whether a peer says that a level got worse: by more than the margin,
    by a normal interval of the first ten pairs; at all, by a paired t-test or McNemar's exact one,
    two-sided at 0.05, which know no margin."""
    low, _ = _normal(drops[..., :10], 1.96)
    return np.stack([low > MARGIN, _t_test(drops), _mcnemar(drops)])


def accepted(drops: Drops) -> Bools:
    """[peer, history, level]: whether a peer lets a level pass: an interval that is below the
    margin; no proof of a drop."""
    _, high = _normal(drops[..., :10], 1.96)
    return np.stack([high < MARGIN, ~_t_test(drops), ~_mcnemar(drops)])


def _normal(drops: Drops, quantile: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = drops.mean(-1)
    half = quantile * drops.std(-1, ddof=1) / np.sqrt(drops.shape[-1])
    return mean - half, mean + half


def _t_test(drops: Drops) -> Bools:
    worse: Bools = _normal(drops, float(t.ppf(0.975, drops.shape[-1] - 1)))[0] > 0
    return worse


def _mcnemar(drops: Drops) -> Bools:
    lost, gained = (drops > 0).sum(-1), (drops < 0).sum(-1)
    p = 2 * binom.sf(lost - 1, lost + gained, 0.5)
    worse: Bools = (p <= 0.05) & (lost > gained)
    return worse
