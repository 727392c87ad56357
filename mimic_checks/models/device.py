"""Where a model runs, and in which number format.

Data in: the user's wish and what torch reports. Data out: a device string and a dtype.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from mimic_checks.errors import InvalidArgument

DTYPES = ("auto", "float32", "bfloat16", "float16")


def choose_device(wish: str, torch: ModuleType | Any) -> str:
    """The device for a wish: `auto` takes the first accelerator that torch sees, else the CPU.

    Under pytest-xdist worker k takes visible device k (modulo their number).

    Raises:
        InvalidArgument: a device that is not there.
    """
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = torch.backends.mps.is_available()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    index = int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    if wish == "auto":
        return f"cuda:{index % cuda}" if cuda else "mps" if mps else "cpu"
    there = ["cpu", *(["cuda"] if cuda else []), *(f"cuda:{i}" for i in range(cuda)), *(["mps"] if mps else [])]
    if wish not in there:
        raise InvalidArgument("vlm-device", wish, allowed=["auto", *there])
    return wish


def choose_dtype(wish: str, device: str, torch: ModuleType | Any) -> Any:
    """The torch dtype for a wish: `auto` is bfloat16 on an accelerator and float32 on a CPU, where half formats are slow
    (float16) or flip answers between batch sizes (bfloat16).

    Raises:
        InvalidArgument: an unknown dtype.
    """
    if wish not in DTYPES:
        raise InvalidArgument("vlm-dtype", wish, allowed=DTYPES)
    if wish == "auto":
        return torch.float32 if device == "cpu" else torch.bfloat16
    return getattr(torch, wish)
