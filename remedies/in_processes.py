"""Work that is shared between forked processes, which do not outlive it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from typing import Any

from mimic_checks.processes import end_with_parent


def in_processes(
    work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[Any]:
    """Results in order, made in other processes where the machine can fork."""
    if processes == 1 or len(arguments) < 2 or not hasattr(os, "fork"):
        # Starting processes afresh would mean to pickle the catalog for each of them.
        yield from (work(*call) for call in arguments)
        return
    context = get_context("fork")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_in_the_background)
    others = set(active_children())
    try:
        yield from pool.map(work, *zip(*arguments, strict=True))
    except BaseException:
        # Stopped by the user, say: nobody waits for shards that are half done.
        for process in set(active_children()) - others:
            process.kill()
        raise
    finally:
        pool.shutdown()


def _in_the_background() -> None:
    """In a process of the pool: Ctrl-C and SIGTERM are the parent's to answer, and nothing goes on
    without it."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
