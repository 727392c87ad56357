"""Attention profiles on disk, for comparing a release with the one before, and where attention
between images fades.

Data in: the file that `attention_by_depth` wrote into an output folder. Data out: a `StoredProfile`
of the same cases.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from mimic_checks.errors import RunFolderError
from mimic_checks.verdicts.intervals import median_interval

FILE = "attention_by_depth.json"
PROFILED = 24
"""Draws that are profiled."""


class StoredProfile(BaseModel):
    """A profile on disk: per case and layer, the shares of image tokens' attention to their own
    image, to other images and to text; `masked_layers` obeyed an image-local mask."""

    cases: dict[str, list[tuple[float, float, float]]]
    masked_layers: list[int] = []


def read_profile(path: Path, cases: Collection[str]) -> StoredProfile:
    """The profile of exactly these cases.

    Raises:
        RunFolderError: no profile there, or one of other cases.
    """
    found = load_profile(path)
    if set(found.cases) != set(cases):
        raise RunFolderError(
            f"attention-baseline={str(path)!r} has other cases"
            f" ({len(set(found.cases) & set(cases))} of {len(set(cases))} shared); use the same"
            " catalog, seed, profile and suite version"
        )
    return found


def load_profile(path: Path) -> StoredProfile:
    """The profile in a file, whatever its cases.

    Raises:
        RunFolderError: no profile there.
    """
    try:
        return StoredProfile.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise RunFolderError(
            f"attention-baseline={str(path)!r} is no profile ({str(error).splitlines()[0]}); give"
            f" the {FILE} of an earlier run's output folder"
        ) from error


def faded_from(across: NDArray[np.float64], alpha: float) -> int | None:
    """The layer from which on attention between images has faded: there and in every deeper layer
    the upper bound of the median share is under half of the peak layer's median; None if there is
    none. `across` [cases, layers]."""
    middle = np.median(across, axis=0)
    high = np.array([median_interval(list(column), alpha)[1] for column in across.T])
    low = high < middle.max() / 2
    start = len(low) - int(np.argmin(low[::-1])) if not low.all() else 0
    return start if start < len(low) else None
