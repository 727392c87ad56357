"""What every suite format keeps to, of all that the package's table names."""

from __future__ import annotations

import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from mimic_checks.errors import SuiteError
from mimic_checks.suites.suite_format import SUITES, SuiteFormat

_TABLE = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
HARNESSES = ("lmms-eval", "VLMEvalKit", "InternVL", "Mantis", "MIMIC")
POINTS = _TABLE["project"]["entry-points"][SUITES.group]


def load(name) -> SuiteFormat:
    module, _, attribute = POINTS[name].partition(":")
    return getattr(import_module(module), attribute)


def options_of(function):
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("name", POINTS)
def test_a_format_is_what_its_door_asks_for(name):
    suite = load(name)
    assert suite.name == name
    assert all(hasattr(suite, part) for part in SUITES.needs)
    assert suite.templates
    assert "ours" in suite.templates
    assert options_of(suite.read) == options_of(suite.categories) == options_of(suite.key)
    assert all(
        default is not inspect.Parameter.empty for default in options_of(suite.read).values()
    )


@pytest.mark.parametrize("name", POINTS)
def test_a_score_is_computed_or_says_why_not(name):
    for harness, score in load(name).scores.items():
        assert harness.partition(",")[0] in ("official", "paper", *HARNESSES)
        assert score.aggregate_name
        assert bool(score.why_not) == (score.rule is None)
        assert (score.rule is None) == (score.aggregate is None)


@pytest.mark.parametrize("name", POINTS)
def test_a_folder_of_something_else_is_refused_at_load(name, tmp_path):
    (tmp_path / "readme.txt").write_text("nothing of a suite")
    suite = load(name)
    for use in (lambda: list(suite.read(tmp_path)), lambda: list(suite.categories(tmp_path))):
        with pytest.raises(SuiteError, match=str(tmp_path)):
            use()
