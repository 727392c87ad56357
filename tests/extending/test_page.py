"""The page about extending shows the package that the tests run, file by file."""

from __future__ import annotations

import re

from tests.extending.conftest import PACKAGE, ROOT

PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(
    r"<!-- not run: (\S+) of tests/extending/package -->\n```\w+\n(.*?)```\n", re.DOTALL
)


def test_every_file_of_the_package_stands_on_the_page_as_it_is():
    shown = dict(BLOCK.findall(PAGE.read_text()))
    files = {
        str(path.relative_to(PACKAGE)): path.read_text()
        for path in [*PACKAGE.glob("*.toml"), *PACKAGE.glob("somebodys_checks/*.py")]
        if path.name != "__init__.py"
    }
    assert shown == files


def test_every_door_has_a_line_and_a_section():
    page = PAGE.read_text()
    doors = re.findall(r'^\[project.entry-points."(mimic_checks\.\w+)"\]', page, re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    assert sorted(doors) == sorted(re.findall(r'entry-points."(mimic_checks\.\w+)"', project))


def test_one_file_touches_one_door():
    """Every entry point of the package leads to a file of its own, or to the package of checks."""
    lines = (PACKAGE / "pyproject.toml").read_text()
    modules = re.findall(r'= "(somebodys_checks[\w.]*)(?::\w+)?"', lines)
    assert len(modules) == len(set(modules)) == 7


def test_the_conftest_on_the_page_runs(run, tmp_path):
    block = re.search(
        r"<!-- not run: a conftest.py.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert block
    (tmp_path / "conftest.py").write_text(block[1])
    from tests.extending.conftest import CHECKS

    assert run(*CHECKS, "-k", "twins").ret == 0
