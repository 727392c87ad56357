"""Processes that this suite starts: they hear what their parent is told, and do not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
KEPT = "what was done is kept: give the same command again to go on from there"


def end_with_parent(number: int = signal.SIGKILL, parent: int | None = None) -> None:
    """Has the system send this process a signal when its parent ends, however that ends; for Linux,
    a no-op elsewhere. `parent`: its pid, if the caller knows it."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number))
    # It may have ended just before.
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), number)


def call(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdout: IO[Any] | int | None = None,
) -> int:
    """The exit code of a command that runs in a process of its own (128 + n if signal n ended it).

    SIGTERM is handed on, so that the command itself can say what becomes of its work; Ctrl-C it
    gets from the terminal. It is stopped when this process is killed.
    """
    with subprocess.Popen(
        command,
        env=env,
        stdout=stdout,
        preexec_fn=partial(end_with_parent, signal.SIGTERM, os.getpid()),
    ) as child:

        def hand_on(number: int, frame: FrameType | None) -> None:
            # A terminal sends Ctrl-C to all of its processes, a `kill -INT` to one.
            if number == signal.SIGTERM or not sys.stdin.isatty():
                child.send_signal(number)

        with handling(hand_on):
            code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def handling(handler: Any) -> Iterator[None]:
    """SIGTERM and SIGINT handled so in the block; nothing outside of a main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, handler) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM stops the block as Ctrl-C does; whichever comes second ends the process at once, as
    the system does it: a Python exception in the middle of pytest's own clearing up would end in
    a long traceback, and in the exit code of a failed check."""
    standard = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    taken = {n: usual for n, usual in standard.items() if signal.getsignal(n) is usual}
    if threading.current_thread() is not threading.main_thread() or not taken:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)
        raise Terminated("SIGTERM") if number == signal.SIGTERM else KeyboardInterrupt

    for one in taken:
        signal.signal(one, stop)
    try:
        yield
    finally:
        for one, usual in taken.items():
            signal.signal(one, usual)


class Terminated(KeyboardInterrupt):
    """SIGTERM; whatever lets Ctrl-C through lets this through, too."""
