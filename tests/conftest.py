"""Running commands as users do, a second each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LEFT_OUT = ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS", "CI")
"""Variables of the outer run: in an xdist worker, for one, syrupy would print nothing."""


class Runs:
    """Runs commands through the fork server."""

    def __init__(self, server: subprocess.Popen[str], path: list[str], files: Path) -> None:
        self._server, self._path, self._files = server, path, files

    def __call__(
        self,
        module: str,
        arguments: Sequence[object],
        *,
        folder: Path,
        path: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> pytest.RunResult:
        """`python -m module arguments` in a folder; `path`: more packages that are installed."""
        began = time.monotonic()
        found = [*map(str, path), *self._path]
        request = {
            "module": module,
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
            "path": found,
            "environment": {
                **{key: value for key, value in os.environ.items() if key not in LEFT_OUT},
                "PYTHONPATH": os.pathsep.join(found),
                **(environment or {}),
            },
            "stdout": str(self._files / "stdout"),
            "stderr": str(self._files / "stderr"),
        }
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        said = [(self._files / name).read_text() for name in ("stdout", "stderr")]
        for text, stream in zip(said, (sys.stdout, sys.stderr), strict=True):
            print(text, file=stream)
        lines = [text.splitlines() for text in said]
        return pytest.RunResult(code, *lines, duration=time.monotonic() - began)


@pytest.fixture(scope="session")
def python(tmp_path_factory) -> Iterator[Runs]:
    """Runs modules, each in a fork of one process: `python(module, arguments, folder=...)`."""
    command = [sys.executable, str(HERE / "fork_server.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as server:
        yield Runs(server, [str(HERE.parent)], tmp_path_factory.mktemp("said"))
