"""The documentation does what it says: every console and Python block of README and docs is run.

In a console block, lines after `$ ` are commands, the rest is what they print; `...` stands for
anything. A block right after the comment `<!-- not run: reason -->` is left out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip><!-- not run: [^>]+-->\n)?```(?P<kind>\w+)\n(?P<body>.*?)```", re.DOTALL
)


def blocks(page: Path, kind: str) -> list[str]:
    return [
        found["body"]
        for found in BLOCK.finditer(page.read_text())
        if found["kind"] == kind and not found["skip"]
    ]


def pattern(expected: str) -> re.Pattern[str]:
    """What a command prints: `...` alone on a line stands for any lines, inside a line for any
    text."""
    parts = [
        (
            r"(?:.*\n)*?"
            if line.strip() == "..."
            else re.escape(line).replace(r"\.\.\.", ".*") + r"\s*\n"
        )
        for line in expected.splitlines()
    ]
    return re.compile("".join(parts) + r"\s*\Z")


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "console")], ids=lambda p: p.name)
def test_commands_print_what_the_page_shows(page, tmp_path):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "80",
    }
    environment.pop(
        "PYTEST_XDIST_WORKER", None
    )  # a reader's shell is no xdist worker, in which syrupy would print nothing
    for body in blocks(page, "console"):
        for example in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, _, expected = example.partition("\n")
            done = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said = done.stdout + done.stderr
            assert pattern(expected).match(said), f"{page.name}: $ {command}\nprinted:\n{said}"


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_examples_run(page, capsys):
    namespace: dict[str, object] = {"__name__": "example"}
    for body in blocks(page, "python"):
        exec(compile(body, str(page), "exec"), namespace)


def test_every_check_has_a_page_that_names_it():
    from mimic_checks.checks.discovery import find_checks

    for check_id, found in find_checks().items():
        page = (ROOT / found.check.docs).read_text()
        short = check_id.rpartition(".")[2]
        assert f"`{check_id}`" in page or f"`.{short}`" in page, check_id


def test_every_option_is_documented():
    from mimic_checks.options import OPTIONS

    text = "".join(page.read_text() for page in PAGES)
    assert [option.name for option in OPTIONS if f"--{option.name}" not in text] == []


def test_links_lead_somewhere():
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} -> {target}"
