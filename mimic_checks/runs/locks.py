"""Numbered locks of one file, so that several processes share the work of a run.

A lock is a POSIX record lock on one byte: the system releases it when its process ends, however it
ends, so that nobody waits for the dead. The byte itself says what the lock cannot: whether the last
process to begin the work also came to its end.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from mimic_checks.errors import RunFolderError

_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def needing_locks(folder: Path) -> Iterator[None]:
    """Explains what goes wrong where a file system has no locks.

    Raises:
        RunFolderError: it has none.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        # Without them two runs would write into one journal, or wait for the dead for ever.
        raise RunFolderError(
            f"the file system of {str(folder)!r} has no file locks ({error.strerror}), by which the"
            " processes of a run share their work; give an output folder on a local disk, or mount"
            " this one with locks (NFS: with lockd; Lustre: -o flock)"
        ) from error


class Locks:
    """The locks of a file (made if need be).

    Without a file this process is alone, and every lock is free.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        # Opened once for all locks: POSIX drops every record lock that a process has on a file when
        # it closes any descriptor of it.
        self._file = None if path is None else os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self, number: int, *, wait: bool = True) -> bool:
        """Takes a lock; without `wait`, false if another process holds it."""
        if self._file is None:
            return True
        try:
            assert self._path
            with needing_locks(self._path.parent):
                # A byte may be locked beyond the end of the file, which need not be filled first.
                fcntl.lockf(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, number)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            raise
        return True

    def release(self, number: int) -> None:
        """Gives a lock back."""
        if self._file is not None:
            # The mark goes first: between the two steps nobody else can take the lock and see it.
            os.pwrite(self._file, b"\0", number)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)

    def orphaned(self, number: int) -> bool:
        """Whether the last process that took this lock died over it.

        To be asked once, by the process that holds the lock: it is then marked as begun itself.
        """
        if self._file is None:
            return False
        mark = os.pread(self._file, 1, number)
        os.pwrite(self._file, b"\1", number)
        return mark == b"\1"

    def __enter__(self) -> Locks:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
