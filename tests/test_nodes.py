"""The nodes of a sweep: asked once, however they are selected, ordered, shared or repeated."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from importlib.metadata import distributions
from pathlib import Path

import pytest

CHECK = ("--pyargs", "mimic_checks.checks.test_spread", "-k", "test_unbalanced")
SMALL = ("--vlm-cases", "40", "--vlm-batch", "8", "--vlm-catalog", "rendered?scenes=300&families=0")
QUIET = ("-p", "no:anyio", *SMALL)
SWEEP = (*CHECK, *QUIET, "-p", "no:cacheprovider")
CASES = 160
"""Of four levels."""
COUNTED = """
from mimic_checks.models.stubs import LosesTrack, Oracle

class Counted({stub}):
    def look(self, prompt):
        with open("asked.txt", "a") as asked:
            asked.write(prompt.case_id + "\\n")
        return super().look(prompt)

def pytest_vlm_make_model(config, catalog):
    return Counted(catalog)
"""
FOLDER = os.environ.get("MIMIC_CHECKS_TEST_PLUGINS", "")
PLUGINS = str(Path(FOLDER).resolve()) if FOLDER else ""
"""A folder of pytest plugins that would change this suite's own run if they were installed;
`make test` makes it."""


def needs(plugin):
    known = {found.metadata["Name"] for found in distributions(path=[PLUGINS])} if PLUGINS else ()
    return pytest.mark.skipif(
        plugin not in known, reason=f"{plugin} is not in $MIMIC_CHECKS_TEST_PLUGINS"
    )


@pytest.fixture
def run(python, tmp_path):
    """Runs pytest with a model that writes down what it is asked."""

    def call(*arguments, stub="Oracle", plugins=False):
        (tmp_path / "conftest.py").write_text(COUNTED.replace("{stub}", stub))
        path = [PLUGINS] if plugins else []
        return python("pytest", arguments, folder=tmp_path, path=path)

    return call


def asked(folder):
    return (folder / "asked.txt").read_text().split()


def verdict(folder):
    result = json.loads((folder / "mimic-report/results/spread.unbalanced.json").read_text())
    return result["verdict"], [level["verdict"] for level in result["levels"]]


@pytest.fixture(scope="module")
def calls(python, tmp_path_factory):
    """How many calls a sweep takes: its cases, and the harness's own questions."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "conftest.py").write_text(COUNTED.replace("{stub}", "Oracle"))
    assert python("pytest", SWEEP, folder=folder).ret == 0
    assert len(set(asked(folder))) == CASES
    return len(asked(folder))


@pytest.mark.parametrize(
    ("selected", "nodes"),
    [
        ("test_unbalanced and verdict", 1),
        ("test_unbalanced and (spread3 or verdict)", 2),
        ("test_unbalanced and not spread1", 4),
    ],
)
def test_a_selected_verdict_asks_all_levels_once(run, tmp_path, calls, selected, nodes):
    result = run(*SWEEP, "-k", selected)
    assert result.ret == 0
    result.assert_outcomes(passed=nodes, deselected=10 - nodes)
    assert len(asked(tmp_path)) == calls
    assert verdict(tmp_path) == ("pass", ["pass"] * 4)


def test_levels_alone_ask_themselves_and_the_reference(run, tmp_path):
    assert run(*SWEEP, "-k", "test_unbalanced and spread3").ret == 0
    outcomes = (tmp_path / "mimic-report/outcomes/spread.unbalanced.jsonl").read_text()
    assert len(outcomes.splitlines()) == CASES // 2
    assert verdict(tmp_path) == ("inconclusive", ["pass"] * 2)


def test_nodes_that_are_named_twice(run, tmp_path, calls):
    module = ("mimic_checks.checks.test_spread",) * 2
    result = run("--pyargs", "--keep-duplicates", *module, *SWEEP[2:])
    assert result.ret == 0
    result.assert_outcomes(passed=10, deselected=10)
    assert len(asked(tmp_path)) == calls


@pytest.mark.parametrize("share", ["load", "worksteal", "loadscope"])
def test_nodes_that_are_split_over_workers(run, tmp_path, calls, share):
    result = run(*SWEEP, "-n", "2", "--dist", share)
    assert result.ret == 0
    result.assert_outcomes(passed=5)
    assert CASES <= len(asked(tmp_path)) <= CASES + 2 * (calls - CASES)
    assert verdict(tmp_path) == ("pass", ["pass"] * 4)


def test_last_failed_runs_the_failed_levels_and_the_verdict(run, tmp_path):
    assert run(*CHECK, *QUIET, stub="LosesTrack").ret == 1
    again = run(*CHECK, *QUIET, "--lf", "--vlm-output", "again", stub="Oracle")
    assert again.ret == 0
    again.assert_outcomes(passed=3)
    result = json.loads((tmp_path / "again/results/spread.unbalanced.json").read_text())
    assert (result["verdict"], len(result["levels"])) == ("pass", 4)


def test_stopping_at_the_first_failure(run, tmp_path):
    result = run(*SWEEP, "-x", stub="LosesTrack")
    assert result.ret == 1
    result.assert_outcomes(passed=2, failed=1)
    assert verdict(tmp_path)[0] == "fail"
    assert (tmp_path / "mimic-report" / "report.html").is_file()


@needs("pytest-randomly")
@pytest.mark.parametrize("seed", [1, 2])
def test_in_any_order(run, tmp_path, calls, seed):
    result = run(*SWEEP, f"--randomly-seed={seed}", plugins=True)
    assert result.ret == 0
    assert len(asked(tmp_path)) == calls
    assert verdict(tmp_path) == ("pass", ["pass"] * 4)


@needs("pytest-rerunfailures")
@pytest.mark.parametrize("workers", [("-n", "0"), ("-n", "2")], ids=["n0", "n2"])
def test_a_rerun_asks_nothing_again(run, tmp_path, calls, workers):
    result = run(
        *(*SWEEP, "--reruns", "2", "--junitxml", "junit.xml", *workers),
        stub="LosesTrack",
        plugins=True,
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*3 failed, 2 passed*6 rerun*"])
    probes = calls - CASES  # every worker asks them of its own model
    assert CASES <= len(asked(tmp_path)) <= CASES + max(1, int(workers[1])) * probes
    for case in ElementTree.parse(tmp_path / "junit.xml").getroot().iter("testcase"):
        names = [item.get("name") for item in case.iter("property")]
        assert sorted(names) == sorted(set(names))
        assert "vlm_check" in names


@needs("pytest-html")
def test_beside_another_report(run, tmp_path):
    result = run(*SWEEP, "--html", "other.html", stub="LosesTrack", plugins=True)
    assert result.ret == 1
    assert "spread.unbalanced" in (tmp_path / "other.html").read_text()
