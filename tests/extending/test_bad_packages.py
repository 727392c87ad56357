"""What other people's packages can do wrong: refused by name, before a model is loaded."""

from __future__ import annotations

import pytest

from tests.extending.conftest import CASES, CATALOG, QUIET, TWO, WORKERS, installed

VLM = ("--vlm", "parrot:wise")
HEAD = """
from mimic_checks.checks.check import Sweep, check
from somebodys_checks.test_position import draw_positions
"""
CHECK = (
    HEAD
    + """
OTHER = Sweep(check_id="other.check", title="Other", factor="position", moves="all",
              levels=("first", "last"), cases=draw_positions)

@check(OTHER)
def test_other(vlm_check):
    vlm_check.run()
"""
)


@pytest.fixture
def other(run, tmp_path):
    """Runs the checks of a module `test_other` with this text."""

    def call(text, *arguments, modules=("test_other",), points=None, more=None):
        home = tmp_path / "other"
        installed(home, "others-checks", points or {}, test_other=text, **(more or {}))
        given = ("--pyargs", *modules, *CATALOG, *CASES, *QUIET, *VLM, *arguments)
        return run(*given, path=[home])

    return call


def refused(result, says, folder):
    """Exit code 4 with a message, and no model was loaded."""
    assert result.ret == 4
    assert says in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert not (folder / "mimic-report").exists()


def test_the_other_package_itself_is_sound(other):
    assert other(CHECK).ret == 0


@WORKERS
def test_two_different_checks_with_one_id(other, tmp_path, workers):
    text = CHECK.replace("other.check", "somebody.position")
    result = other(text, *workers, modules=("somebodys_checks", "test_other"))
    says = "two different checks are called 'somebody.position': in somebodys_checks.test_position"
    refused(result, says, tmp_path)


def test_two_different_checks_with_one_id_for_the_commands(command, tmp_path):
    home = installed(
        tmp_path / "other",
        "others-checks",
        {"checks:other": "test_other"},
        test_other=CHECK.replace("other.check", "somebody.position"),
    )
    result = command("cases", "--check", "somebody.twins", "--out", "set", path=[home])
    assert result.ret == 4
    assert "two different checks are called 'somebody.position'" in result.stderr.str()


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ("()", "one or more values whose node ids differ"),
        ('("a b", "a_b")', "(here: positiona_b, positiona_b)"),
        ('("first", "first")', "(here: positionfirst, positionfirst)"),
        ("(1, True)", "level=True is not allowed"),
        ('("first", "!")', "level='!' is not allowed; allowed: a name with a letter or digit"),
        ("{}", "one or more values whose node ids differ"),
    ],
)
def test_levels_that_cannot_be_told_apart(other, levels, says):
    """Refused where the check is made: its module cannot be collected."""
    result = other(CHECK.replace('("first", "last")', levels))
    assert result.ret == 4
    result.stdout.fnmatch_lines(["*1 error*"])
    assert says in result.stdout.str()


def test_a_level_that_the_profile_lacks(other, tmp_path):
    text = CHECK.replace('("first", "last")', '{"mimic": ("first", "last")}')
    result = other(text)
    refused(result, "check 'other.check' has no levels for it", tmp_path)


MUTE = """
from mimic_checks.tasks import Task, Unread, YesNo
class Mute(Task):
    name = "mute"
    truth_type = YesNo
    def read(self, answer, truth, offered, vocabulary):
        {reads}
MUTE = Mute()
"""
USES_MUTE = CHECK.replace(
    "cases=draw_positions",
    "cases=lambda catalog, **more: draw_positions(catalog, **more).map("
    "lambda cases: tuple(__import__('dataclasses').replace(c, task='mute') for c in cases))",
)


@pytest.mark.parametrize(
    ("reads", "says"),
    [
        ("return None", "task 'mute': its read() gave None; allowed: a YesNo, or Unread(reason)"),
        ("return 'yes'", "task 'mute': its read() gave 'yes'; allowed: a YesNo, or Unread(reason)"),
        (
            "return Unread('mute')",
            "task 'mute' does not read its own true answers as right: 'no', 'yes'",
        ),
        ("return YesNo(True)", "task 'mute' does not read its own true answers as right: 'no'"),
        ("return answer.nonsense", "task 'mute': its read() failed (AttributeError"),
    ],
)
def test_a_task_that_does_not_read_its_own_answers(other, tmp_path, reads, says):
    points = {"tasks:mute": "mute:MUTE"}
    result = other(USES_MUTE, points=points, more={"mute": MUTE.format(reads=reads)})
    refused(result, says, tmp_path)


def test_the_same_with_workers(other, tmp_path):
    points = {"tasks:mute": "mute:MUTE"}
    result = other(USES_MUTE, *TWO, points=points, more={"mute": MUTE.format(reads="return None")})
    refused(result, "task 'mute': its read() gave None", tmp_path)


def test_a_task_that_nobody_registered(other, tmp_path):
    refused(other(USES_MUTE), "task='mute' is not allowed; allowed: 'common', 'counting'", tmp_path)


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        (
            "lambda catalog, **more: draw_positions(catalog, **more).map(lambda cases: cases[:1])",
            "draws 1 items for 2 levels (position=first, position=last); draw one per level",
        ),
        ("lambda catalog: 0", "check 'other.check': its cases cannot be drawn (TypeError: "),
        ("lambda catalog, **more: 1 / 0", "ZeroDivisionError: division by zero; "),
        ("lambda catalog, **more: draw_positions(catalog, **more).map(len)", "cannot be drawn"),
        ("lambda catalog, **more: None", "check 'other.check': its cases cannot be drawn"),
    ],
)
def test_a_strategy_that_draws_something_else(other, tmp_path, cases, says):
    result = other(CHECK.replace("cases=draw_positions", f"cases={cases}"))
    refused(result, says, tmp_path)


BACKEND = """
from mimic_checks.models import {imported}
from mimic_checks.models.backend import Backend
class Model:
    {model}
class Other(Backend):
    local = True
    def check(self, name, options, catalog): {check}
    def load(self, name, options, catalog): return Model()
OTHER = Other()
"""


@pytest.mark.parametrize(
    ("parts", "value", "says"),
    [
        ({"imported": "NoSuchThing"}, "OTHER", "cannot be imported (ImportError: cannot import"),
        ({}, "ELSE", "cannot be imported (AttributeError"),
        ({}, "Model", "lacks 'local', 'check', 'load', which mimic_checks"),
    ],
)
def test_a_backend_for_another_version(other, tmp_path, parts, value, says):
    text = BACKEND.format(**{"imported": "VLM", "model": "pass", "check": "pass", **parts})
    points = {"backends:other": f"other_backend:{value}"}
    given = ("--vlm", "other:model")
    result = other(CHECK, *given, points=points, more={"other_backend": text})
    refused(result, says, tmp_path)
    assert "others-checks 2.5" in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("pass", "vlm='other:model' made Model, which lacks 'answer', 'identity'"),
        ("def __init__(self): 1 / 0", "vlm='other:model' cannot be loaded (ZeroDivisionError"),
        (
            "answer = identity = print; capabilities = __import__('mimic_checks.models')"
            ".models.Capabilities.of('white_box')",
            "model Model declares 'white_box' and lacks 'masked_layers', 'depth', 'intervened'",
        ),
        ("answer = identity = print; capabilities = ('white_box',)", "give a mimic_checks.models."),
    ],
)
def test_a_backend_whose_model_is_none(other, model, says):
    """Seen when it is loaded: no check fails for it, and the run ends with exit code 4."""
    text = BACKEND.format(imported="VLM", model=model, check="pass")
    points = {"backends:other": "other_backend:OTHER"}
    result = other(CHECK, "--vlm", "other:model", points=points, more={"other_backend": text})
    assert result.ret == 4
    assert says in result.stdout.str()
    result.assert_outcomes(skipped=3)


def test_a_broken_backend_costs_only_those_who_name_it(other):
    points = {"backends:other": "no_such_module:OTHER", "families:other": "no_such_module:OTHER"}
    assert other(CHECK, points=points).ret == 0


def test_two_packages_that_claim_one_name(other, tmp_path):
    result = other(CHECK, points={"backends:parrot": "other_backend:OTHER"})
    says = "vlm backend 'parrot' is claimed by others-checks 2.5 (other_backend:OTHER) and by"
    refused(result, says, tmp_path)


def test_a_mark_that_holds_no_check(other, tmp_path):
    text = CHECK.replace("@check(OTHER)", "@__import__('pytest').mark.vlm_check('other')")
    refused(other(text), "marked with vlm_check('other'), which is no check", tmp_path)


def test_a_check_that_is_no_check(other):
    result = other(CHECK.replace("@check(OTHER)", "@check('other')"))
    assert result.ret == 4
    assert (
        "check='other' is no check; make a Sweep, a Survey or a Measurement" in result.stdout.str()
    )


@pytest.mark.parametrize(("argument", "body", "nodes"), [("vlm_check", "pass", 3), ("", "pass", 1)])
def test_a_check_that_is_not_run_passes_nothing(other, argument, body, nodes):
    text = CHECK.replace("(vlm_check)", f"({argument})").replace("vlm_check.run()", body)
    assert text != CHECK
    result = other(text)
    assert result.ret == 1
    result.assert_outcomes(failed=nodes)
    assert "did not run it; take the fixture vlm_check and call vlm_check.run()" in (
        result.stdout.str()
    )


REPORT = """
class Broken:
    file_name = {name!r}
    def render(self, run): {render}
BROKEN = Broken()
"""


@pytest.mark.parametrize(
    ("name", "render", "says"),
    [
        ("../out.txt", "return ''", "file_name='../out.txt' is not allowed"),
        ("report.html", "return ''", "file_name='report.html' is not allowed"),
        ("run.json", "return ''", "file_name='run.json' is not allowed"),
        ("own.txt", "return 1 / 0", "report format 'broken' cannot be written (ZeroDivisionError"),
        ("own.txt", "return None", "report format 'broken' gave NoneType, not str"),
    ],
)
def test_a_report_format_that_breaks_spoils_no_other(other, tmp_path, name, render, says):
    more = {"broken": REPORT.format(name=name, render=render)}
    result = other(CHECK, points={"reports:broken": "broken:BROKEN"}, more=more)
    assert result.ret == 4
    assert says in result.stderr.str() + result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    for file in ("report.html", "summary.md", "verdicts.csv"):
        assert (tmp_path / "mimic-report" / file).is_file()


def test_a_catalog_format_that_makes_no_catalog(other, tmp_path):
    text = (
        "from mimic_checks.catalog import CatalogFormat\n"
        "def none(*, size: list = ()): return None\n"
        "NONE = CatalogFormat(name='none', catalog=none, takes_folder=False)\n"
    )
    points = {"catalogs:none": "none_format:NONE"}
    result = other(CHECK, "--vlm-catalog", "none", points=points, more={"none_format": text})
    refused(result, "catalog format 'none' gave NoneType, not Catalog", tmp_path)


def test_a_broken_registered_checks_package_is_named_and_stops_nobody_else(command, tmp_path):
    home = installed(tmp_path / "other", "others-checks", {"checks:other": "no_such_module"})
    result = command("cases", "--check", "somebody.twins", "--out", "set", path=[home])
    assert result.ret == 0
    left_out = "left out: checks 'other' of others-checks 2.5 cannot be imported"
    assert left_out in result.stderr.str()
    result = command("cases", "--check", "others.check", "--out", "more", path=[home])
    assert result.ret == 4
    assert left_out in result.stderr.str()
    assert "check='others.check' is not allowed" in result.stderr.str()


def test_a_broken_test_module_of_a_registered_package_is_named(command, tmp_path):
    home = installed(tmp_path / "other", "others-checks", {"checks:other": "others"})
    (home / "others").mkdir()
    (home / "others" / "__init__.py").write_text("")
    (home / "others" / "test_broken.py").write_text("from mimic_checks.checks import CheckSpec\n")
    result = command("cases", "--check", "somebody.twins", "--out", "set", path=[home])
    assert result.ret == 0
    assert "checks of 'others.test_broken' cannot be imported (ImportError" in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


def test_two_checks_of_one_object_are_one(other):
    """The same object at two test functions."""
    text = CHECK + "\n@check(OTHER)\ndef test_again(vlm_check):\n    vlm_check.run()\n"
    result = other(text)
    assert result.ret == 0
    result.assert_outcomes(passed=6)
