"""Somebody's checks as gates: thresholds, policies, baselines."""

from __future__ import annotations

import json

import pytest

from tests.extending.conftest import CHECKS, WORKERS

POLICY = '[checks."somebody.position"]\nmargin = 0.3\nlevel_margin = 0.3\nmin_cases = 20\n'
"""With forty cases, the shipped margin can never be proven."""
GATED = (*CHECKS, "-k", "position", "--vlm-baseline", "baseline", "--vlm-policy", "policy.toml")


@pytest.fixture(scope="module")
def recorded(python, somebody, tmp_path_factory):
    """The baseline of the wise parrot."""
    folder = tmp_path_factory.mktemp("release")
    (folder / "policy.toml").write_text(POLICY)
    done = python(
        "pytest",
        [*GATED, "--vlm", "parrot:wise", "--snapshot-update"],
        folder=folder,
        path=[somebody],
    )
    assert done.ret == 0
    done.stdout.fnmatch_lines(["1 snapshot generated."])
    return (folder / "baseline" / "somebody.position.jsonl").read_text()


@pytest.fixture
def release(tmp_path, recorded):
    """A project with that baseline and a policy."""
    (tmp_path / "policy.toml").write_text(POLICY)
    (tmp_path / "baseline").mkdir()
    (tmp_path / "baseline" / "somebody.position.jsonl").write_text(recorded)


def test_a_baseline_has_a_line_per_item(recorded):
    lines = [json.loads(line) for line in recorded.splitlines()[1:]]
    levels = [line["level"] for line in lines]
    assert {level: levels.count(level) for level in levels} == {
        "positionfirst": 40,
        "positionmiddle": 40,
        "positionlast": 40,
    }


@WORKERS
def test_an_unchanged_release_passes(run, release, workers):
    result = run(*GATED, "--vlm", "parrot:wise", *workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*against the baseline*", "somebody.position*pass*"])


@WORKERS
def test_a_worse_release_fails_once(run, release, workers):
    """At its verdict alone: the levels inform."""
    result = run(*GATED, "--vlm", "parrot:lazy", *workers)
    assert result.ret == 1
    result.assert_outcomes(failed=1, passed=3)
    result.stdout.fnmatch_lines(["FAILED *test_position[[]verdict[]]*"])


def test_a_gate_that_is_not_selected_lets_nothing_pass(run, release):
    arguments = [*GATED, "--vlm", "parrot:wise"]
    arguments[arguments.index("position")] = "positionmiddle"
    assert run(*arguments).ret == 6


def test_groups_are_gated_as_one_item(run, tmp_path):
    (tmp_path / "policy.toml").write_text(
        "[defaults]\nmargin = 0.3\nlevel_margin = 0.3\nmin_cases = 20\n"
    )
    gated = [*CHECKS, "-k", "twins", "--vlm-baseline", "base", "--vlm-policy", "policy.toml"]
    assert run(*gated, "--vlm", "parrot:wise", "--snapshot-update").ret == 0
    lines = (tmp_path / "base" / "somebody.twins.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 2 * 40
    assert run(*gated, "--vlm", "parrot:lazy").ret == 1
    gates = json.loads((tmp_path / "mimic-report" / "gates" / "somebody.twins.json").read_text())
    assert [(level["n"], level["lost"]) for level in gates["levels"]] == [(40, 0), (40, 40)]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--vlm-thresholds", '[checks."somebody.positon"]\nretention = 0.5\n'),
        ("--vlm-policy", '[checks."somebody.positon"]\nmargin = 0.3\n'),
    ],
)
def test_a_file_with_a_typo_is_refused_with_the_closest_match(run, release, tmp_path, option, text):
    (tmp_path / "typo.toml").write_text(text)
    result = run(*GATED, "--vlm", "parrot:wise", option, "typo.toml")
    assert result.ret == 4
    assert "did you mean 'somebody.position'" in result.stderr.str()


def test_thresholds_of_their_check_hold(run, tmp_path):
    """Also where the file names a registered check that is not selected."""
    (tmp_path / "own.toml").write_text(
        '[checks."somebody.position"]\nretention = 0.99\n'
        '[checks."somebody.twins"]\nretention = 0.5\n'
    )
    result = run(*CHECKS, "-k", "position", "--vlm", "parrot:wise", "--vlm-thresholds", "own.toml")
    assert result.ret == 4
    assert "can never pass check 'somebody.position' (retention=0.99" in result.stderr.str()


def test_a_release_that_is_told_apart_early_stops_early(run, release, tmp_path):
    result = run(*GATED, "--vlm", "parrot:lazy", "--vlm-sequential", "--vlm-batch", "8")
    assert result.ret == 1
    lines = (tmp_path / "mimic-report" / "outcomes" / "somebody.position.jsonl").read_text()
    assert len(lines.splitlines()) == 3 * 20
