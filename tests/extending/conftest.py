"""Somebody's package, installed: copied to a folder of its own with real entry-point metadata."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

collect_ignore = ["package"]
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGE = HERE / "package"
CATALOG = ("--vlm-catalog", "rendered?scenes=120&families=0")
CASES = ("--vlm-cases", "40")
QUIET = ("-p", "no:cacheprovider", "-p", "no:anyio")
CHECKS = ("--pyargs", "somebodys_checks", *CATALOG, *CASES, *QUIET)
LEFT_OUT = ("PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS", "CI")
"""Variables of the outer run: in an xdist worker, for one, syrupy would print nothing."""
WORKERS = pytest.mark.parametrize("workers", [("-n", "0"), ("-n", "2")], ids=["n0", "n2"])


def installed(home: Path, name: str, points: dict[str, str], **modules: str) -> Path:
    """A package of yet another stranger, installed in a folder: modules, and metadata with entry
    points ("<group>:<name>" -> value)."""
    metadata = home / f"{name.replace('-', '_')}-2.5.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
    groups: dict[str, list[str]] = {}
    for key, value in points.items():
        group, _, point = key.partition(":")
        groups.setdefault(group, []).append(f"{point} = {value}\n")
    (metadata / "entry_points.txt").write_text(
        "".join(f"[mimic_checks.{group}]\n{''.join(lines)}" for group, lines in groups.items())
    )
    for module, text in modules.items():
        (home / f"{module}.py").write_text(text)
    return home


@pytest.fixture(scope="session")
def somebody(tmp_path_factory) -> Path:
    """The folder that the package is installed in."""
    home = tmp_path_factory.mktemp("site") / "somebody"
    shutil.copytree(PACKAGE, home, ignore=shutil.ignore_patterns("__pycache__"))
    metadata = [sys.executable, "-c", "import setuptools; setuptools.setup()", "-q", "egg_info"]
    subprocess.run(metadata, cwd=home, check=True, stdout=subprocess.DEVNULL)
    return home


Run = Callable[..., pytest.RunResult]


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
def python(somebody, tmp_path_factory) -> Iterator[Runs]:
    """Runs modules where somebody's package is installed."""
    command = [sys.executable, str(HERE / "fork_server.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as server:
        yield Runs(server, [str(somebody), str(ROOT)], tmp_path_factory.mktemp("said"))


@pytest.fixture
def run(python, tmp_path) -> Run:
    """Runs pytest in the test's folder."""
    return lambda *arguments, **more: python("pytest", arguments, folder=tmp_path, **more)


@pytest.fixture
def command(python, tmp_path) -> Run:
    """Runs `mimic-checks` in the test's folder."""
    return lambda *arguments, **more: python("mimic_checks.cli", arguments, folder=tmp_path, **more)


@pytest.fixture(scope="session")
def runs(tmp_path_factory, python) -> Path:
    """A folder with finished runs of the package's checks, `wise` and `lazy` (on the same cases),
    each with the JUnit file beside it."""
    folder = tmp_path_factory.mktemp("runs")
    for temper, code in (("wise", 0), ("lazy", 1)):
        files = ("--vlm-output", temper, "--junitxml", f"{temper}.xml")
        done = python("pytest", [*CHECKS, *files, "--vlm", f"parrot:{temper}"], folder=folder)
        assert done.ret == code
    return folder


COUNTED = '''
"""A wise parrot that writes down every prompt it is asked."""
from somebodys_checks.parrot import Parrot

class Counted(Parrot):
    def say(self, prompt):
        with open("asked.txt", "a") as asked:
            asked.write(prompt.case_id + "\\n")
        return super().say(prompt)

def pytest_vlm_make_model(config):
    return Counted("wise", config.pluginmanager.getplugin("mimic_checks_run").session().catalog)
'''
"""A conftest.py: the calls of the model, counted in a file."""
