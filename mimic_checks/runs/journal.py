"""What a run has planned and answered, on disk, so that `kill -9` loses at most the batch in flight.

Data in: a plan, then one answered batch after another. Data out: the same, read back. One JSON line each, flushed to the
disk before the next batch starts; a line that was cut off by a crash is dropped when reading.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mimic_checks.errors import RunFolderError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a case: a text, or the message of the error it raised."""

    text: str | None
    error: str | None = None


class Journal:
    """The journal of one check. `fingerprint` names everything the plan depends on (cases, model identity)."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.plan: list[list[str]] | None = None
        self.answers: dict[str, Answer] = {}
        self.answered: set[int] = set()
        self._read()

    def start(self, plan: Sequence[Sequence[str]]) -> None:
        """Writes the plan before the first answer; a journal that already has one keeps it."""
        if self.plan is None:
            self.plan = [list(batch) for batch in plan]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("")
            self._append({"fingerprint": self.fingerprint, "plan": self.plan})

    def record(self, batch: int, answers: Mapping[str, Answer]) -> None:
        """Writes one answered batch, on the disk when this returns."""
        self.answers.update(answers)
        self.answered.add(batch)
        self._append({"batch": batch, "answers": {case_id: asdict(answer) for case_id, answer in answers.items()}})

    def _append(self, line: dict[str, Any]) -> None:
        try:
            with self.path.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise RunFolderError(f"journal={str(self.path)!r} cannot be written: {error.strerror}; free the disk and run again "
                                 "with the same output folder: answered batches are kept") from error  # fmt: skip

    def _read(self) -> None:
        """Takes over an earlier journal of the same plan; anything else is started afresh."""
        if not self.path.is_file():
            return
        whole = self.path.read_bytes()
        lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        entries = [json.loads(line) for line in lines]
        if not entries or entries[0].get("fingerprint") != self.fingerprint:
            return
        if len(whole) != sum(len(line) + 1 for line in lines):
            with self.path.open("r+b") as stream:
                stream.truncate(whole.rfind(b"\n") + 1)
        self.plan = entries[0]["plan"]
        for entry in entries[1:]:
            self.answered.add(entry["batch"])
            self.answers.update({case_id: Answer(**answer) for case_id, answer in entry["answers"].items()})
