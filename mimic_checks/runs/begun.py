"""Marks of work that was begun, so that work which kills its process is not begun again and again
by the processes that replace it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimic_checks.runs.locks import needing_locks

SUFFIX = "begun"


@contextmanager
def begun(folder: Path, work: str) -> Iterator[bool]:
    """Marks `work` as begun by this process, until the block ends; gives whether another process
    died over the same work."""
    folder.mkdir(parents=True, exist_ok=True)
    died = died_over(folder, work)
    mark = folder / f"{work}.{os.getpid()}.{SUFFIX}"
    # The system releases the lock of a process that dies; its mark stays. The file gets the mark's
    # name under the lock: without one it would look abandoned.
    unnamed = mark.with_suffix(".part")
    lock = os.open(unnamed, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with needing_locks(folder):
            fcntl.flock(lock, fcntl.LOCK_EX)
        unnamed.rename(mark)
        yield died
    finally:
        # Under the lock, too.
        mark.unlink(missing_ok=True)
        os.close(lock)


def died_over(folder: Path, work: str) -> bool:
    """Whether a process died while it was at `work`."""
    return any(_is_abandoned(path) for path in folder.glob(f"{work}.*.{SUFFIX}"))


def forget_begun(folder: Path) -> None:
    """Removes all marks: a run that is taken up again begins everything anew."""
    for mark in folder.glob(f"*.{SUFFIX}"):
        mark.unlink(missing_ok=True)


def _is_abandoned(mark: Path) -> bool:
    try:
        lock = os.open(mark, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    # If it is gone by now, its process has just come to the end.
    return mark.exists()
