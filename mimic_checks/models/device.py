"""Where a model runs, and in which number format.

Data in: the user's wish and what torch reports. Data out: a device string and a dtype.
"""

from __future__ import annotations

import os
import socket
from types import ModuleType
from typing import Any

from mimic_checks.errors import InvalidArgument

_HELD: list[socket.socket] = []
"""The devices that this process holds, by name."""
DTYPES = ("auto", "float32", "bfloat16", "float16")


def choose_device(wish: str, torch: ModuleType | Any) -> str:
    """The device for a wish: `auto` takes the first accelerator that torch sees, else the CPU.

    Under pytest-xdist worker k takes visible device k (modulo their number), and a worker that
    replaces a dead one the device that it left.

    Raises:
        InvalidArgument: a device that is not there.
    """
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    index = int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    if wish == "auto":
        return f"cuda:{_free(index, cuda) if worker else 0}" if cuda else "mps" if mps else "cpu"
    there = [
        "cpu",
        *(["cuda"] if cuda else []),
        *(f"cuda:{i}" for i in range(cuda)),
        *(["mps"] if mps else []),
    ]
    if wish not in there:
        raise InvalidArgument("vlm-device", wish, allowed=["auto", *there])
    return wish


def _free(index: int, devices: int) -> int:
    """The first device from `index` on that no other worker of this run holds; this process holds
    it until it ends. If all are held, `index` itself, modulo their number."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    for device in ((index + k) % devices for k in range(devices)):
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(
                f"\0mimic-checks {run} cuda:{device}"
            )  # a name without a file, which the system takes back when the process ends
        except OSError:
            name.close()
            continue
        _HELD.append(name)
        return device
    return index % devices


def choose_dtype(wish: str, device: str, torch: ModuleType | Any) -> Any:
    """The torch dtype for a wish: `auto` is bfloat16 on an accelerator and float32 on a CPU, where
    half formats are slow (float16) or flip answers between batch sizes (bfloat16).

    Raises:
        InvalidArgument: an unknown dtype.
    """
    if wish not in DTYPES:
        raise InvalidArgument("vlm-dtype", wish, allowed=DTYPES)
    if wish == "auto":
        return torch.float32 if device == "cpu" else torch.bfloat16
    return getattr(torch, wish)
