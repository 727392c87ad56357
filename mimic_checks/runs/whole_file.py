"""Files that are written whole or not at all, whenever this process is stopped.

A write that was cut off leaves a `*.part` beside the file as it was.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

PART = "part"
_CUT_OFF = re.compile(r"\.(\d+|arrow|llava|json)\.part")
"""How such names end; a user's own file of this kind stays."""


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Writes a file atomically, and makes its folder if need be. `durable`: it is on the disk when
    this returns, so that it outlives the machine's own end, too.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process number keeps two writers apart; replacing within one folder is a single step.
    part = path.with_name(f"{path.name}.{os.getpid()}.{PART}")
    with part.open("wb") as stream:
        stream.write(data)
        if durable:
            # Else the new name may reach the disk before what it names.
            stream.flush()
            os.fsync(stream.fileno())
    part.replace(path)


def rename_whole(part: Path, path: Path) -> None:
    """Gives a file that somebody else's code has written its name, once it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    part.replace(path)


def sweep_parts(folder: Path) -> None:
    """Removes what writes that were cut off have left, anywhere in a folder that is held."""
    for part in folder.rglob(f"*.{PART}"):
        if _CUT_OFF.search(part.name):
            part.unlink(missing_ok=True)
