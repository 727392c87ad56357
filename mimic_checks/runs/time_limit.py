"""A time limit for whatever a model does in Python, so that one case cannot hold up a run.

It works by a timer signal, which only the main thread of a process can take, on Unix: elsewhere
there is no limit. A single call into native code is interrupted when it returns.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mimic_checks.errors import AnswerError


@contextmanager
def time_limit(limit_s: float | None) -> Iterator[None]:
    """Ends the block with an error when it has run for `limit_s` seconds; None: no limit.

    Raises:
        AnswerError: time ran out.
    """
    if (
        limit_s is None
        or not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise AnswerError(f"no answer within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        # The timer first: a late signal would meet the old handler, which may end the process.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
