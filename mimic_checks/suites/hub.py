"""Data sets of the hub in place of folders: `hub:<owner>/<name>@<revision>`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mimic_checks.errors import InvalidArgument, SuiteError

PREFIX = "hub:"
_PLACE = re.compile(r"hub:(?P<id>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")
FORM = "hub:<owner>/<name>@<commit of 40 hex digits>"


def is_hub(folder: str | Path) -> bool:
    """Whether a data set of the hub is meant, not a folder."""
    return str(folder).startswith(PREFIX)


def local_folder(folder: str | Path, download: Callable[..., str] | None = None) -> Path:
    """The folder itself, or that into which a data set of the hub was downloaded. The revision is a
    commit, so that the spec of a run says which files were read. `download`: in the place of
    `huggingface_hub.snapshot_download`.

    Raises:
        InvalidArgument: no commit is named.
        SuiteError: the hub cannot be reached and the files are not in its cache.
    """
    if not is_hub(folder):
        return Path(folder)
    place = _PLACE.fullmatch(str(folder))
    if place is None:
        raise InvalidArgument(
            "folder",
            str(folder),
            allowed=FORM,
            hint="the page of the data set lists its commits under 'Files'; a branch moves",
        )
    try:
        found = (download or _snapshot_download())(
            repo_id=place["id"], repo_type="dataset", revision=place["revision"]
        )
    except Exception as error:  # the hub's client has dozens, of no common kind
        raise SuiteError(
            f"folder={str(folder)!r} cannot be downloaded: {error}; give a folder with its files"
        ) from error
    return Path(found)


def _snapshot_download() -> Any:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise SuiteError(
            "data sets of the hub need huggingface_hub, which is not installed; run"
            " pip install 'mimic-checks[remedies]', or give a folder with the files"
        ) from error
    return snapshot_download
