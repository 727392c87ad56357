"""What a run has planned and answered, on disk, so that `kill -9` loses at most the batch in flight.

Data in: a plan, then one answered batch after another. Data out: the same, read back. One JSON line each, flushed to the
disk before the next batch starts; a line that was cut off by a crash is dropped when reading, one that cannot be read is named
and left out: its batch is asked again.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mimic_checks.errors import RunFolderError


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a case: a text, or the message of the error it raised."""

    text: str | None
    error: str | None = None


def halve(plan: list[list[str]], batch: int) -> None:
    """Splits a batch that does not fit into memory: its first half keeps the number, the second is appended to the plan."""
    whole = plan[batch]
    plan[batch] = whole[: len(whole) // 2]
    plan.append(whole[len(whole) // 2 :])


class Journal:
    """The journal of one check. `fingerprint` names everything the plan depends on (cases, model identity)."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.plan: list[list[str]] | None = None
        self.answers: dict[str, Answer] = {}
        self.answered: set[int] = set()
        self._read()

    def start(self, plan: list[list[str]]) -> None:
        """Writes the plan before the first answer; a journal that already has one keeps it."""
        if self.plan is None:
            self.plan = plan
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("")
            self._append({"fingerprint": self.fingerprint, "plan": self.plan})

    def record(self, batch: int, answers: Mapping[str, Answer]) -> None:
        """Writes one answered batch, on the disk when this returns."""
        self.answers.update(answers)
        self.answered.add(batch)
        self._append({"batch": batch, "answers": {case_id: asdict(answer) for case_id, answer in answers.items()}})

    def split(self, batch: int) -> None:
        """Writes that a batch of the plan was halved, before its halves are answered."""
        self._append({"split": batch})

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
        end = whole.rfind(b"\n") + 1
        lines = whole[:end].split(b"\n")[:-1]
        if not lines:
            return
        try:
            head = json.loads(lines[0])
            fingerprint, plan = head["fingerprint"], head["plan"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunFolderError(f"journal={str(self.path)!r}, line 1: the plan cannot be read ({error}); move the file away to ask its cases "
                                 "again, or give another --vlm-output") from error  # fmt: skip
        if fingerprint != self.fingerprint:
            return
        if len(whole) != end:
            with self.path.open("r+b") as stream:
                stream.truncate(end)
        self.plan = plan
        for number, line in enumerate(lines[1:], start=2):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, IndexError) as error:
                warnings.warn(f"journal={str(self.path)!r}, line {number} cannot be read ({type(error).__name__}: {error}) and is left out; its batch "
                              "is asked again, all others are kept", stacklevel=4)  # fmt: skip

    def _take(self, entry: dict[str, Any]) -> None:
        """Takes over one line after the plan; nothing of it if any of it is wrong."""
        assert self.plan is not None
        if "split" in entry:
            halve(self.plan, entry["split"])
            return
        answers = {case_id: Answer(**answer) for case_id, answer in entry["answers"].items()}
        if set(answers) != set(self.plan[entry["batch"]]):
            raise ValueError("its cases are not those of its batch")
        self.answered.add(entry["batch"])
        self.answers.update(answers)
