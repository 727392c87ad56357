"""One process at a time in a folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mimic_checks.errors import RunFolderError
from mimic_checks.runs.locks import needing_locks

LOCK = "run.lock"
"""Held while somebody works in a folder, and left behind only by one that was killed: the system
lets go of the lock of a process that ends, however it ends."""


def hold(folder: Path, option: str) -> int:
    """A descriptor that holds the folder (made if need be) for this process until it is closed.

    `option`: what names the folder, for the message.

    Raises:
        RunFolderError: another process holds it, named by pid and host; or there are no locks.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        with needing_locks(folder):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 200).decode(errors="replace").strip() or "another process"
        os.close(lock)
        raise RunFolderError(
            f"{option.strip('-').removeprefix('vlm-')}={str(folder)!r} is in use by {holder}; wait"
            f" for it, stop it, or give another {option}"
        ) from None
    except RunFolderError:
        os.close(lock)
        raise
    os.truncate(lock, 0)
    os.write(lock, f"pid {os.getpid()} on host {socket.gethostname()}\n".encode())
    return lock


@contextmanager
def held(folder: Path, option: str) -> Iterator[None]:
    """Holds the folder for the block.

    Raises:
        RunFolderError: as `hold`.
    """
    try:
        lock = hold(folder, option)
    except OSError as error:
        raise RunFolderError(
            f"{option.strip('-')}={str(folder)!r} cannot be written: {error}; give another {option}"
        ) from error
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        os.close(lock)
