"""Files that are written whole or not at all, whenever this process is stopped.

A write that was cut off leaves a `*.part` beside the file as it was.
"""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file atomically, and makes its folder if need be.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process number keeps two writers apart; replacing within one folder is a single step.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
