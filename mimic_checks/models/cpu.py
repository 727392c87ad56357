"""What makes a model on a CPU as fast as it can be, however the process was started."""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any

_MALLOPT = {"M_MMAP_MAX": (-4, 0), "M_TRIM_THRESHOLD": (-1, -1), "M_TOP_PAD": (-2, 2**28)}
"""glibc's numbers of what the variables `MALLOC_..._` set: never map, never give back, grow by
256 MiB."""


def use_cpu_well(torch: ModuleType | Any) -> None:
    """Keeps freed memory and shares the cores with the other workers of a run, for this process;
    what the user's own variables say stays."""
    keep_freed_memory()
    if threads := threads_of_worker():
        torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Tells glibc to keep freed memory: on a CPU, a third of a batch's time is page faults of
    tensors otherwise. Elsewhere a no-op."""
    if not sys.platform.startswith("linux") or any(
        name in os.environ for name in ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")
    ):
        return
    import ctypes

    mallopt: Any = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:  # glibc's own
        for number, value in _MALLOPT.values():
            mallopt(number, value)


def threads_of_worker() -> int | None:
    """How many threads a worker of pytest-xdist may use, that all of them together have one a
    core; None if this is no worker, or the user has fixed a number (OMP_NUM_THREADS)."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT") or 1)
    if workers < 2 or "OMP_NUM_THREADS" in os.environ:
        return None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // workers)
