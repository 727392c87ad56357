"""The commands on somebody's checks: found by entry point, or with `--checks`."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.extending.conftest import CATALOG, QUIET

SMALL = (*CATALOG, "--vlm-cases", "20")
MINE = '''
"""A task and a check in one file, without any packaging."""
from mimic_checks.checks.check import Sweep, check
from mimic_checks.tasks import TASKS
from somebodys_checks.in_image import InImage
from somebodys_checks.test_position import draw_positions
import somebodys_checks.in_image

TASKS.add("mine", mine := InImage())
mine.name = "mine"

def draw_mine(catalog, **more):
    from dataclasses import replace
    def renamed(cases):
        return tuple(replace(case, task="mine") for case in cases)
    return draw_positions(catalog, **more).map(renamed)

MINE = Sweep(check_id="mine.position", title="Mine", factor="position", moves="the place",
             levels=("first", "last"), cases=draw_mine)

@check(MINE)
def test_mine(vlm_check):
    """Mine is seen."""
    vlm_check.run()
'''


@pytest.fixture
def mine(tmp_path):
    """A folder of checks of one's own."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "test_mine.py").write_text(MINE)
    return "--checks", "mine"


def ids_of(lines, level):
    """Case ids of a JSON Lines file at one level, in order."""
    read = [json.loads(line) for line in lines.read_text().splitlines()]
    return [
        (line.get("outcome") or line)["case"]["id"]
        for line in read
        if line.get("level", {}).get("value") == level
    ]


def test_cases_are_written_asked_and_replayed(command, run, tmp_path):
    done = command("cases", "--check", "somebody.position", "--out", "set", *SMALL)
    assert (done.ret, done.outlines) == (0, ["60 cases of 1 checks in set"])
    case = ids_of(tmp_path / "set" / "cases.jsonl", "last")[0]
    again = command("replay", "set", case, "--vlm", "parrot:wise")
    assert again.ret == 0
    again.stdout.fnmatch_lines(["question: Is there a* in image 5[?]*", "outcome: right"])
    assert command("replay", "set", case, "--vlm", "parrot:lazy").ret == 1
    asked = run(
        *("--pyargs", "somebodys_checks", *QUIET, "-k", "position", "--vlm-cases", "20"),
        *("--vlm", "parrot:wise", "--vlm-case-set", "set"),
    )
    assert asked.ret == 0
    outcomes = tmp_path / "mimic-report" / "outcomes" / "somebody.position.jsonl"
    assert ids_of(outcomes, "last") == ids_of(tmp_path / "set" / "cases.jsonl", "last")


def test_groups_are_written_and_asked(command, run, tmp_path):
    assert command("cases", "--check", "somebody.twins", "--out", "set", *SMALL).ret == 0
    asked = run(
        *("--pyargs", "somebodys_checks", *QUIET, "-k", "twins", "--vlm-cases", "20"),
        *("--vlm", "parrot:lazy", "--vlm-case-set", "set"),
    )
    assert asked.ret == 1
    asked.stdout.fnmatch_lines(["somebody.twins*fail*images 2: 1.00*4: 0.00"])


def test_a_run_is_replayed_reported_and_compared(command, runs, tmp_path):
    for temper in ("wise", "lazy"):
        shutil.copytree(runs / temper, tmp_path / temper)
    case = ids_of(tmp_path / "lazy" / "outcomes" / "somebody.position.jsonl", "middle")[0]
    assert command("replay", "lazy", case, "--vlm", "parrot:wise").ret == 0
    (tmp_path / "lazy" / "verdicts.csv").unlink()
    assert command("report", "lazy").ret == 0
    assert (tmp_path / "lazy" / "verdicts.csv").read_bytes() == (
        runs / "lazy" / "verdicts.csv"
    ).read_bytes()
    (tmp_path / "policy.toml").write_text(
        "[defaults]\nmargin = 0.3\nlevel_margin = 0.3\nmin_cases = 20\n"
    )
    policy = ("--vlm-policy", "policy.toml")
    assert command("compare", "wise", "wise", *policy).ret == 0
    worse = command("compare", "wise", "lazy", *policy, "--out", "gate")
    assert worse.ret == 1
    worse.stdout.fnmatch_lines(["somebody.position*fail*", "somebody.twins*fail*"])
    assert "somebody.twins" in (tmp_path / "gate" / "gate.html").read_text()


def test_a_burn_in(command, tmp_path):
    (tmp_path / "policy.toml").write_text(
        "[defaults]\nmargin = 0.3\nlevel_margin = 0.3\nmin_cases = 20\n"
    )
    done = command(
        *("burn-in", "--vlm", "parrot:wise", "--check", "somebody.twins", *CATALOG),
        *("--vlm-cases", "40", "--histories", "5", "--vlm-policy", "policy.toml"),
    )
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*images in reverse order*"])


def test_an_unknown_check_gets_the_closest(command):
    done = command("cases", "--check", "somebody.positon", "--out", "set")
    assert done.ret == 4
    assert "did you mean 'somebody.position'" in done.stderr.str()


def test_checks_without_packaging(command, mine, tmp_path):
    """A folder of test files: every command takes it with `--checks`."""
    done = command("cases", *mine, "--check", "mine.position", "--out", "set", *SMALL)
    assert done.ret == 0
    case = ids_of(tmp_path / "set" / "cases.jsonl", "last")[0]
    assert command("replay", "set", case, *mine, "--vlm", "parrot:wise").ret == 0
    ran = command("run", *mine, "-k", "test_mine", "--vlm", "parrot:wise", *SMALL)
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["mine.position*pass*"])
    (tmp_path / "policy.toml").write_text(
        '[checks."mine.position"]\nmargin = 0.4\nlevel_margin = 0.4\nmin_cases = 9\n'
    )
    policy = ("--vlm-policy", "policy.toml")
    assert command("compare", "mimic-report", "mimic-report", *mine, *policy).ret == 0
    burn = ("--vlm", "parrot:wise", *SMALL, "--histories", "2", *policy)
    assert command("burn-in", *mine, "--check", "mine.position", *burn).ret == 0


@pytest.mark.parametrize(
    "selected",
    [("mine", "-k", "test_other"), ("mine/test_mine.py::test_other",), ("mine", "--lf")],
    ids=["k", "node", "lf"],
)
def test_what_is_deselected_is_still_known(run, mine, tmp_path, selected):
    """A policy may name it, thresholds too, and nobody is told to delete its baseline."""
    file = tmp_path / "mine" / "test_mine.py"
    other = MINE[MINE.index("MINE = ") :].replace("test_mine", "test_other")
    broken = "\nimport pytest\n@pytest.mark.vlm_check('no check')\ndef test_broken(): pass\n"
    file.write_text(MINE + other.replace("MINE", "OTHER").replace("mine.", "other.") + broken)
    names = 'checks."mine.position"'
    (tmp_path / "policy.toml").write_text(
        f"[defaults]\nmargin = 0.4\nlevel_margin = 0.5\nmin_cases = 9\n[{names}]\nmargin = 0.5\n"
    )
    (tmp_path / "own.toml").write_text(f"[{names}]\nretention = 0.7\n")
    gated = (
        *("-p", "no:anyio", *SMALL, "--vlm", "parrot:wise", "--vlm-baseline", "base"),
        *("--vlm-policy", "policy.toml", "--vlm-thresholds", "own.toml"),
    )
    both = ("mine", "-k", "not broken")
    assert run(*both, *gated, "--snapshot-update").ret == 0
    assert {path.stem for path in (tmp_path / "base").iterdir()} == {
        "mine.position",
        "other.position",
    }
    cache = tmp_path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    cache.write_text('{"mine/test_mine.py::test_other[verdict]": true}')
    done = run(*selected, *gated)
    assert done.ret == 0
    assert "delete the file" not in done.stdout.str()
    done.stdout.fnmatch_lines(["other.position*pass*blocking*"])


def test_checks_of_a_module(command):
    """By its name, as installed packages are."""
    ran = command(
        *("run", "--checks", "somebodys_checks", "-k", "test_twins", *SMALL),
        *("--vlm", "parrot:wise"),
    )
    assert ran.ret == 0
    ran.stdout.fnmatch_lines(["somebody.twins*pass*"])


@pytest.mark.parametrize("source", ["no_such_module", "no/such/folder"])
def test_checks_that_are_not_there(command, source):
    done = command("cases", "--checks", source, "--out", "set")
    assert done.ret == 4
    assert f"checks={source!r} is not allowed" in done.stderr.str()
