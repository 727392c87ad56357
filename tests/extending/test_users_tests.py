"""Somebody's checks in a user's own tests, and a model made in code."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from tests.extending.conftest import CATALOG, CHECKS, COUNTED, QUIET, TWO

OWN = ("--vlm-batch", "8", *CATALOG, "--vlm-cases", "40", *QUIET)
MINE = """
import pytest
from mimic_checks.checks.check import check
from somebodys_checks.test_position import *
from somebodys_checks.test_position import POSITION

class TestMine:
    @check(POSITION)
    def test_in_a_class(self, vlm_check):
        vlm_check.run()

@pytest.mark.parametrize("flavour", ["sweet", "sour"])
@check(POSITION)
def test_with_flavours(vlm_check, flavour):
    vlm_check.run()
"""


def asked(folder):
    return (folder / "asked.txt").read_text().split()


def journalled(folder):
    """Case ids in the journal of the sweep."""
    lines = (folder / "mimic-report" / "journal" / "somebody.position.jsonl").read_bytes()
    read = [json.loads(line) for line in lines.split(b"\n") if line.startswith(b'{"batch"')]
    return [case for line in read for case in line["answers"]]


@pytest.fixture
def counted(tmp_path):
    (tmp_path / "conftest.py").write_text(COUNTED)


@pytest.fixture(scope="module")
def calls(python, somebody, tmp_path_factory):
    """How many calls the sweep takes if nothing is repeated: 120 cases and the preconditions'."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "conftest.py").write_text(COUNTED)
    done = python(
        "pytest", [*CHECKS, "--vlm-batch", "8", "-k", "position"], folder=folder, path=[somebody]
    )
    assert done.ret == 0
    assert len(set(asked(folder))) == 120
    return len(asked(folder))


def test_a_check_that_stands_in_many_places_is_asked_once(run, tmp_path, counted, calls):
    (tmp_path / "test_mine.py").write_text(MINE)
    result = run(*OWN, "-v")
    assert result.ret == 0
    result.assert_outcomes(passed=16)
    result.stdout.fnmatch_lines(
        [
            "test_mine.py::test_position[[]positionmiddle[]] PASSED*",
            "test_mine.py::TestMine::test_in_a_class[[]positionlast[]] PASSED*",
            "test_mine.py::test_with_flavours[[]verdict-sour[]] PASSED*",
        ]
    )
    assert len(asked(tmp_path)) == calls


def test_the_same_shared_by_workers(run, tmp_path, counted):
    (tmp_path / "test_mine.py").write_text(MINE)
    result = run(*OWN, *TWO)
    assert result.ret == 0
    result.assert_outcomes(passed=16)
    assert sorted(journalled(tmp_path)) == sorted(set(asked(tmp_path)))


def test_a_killed_run_goes_on_where_it_was(run, tmp_path, calls):
    """Killed at its hundredth prompt, the model is asked no case again whose answer is kept."""
    deadly = COUNTED.replace(
        "        return super()",
        "        import os, pathlib\n"
        "        if len(open('asked.txt').readlines()) == 100: os._exit(9)\n"
        "        return super()",
    )
    (tmp_path / "conftest.py").write_text(deadly)
    arguments = (*CHECKS, "--vlm-batch", "8", "-k", "position")
    assert run(*arguments).ret == 9
    kept = journalled(tmp_path)
    assert 0 < len(kept) < 120
    (tmp_path / "conftest.py").write_text(COUNTED)
    (tmp_path / "asked.txt").unlink()
    assert run(*arguments).ret == 0
    assert len(asked(tmp_path)) == calls - len(kept)


def test_a_complete_identity_lets_answers_be_used_again(run, tmp_path, calls):
    (tmp_path / "conftest.py").write_text(
        COUNTED.replace(
            "class Counted(Parrot):", "class Counted(Parrot):\n    complete_identity = True"
        )
    )
    arguments = [*CHECKS, "--vlm-batch", "8", "-k", "position", "--vlm-answer-cache", "answers"]
    assert run(*arguments).ret == 0
    first = len(asked(tmp_path))
    again = run(*arguments)
    assert again.ret == 0
    again.stdout.fnmatch_lines(["120 of 120 answers are cached ones of earlier runs*"])
    assert len(asked(tmp_path)) - first < calls - 100


def test_none_keeps_nothing(run, tmp_path):
    complete = "class Counted(Parrot):\n    complete_identity = True"
    (tmp_path / "conftest.py").write_text(COUNTED.replace("class Counted(Parrot):", complete))
    arguments = [*CATALOG, "--pyargs", "somebodys_checks", "--vlm-cases", "20", "-k", "position"]
    assert run(*arguments, "-p", "no:anyio", "--vlm-answer-cache", "none").ret == 0
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / ".pytest_cache" / "d" / "vlm-answers").exists()
    assert run(*arguments, "-p", "no:anyio").ret == 0
    kept = [file.name for file in (tmp_path / ".pytest_cache" / "d").rglob("*") if file.is_file()]
    assert any("budget" in name for name in kept), "batches are measured once for all runs"


def test_junit_properties_are_those_of_the_last_run(run, tmp_path, counted):
    """A node that is run again, by pytest-rerunfailures for one, has each of them once."""
    twice = MINE.replace(
        "        vlm_check.run()", "        vlm_check.run()\n        vlm_check.run()"
    )
    (tmp_path / "test_mine.py").write_text(twice)
    assert run(*OWN, "-k", "in_a_class", "--junitxml", "junit.xml").ret == 0
    for case in ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase"):
        names = [item.get("name") for item in case.iter("property")]
        assert "vlm_check" in names
        assert sorted(names) == sorted(set(names))


def test_without_it_nothing_is_used_again(run, tmp_path, counted, calls):
    arguments = [*CHECKS, "--vlm-batch", "8", "-k", "position", "--vlm-answer-cache", "answers"]
    assert [run(*arguments).ret, run(*arguments).ret] == [0, 0]
    assert len(asked(tmp_path)) == 2 * calls


def test_a_model_made_in_code_beside_another_is_refused(run, counted):
    result = run(*CHECKS, "--vlm", "parrot:wise")
    assert result.ret == 4
    assert "pytest_vlm_make_model" in result.stderr.str()


@pytest.mark.parametrize(
    ("made", "says", "workers"),
    [
        ("None", "pytest_vlm_make_model returned None", ()),
        ("object()", "pytest_vlm_make_model made object, which lacks 'answer', 'identity'", ()),
        ("object()", "pytest_vlm_make_model made object, which lacks 'answer', 'identity'", TWO),
        ("1 / 0", "pytest_vlm_make_model raised (ZeroDivisionError: division by zero", ()),
    ],
)
def test_a_hook_that_makes_no_model_exits_4(run, tmp_path, made, says, workers):
    """Called once a process, and no check fails for it."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_vlm_make_model(config):\n"
        "    open('made.txt', 'a').write('x')\n"
        f"    return {made}\n"
    )
    result = run(*CHECKS, *workers)
    assert result.ret == 4
    assert says in result.stdout.str()
    result.assert_outcomes(skipped=8)
    assert len((tmp_path / "made.txt").read_text()) <= (2 if workers else 1)
