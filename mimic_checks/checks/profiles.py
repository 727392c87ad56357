"""Attention profiles on disk, for comparing a release with the one before.

Data in: the file that `attention_by_depth` wrote into an output folder. Data out: a `StoredProfile` of the same cases.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ValidationError

from mimic_checks.errors import RunFolderError

FILE = "attention_by_depth.json"
PROFILED = 24
"""Draws that are profiled."""


class StoredProfile(BaseModel):
    """A profile on disk: per case and layer, the shares of image tokens' attention to their own image, to other images and
    to text; `masked_layers` obeyed an image-local mask."""

    cases: dict[str, list[tuple[float, float, float]]]
    masked_layers: list[int] = []


def read_profile(path: Path, cases: Collection[str]) -> StoredProfile:
    """The profile of exactly these cases.

    Raises:
        RunFolderError: no profile there, or one of other cases.
    """
    try:
        found = StoredProfile.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise RunFolderError(
            f"attention-baseline={str(path)!r} is no profile ({str(error).splitlines()[0]}); give the {FILE} of an earlier run's output folder"
        ) from error
    if set(found.cases) != set(cases):
        raise RunFolderError(
            f"attention-baseline={str(path)!r} has other cases ({len(set(found.cases) & set(cases))} of {len(set(cases))} shared); "
            "use the same catalog, seed, profile and suite version"
        )
    return found
