"""How a process on a CPU uses its memory and its cores."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mimic_checks.models import cpu

FREED = """
import ctypes, re, sys
from mimic_checks.models.cpu import keep_freed_memory
keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
size = 2**27
def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
block = libc.malloc(size)
ctypes.memset(block, 1, size)
full = resident()
libc.free(block)
print(full - resident() < size // 2)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
@pytest.mark.parametrize(("own", "kept"), [({}, "True"), ({"MALLOC_MMAP_MAX_": "9"}, "False")])
def test_freed_memory_is_kept_unless_the_user_has_settings(own, kept):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", FREED], env=environment | own, capture_output=True, text=True
    )
    assert done.stdout.strip() == kept, done.stderr


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, None),
        ({"PYTEST_XDIST_WORKER_COUNT": "1"}, None),
        ({"PYTEST_XDIST_WORKER_COUNT": "2"}, 4),
        ({"PYTEST_XDIST_WORKER_COUNT": "64"}, 1),
        ({"PYTEST_XDIST_WORKER_COUNT": "2", "OMP_NUM_THREADS": "7"}, None),
    ],
)
def test_workers_share_the_cores_and_the_user_wins(monkeypatch, environment, threads):
    for name in ("PYTEST_XDIST_WORKER_COUNT", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(cpu, "keep_freed_memory", lambda: None)
    set_to = []

    class Torch:
        set_num_threads = staticmethod(set_to.append)

    cpu.use_cpu_well(Torch)
    assert set_to == ([threads] if threads else [])


def test_a_model_on_a_cpu_is_loaded_so(monkeypatch):
    from mimic_checks.models import loading
    from mimic_checks.models.backends import BUILTIN_FOLDER
    from mimic_checks.models.options import ModelOptions

    asked = []
    monkeypatch.setattr(loading, "use_cpu_well", asked.append)
    loading.load(str(BUILTIN_FOLDER), ModelOptions(device="cpu"))
    assert asked == [loading.torch]
