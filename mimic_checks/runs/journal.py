"""What a run has planned and answered, on disk: `kill -9` loses at most the batch in flight.

A plan, then one answered batch after another, from one process or several; one JSON line each,
flushed to the disk before the next batch starts. A line that was cut off by a crash is ignored and
overwritten; one that cannot be read is named and left out, and its batch is asked again.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mimic_checks.characters import whole
from mimic_checks.errors import RunFolderError
from mimic_checks.runs.locks import Locks

_WRITING = 0
"""The lock under which the file is changed; lock 1 + n is held while batch n is answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a case: a text, or the message of the error it raised; `remark`: why the
    text is no answer, if it is none. All are `whole`, wherever they come from: what cannot be
    written could not be judged, compared or shown either."""

    text: str | None
    error: str | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, whole(value))


class Journal:
    """The journal of one check, open for this process; without a path, kept in memory alone.

    `fingerprint` names everything the plan depends on (cases, model identity). `plan` are case ids
    by batch, `answers` those of the batches in `answered`; both follow what other processes write
    whenever `read` is called.

    Raises:
        RunFolderError: the plan in the file cannot be read, or the folder cannot be written.
    """

    def __init__(self, path: Path | None, fingerprint: str) -> None:
        self.path, self.fingerprint = path, fingerprint
        self.plan: list[list[str]] | None = None
        self.answers: dict[str, Answer] = {}
        self.answered: set[int] = set()
        # How far the file is known: bytes up to the end of the last complete line, and lines. All
        # that other processes have appended since begins there.
        self._offset, self._lines = 0, 0
        self._other = ""
        with self._explained():
            self._locks = Locks(path and path.with_suffix(".lock"))

    def start(self, make_plan: Callable[[], list[list[str]]]) -> None:
        """Takes over the plan in the file, or writes the one that `make_plan()` returns.

        The plan of an earlier or another process is taken over if its fingerprint is the same; a
        journal of anything else is set aside, and found again when that is asked again.
        """
        # The lock is held while the plan is made: of many workers that start together, one measures
        # and plans, the others wait and read.
        with self._changing():
            if self.plan is None:
                self._make_room()
                self.read()
            if self.plan is None:
                self.plan = make_plan()
                self._append({"fingerprint": self.fingerprint, "plan": self.plan})

    def _make_room(self) -> None:
        """Sets another plan's journal aside, and takes back this one's if it was."""
        self._offset = self._lines = 0
        if self.path is None:
            return
        with self._explained():
            if self._other:
                self.path.rename(self._aside(self._other))
            elif self.path.is_file():
                self.path.write_bytes(b"")  # a plan that was cut off: nothing was answered
            if self._aside(self.fingerprint).is_file():
                self._aside(self.fingerprint).rename(self.path)

    def _aside(self, fingerprint: str) -> Path:
        assert self.path
        return self.path.with_name(f"{self.path.name}.{fingerprint[:16]}.aside")

    def record(self, batch: int, answers: Mapping[str, Answer], *, cached: bool = False) -> None:
        """Writes one answered batch; it is on the disk when this returns.

        `cached`: the answers are an earlier run's.
        """
        entry = {
            "batch": batch,
            "answers": {case_id: asdict(answer) for case_id, answer in answers.items()},
        }
        with self._changing():
            self._append(entry | ({"cached": True} if cached else {}))
            self._take(entry)

    def split(self, batch: int) -> None:
        """Writes that a batch was halved, before its halves are answered.

        The first half keeps the batch's number, the second becomes the plan's last batch.
        """
        with self._changing():
            self._append({"split": batch})
            self._take({"split": batch})

    @contextmanager
    def claim(self, batch: int, *, wait: bool = False, orphans: bool = True) -> Iterator[bool]:
        """Whether this process is to answer the batch: none has answered it, and no other is at it.

        `wait`: waits until the other is done, or dead. Without `orphans`, a batch that another
        process died over is refused: it may be the batch that killed it.
        """
        if not self._locks.take(1 + batch, wait=wait):
            yield False
            return
        try:
            # Only now, with the lock in hand, is it certain what the one before has written.
            self.read()
            orphan = self._locks.orphaned(1 + batch)
            yield batch not in self.answered and (orphans or not orphan)
        finally:
            self._locks.release(1 + batch)

    def read(self) -> None:
        """Takes over what other processes have written since."""
        if self.path is None or not self.path.is_file() or self.path.stat().st_size <= self._offset:
            return
        with self.path.open("rb") as stream:
            stream.seek(self._offset)
            new = stream.read()
        # After the last newline stands nothing, or a line that is being written or was cut off. The
        # offset stays before it, so it is read again when it is complete.
        for line in new.split(b"\n")[:-1]:
            if self.plan is None and not self._begin(line):
                return
            if self._lines:
                self._take_line(line)
            self._lines, self._offset = self._lines + 1, self._offset + len(line) + 1

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone with the file, all of it read, and nothing after its last complete line."""
        self._locks.take(_WRITING)
        try:
            self.read()
            # What is left beyond the offset was cut off by a crash, for its writer would hold the
            # lock. Appended to, it would spoil the next line as well.
            if self.path and self.plan is not None and self._size() > self._offset:
                os.truncate(self.path, self._offset)
            yield
        finally:
            self._locks.release(_WRITING)

    def _size(self) -> int:
        """Bytes in the file.

        Raises:
            RunFolderError: it has lost what this process knows of it.
        """
        assert self.path
        size = self.path.stat().st_size if self.path.is_file() else -1
        if size < self._offset:
            raise RunFolderError(
                f"journal={str(self.path)!r} was {'cut short' if size >= 0 else 'removed'} while"
                " the run was going on; nothing more is asked: give the same command again"
            )
        return size

    def _append(self, line: dict[str, Any]) -> None:
        if self.path is None:
            return
        data = json.dumps(line).encode() + b"\n"
        with self._explained(), self.path.open("ab") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        self._lines, self._offset = self._lines + 1, self._offset + len(data)

    def _begin(self, line: bytes) -> bool:
        """Takes over the first line; false if it is another plan's."""
        try:
            head = json.loads(line)
            fingerprint, plan = head["fingerprint"], head["plan"]
        except (ValueError, KeyError, TypeError) as error:
            raise RunFolderError(
                f"journal={str(self.path)!r}, line 1: the plan cannot be read ({error});"
                " move the file away to ask its cases again, or give another --vlm-output"
            ) from error
        self.plan, self._other = (
            (plan, "") if fingerprint == self.fingerprint else (None, str(fingerprint))
        )
        return self.plan is not None

    def _take_line(self, line: bytes) -> None:
        try:
            self._take(json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            warnings.warn(
                f"journal={str(self.path)!r}, line {self._lines + 1} cannot be read"
                f" ({type(error).__name__}: {error}) and is left out;"
                " its batch is asked again, all others are kept",
                stacklevel=6,
            )

    def _take(self, entry: dict[str, Any]) -> None:
        """Takes over one line after the plan; nothing of it if any of it is wrong."""
        assert self.plan is not None
        if "split" in entry:
            # The second half's number is where the plan ends now: every process reads the splits in
            # the file's order, so all give it the same.
            batch = self.plan[entry["split"]]
            self.plan[entry["split"]] = batch[: len(batch) // 2]
            self.plan.append(batch[len(batch) // 2 :])
            return
        # All is parsed and compared before anything is changed.
        answers = {case_id: Answer(**answer) for case_id, answer in entry["answers"].items()}
        if set(answers) != set(self.plan[entry["batch"]]):
            raise ValueError("its cases are not those of its batch")
        self.answered.add(entry["batch"])
        self.answers.update(answers)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunFolderError(
                f"journal={str(self.path)!r} cannot be written: {error.strerror}; free the disk"
                " and run again with the same output folder: answered batches are kept"
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._locks.__exit__(kind, error, trace)
