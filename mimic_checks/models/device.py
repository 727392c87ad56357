"""Where a model runs, and in which number format."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mimic_checks.errors import InvalidArgument
from mimic_checks.models.options import DTYPES

_CLAIMED: list[socket.socket] = []
"""Sockets whose names claim devices for this process, kept open until it ends."""


def choose_device(wish: str, torch: ModuleType | Any) -> str:
    """The device for a wish: `auto` takes the first accelerator that torch sees, else the CPU.

    Under pytest-xdist worker k takes visible device k (modulo their number), and a worker that
    replaces a dead one the device that it left.

    Raises:
        InvalidArgument: a device that this machine does not have.
    """
    # torch is handed in: this module is also imported where it must not be, or is not installed.
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    index = int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    if wish == "auto":
        return f"cuda:{_claim(index, cuda) if worker else 0}" if cuda else "mps" if mps else "cpu"
    present = [
        "cpu",
        *(["cuda"] if cuda else []),
        *(f"cuda:{i}" for i in range(cuda)),
        *(["mps"] if mps else []),
    ]
    if wish not in present:
        raise InvalidArgument("vlm-device", wish, allowed=["auto", *present])
    return wish


def _claim(index: int, devices: int) -> int:
    """The first device from `index` on that no other worker of this run has claimed; this process
    has it until it ends. If all are claimed, `index` itself, modulo their number."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    for device in ((index + k) % devices for k in range(devices)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            # A name without a file, which the system takes back when the process ends. Binding it
            # is one step: of two workers that try at once, one fails.
            claim.bind(f"\0mimic-checks {run} cuda:{device}")
        except OSError:
            claim.close()
            continue
        _CLAIMED.append(claim)
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


def visible_gpus(environment: Mapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """How many NVIDIA GPUs this process may use, without importing torch: those of the machine, or
    of `CUDA_VISIBLE_DEVICES` if it is set.

    A container may show the driver's list of all GPUs and the device files of its own only, so
    where both are there, the shorter list counts."""
    driver = len(list(root.glob("proc/driver/nvidia/gpus/*")))
    files = sum(
        bool(re.fullmatch(r"nvidia\d+", path.name)) for path in root.glob("dev/nvidia[0-9]*")
    )
    present = min(driver, files) if driver and files else max(driver, files)
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    return present if chosen is None else min(present, _listed(chosen, present))


def _listed(chosen: str, present: int) -> int:
    """Devices of a `CUDA_VISIBLE_DEVICES`: as CUDA reads it, the list ends before the first entry
    that is no device, and one that is named twice makes it empty."""
    devices: list[str] = []
    for entry in (part.strip() for part in chosen.split(",")):
        if not re.fullmatch(r"\d+|(GPU|MIG)-\S+", entry):
            break
        if entry.isdigit() and int(entry) >= present:
            break
        devices.append(entry)
    return len(devices) if len(set(devices)) == len(devices) else 0
