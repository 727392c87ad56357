"""An unfinished run, met by a command: whether that one goes on with it.

Its answers have cost model time, so they are thrown away by nobody who did not ask for it. A
command whose options could change an answer is refused; one that asks the same model the same cases
goes on, whatever it makes of the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mimic_checks import __version__
from mimic_checks.errors import RunFolderError
from mimic_checks.verdicts.files import SCHEMA

CHANGES_NO_ANSWER = frozenset(
    (
        *("thresholds", "policy", "baseline", "attention_baseline", "output"),
        "hypothesis",  # proven to draw the same, or refused
        *("model concurrency", "model feature_cache_mb"),
    )
)
"""What a run's description may differ in: how answers are judged, kept and fetched. Which checks
are selected changes none either: each has a journal of its own."""
DISCARD = "--vlm-discard-unfinished"


def refuse_other_run(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Stops a command that would go on with another run's answers.

    `old`: the unfinished `run.json`; `new`: the command's description.

    Raises:
        RunFolderError: another version wrote it, or an option that changes answers differs; names
            what.
    """
    if old.get("schema") != SCHEMA:
        differing = [
            f"it is of format {old.get('schema', 1)!r}, and mimic_checks {__version__} writes"
            f" {SCHEMA}"
        ]
    else:
        before, now = _flat(old["description"]), _flat(new)
        differing = [
            f"{name} was {before.get(name)!r}, is {now.get(name)!r}"
            for name in dict.fromkeys((*now, *before))
            if name not in CHANGES_NO_ANSWER and before.get(name) != now.get(name)
        ]
    if differing:
        raise RunFolderError(
            f"output={str(folder)!r} holds the answers of an unfinished run that this one cannot go"
            f" on with: {'; '.join(differing)}; give that run's command again to finish it, another"
            f" --vlm-output to leave it alone, or {DISCARD} to throw it away"
        )


def pending(
    old: Mapping[str, Any], new: Mapping[str, Any], answered: Iterable[str]
) -> dict[str, Any]:
    """Checks of an unfinished run that the command which goes on with it leaves out, or asks at
    other levels: the folder is not finished before they are. `answered`: journals that have
    answers, one a check or, as `<check>.<condition>`, several."""
    known = {**old["description"].get("checks", {}), **old.get("pending", {})}
    now = new.get("checks", {})
    return {
        check: known[check]
        for check in known
        if known[check] != now.get(check)
        and any(f"{name}.".startswith(f"{check}.") for name in answered)
    }


def _flat(description: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in description.items():
        if name == "checks":
            continue
        if isinstance(value, dict):
            flat |= {f"{name} {inner}": item for inner, item in value.items()}
        else:
            flat[name] = value
    return flat
