"""What an xdist worker tells its controller, which collects nothing itself.

The first worker, which has the checks at hand, validates the run and describes it in a file; the
controller reads it when that worker has collected, before any test is started, and refuses there: a
UsageError inside a worker would become an internal error.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KEY = "mimic_checks_exchange"
"""Of the worker's input: the folder."""
FIRST = "gw0"


@dataclass(frozen=True)
class RunDescription:
    """A validated run, as plain data. `description`: of its folder; `checks`: ids in order; `gated`
    maps those that a baseline can gate to whether they may stop early; `partial`: checks whose
    verdict was not selected; `known`: ids of all checks there are; `not_carried`: checks for which
    the catalog has too few cases; `unmet`: ids to be left out that no draw has had."""

    description: dict[str, Any]
    checks: list[str]
    gated: dict[str, bool]
    partial: list[str]
    known: list[str]
    not_carried: list[dict[str, Any]]
    unmet: list[str]


def new_folder() -> Path:
    """A folder for one run."""
    return Path(tempfile.mkdtemp(prefix="mimic-checks-"))


def tell(folder: Path, told: RunDescription | str) -> None:
    """Writes a run's description, or why it is refused."""
    content = {"error": told} if isinstance(told, str) else asdict(told)
    # Read only when xdist has said that the worker is done collecting, so never half written.
    (folder / "run.json").write_text(json.dumps(content))


def told(folder: Path) -> RunDescription | str | None:
    """What the first worker told; None if no check was selected."""
    path = folder / "run.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text())
    return str(content["error"]) if "error" in content else RunDescription(**content)
