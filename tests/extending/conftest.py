"""Somebody's package, installed: copied to a folder of its own with real entry-point metadata."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
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
TWO = ("-n", "2")
"""Two workers import everything anew, which takes seconds: only where it matters."""
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


@pytest.fixture
def run(python, somebody, tmp_path) -> Callable[..., pytest.RunResult]:
    """Runs pytest in the test's folder, where somebody's package is installed."""
    return partial(_call, python, "pytest", tmp_path, somebody)


@pytest.fixture
def command(python, somebody, tmp_path) -> Callable[..., pytest.RunResult]:
    """Runs `mimic-checks` in the test's folder, where somebody's package is installed."""
    return partial(_call, python, "mimic_checks.cli", tmp_path, somebody)


def _call(python, module, folder, somebody, *arguments, path=()):
    return python(module, arguments, folder=folder, path=[*path, somebody])


@pytest.fixture(scope="session")
def runs(tmp_path_factory, python, somebody) -> Path:
    """A folder with finished runs of the package's checks, `wise` and `lazy` (on the same cases),
    each with the JUnit file beside it."""
    folder = tmp_path_factory.mktemp("runs")
    for temper, code in (("wise", 0), ("lazy", 1)):
        files = ("--vlm-output", temper, "--junitxml", f"{temper}.xml")
        given = [*CHECKS, *files, "--vlm", f"parrot:{temper}"]
        done = python("pytest", given, folder=folder, path=[somebody])
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

def pytest_vlm_make_model(config, catalog):
    return Counted("wise", catalog)
'''
"""A conftest.py: the calls of the model, counted in a file."""
