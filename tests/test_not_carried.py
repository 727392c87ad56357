"""Checks that a catalog cannot carry: skipped and counted, or left open where somebody relies on
them; all that is wrong said at once."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from mimic_checks.catalog import load_catalog
from mimic_checks.checks import run_plan
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import EmptyPool, UsageError
from mimic_checks.verdicts.not_carried import not_carried

SMALL = "rendered?scenes=400&families=0"
"""No families: spread.balanced has no case with the same objects, and few without."""
CHECKS = ("spread.balanced", "image_count.listing", "preconditions.batch")


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(SMALL)


def plan_of(catalog, *checks, named=(), **settings):
    known = find_checks()
    made = RunPlan(
        Settings(vlm="stub:oracle", **settings), [known[name] for name in checks], named=named
    )
    made.__dict__["catalog"] = catalog
    return made


def empty(plan, *checks):
    """Takes the cases of some checks away."""
    drawn = plan._drawn

    def taken(check):
        if check.check_id in checks:
            raise EmptyPool("nothing there", possible=3)
        return drawn(check)

    plan._drawn = taken
    return plan


@pytest.mark.parametrize("named", [(), ("spread.balanced",)])
def test_the_rest_is_kept_and_a_named_check_left_open(catalog, named):
    plan = empty(plan_of(catalog, *CHECKS, cases=40, named=named), "spread.balanced")
    plan.validate()
    assert [check.check_id for check in plan.checks] == list(CHECKS[1:])
    (absent,) = plan.not_carried
    assert (absent.check, absent.has, absent.asked) == ("spread.balanced", 3, 40)
    assert absent.status == ("inconclusive" if named else "skipped")
    assert plan.family.levels == 4, "what is not asked cannot fail"


def test_nothing_left_to_judge_is_refused_with_every_reason(catalog):
    plan = empty(plan_of(catalog, *CHECKS, cases=40), *CHECKS[:2])
    with pytest.raises(EmptyPool, match="no check is left to judge") as refused:
        plan.validate()
    for check in CHECKS[:2]:
        assert f"- check {check!r}: nothing there (the catalog carries 3 of 40 draws)" in str(
            refused.value
        )


def test_all_problems_are_in_one_message(catalog):
    plan = plan_of(catalog, "distractors", "image_count.listing", "image_count.common", cases=12)
    with pytest.raises(UsageError, match="^3 problems:") as refused:
        plan.validate()
    assert str(refused.value).count("can never pass check") == 3


def test_a_check_that_one_answer_passes_is_left_out_and_no_other(catalog):
    plan = plan_of(catalog, *CHECKS[1:], "distractors", cases=40)
    draws = plan.draws(find_checks()["distractors"].check)
    plan._draws["distractors"] = [draws[0]] * 39 + draws[1:2]
    plan.validate()
    assert [item.check for item in plan.not_carried] == ["distractors"]
    assert plan.not_carried[0].reason.startswith("distractors=0: the blind answer 'constant: 4'")


def test_the_harness_is_probed_with_what_there_is(catalog, monkeypatch):
    plan = plan_of(catalog, "preconditions.batch", cases=40)
    check = find_checks()["preconditions.batch"].check

    def few(strategy, n, seed, *, leave_out):
        if n > 7:
            raise EmptyPool("few", possible=7)
        return list(range(n))

    monkeypatch.setattr(run_plan, "draw", few)
    assert plan._draw(None, check) == list(range(7))


ARGUMENTS = ("--vlm", "stub:oracle", "--vlm-catalog", SMALL, "--vlm-cases", "40")
OWN = '''
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check
from mimic_checks.errors import EmptyPool

def none(catalog, *, levels, template):
    raise EmptyPool("no class has <any> case", possible=2)

def sweep(name, cases):
    words = {"title": "t", "factor": "distractors", "moves": "m"}
    return Sweep(check_id=name, levels=(0, 1), cases=cases, **words)

@check(sweep("empty", none))
def test_empty(vlm_check):
    """Nothing."""
    vlm_check.run()

@check(sweep("full", strategies.counting("distractors")))
def test_full(vlm_check):
    """Something."""
    vlm_check.run()

@check(sweep("other", strategies.counting("distractors")))
def test_other(vlm_check):
    """Something."""
    vlm_check.run()
'''


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "test_own.py").write_text(OWN)
    return folder


def run(python, folder, *arguments):
    extra = ("-p", "no:cacheprovider", "-p", "no:xdist")
    return python("pytest", [*ARGUMENTS, *extra, *arguments], folder=folder)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((".",), 0),
        (("-k", "not other"), 0),
        (("test_own.py::test_empty[verdict]", "test_own.py::test_full"), 6),
        (("-k", "empty or full"), 6),
        (("-k", "empty"), 4),
    ],
)
def test_what_is_asked_for_by_name_is_left_open(python, own, arguments, code):
    result = run(python, own, *arguments)
    assert result.ret == code
    said = result.outlines + result.errlines
    if code == 4:
        assert any("no check is left to judge" in line for line in said)
        return
    status = "inconclusive" if code else "skipped"
    assert any(f"{status}: empty: the catalog carries 2 of 40 draws" in line for line in said)


def test_terminal_report_summary_and_junit_say_what_was_skipped(python, own):
    result = run(python, own, "--junitxml", "junit.xml", ".")
    heading = "2 checks judged, 1 skipped, for which the catalog has too few cases"
    section = next(k for k, line in enumerate(result.outlines) if "language model checks" in line)
    assert result.outlines[section + 1] == heading
    report = own / "mimic-report"
    assert heading in (report / "report.html").read_text()
    assert "no class has &lt;any&gt; case" in (report / "report.html").read_text()
    assert (report / "summary.md").read_text().startswith(heading)
    stored = json.loads((report / "run.json").read_text())
    assert stored["finished"] is True
    assert [item.check for item in not_carried(stored)] == ["empty"]
    skipped = [
        case.find("skipped").get("message")
        for case in ElementTree.parse(own / "junit.xml").getroot().iter("testcase")
        if case.find("skipped") is not None
    ]
    assert len(skipped) == 3
    assert all("skipped: empty: the catalog carries 2 of 40 draws" in said for said in skipped)


@pytest.mark.slow
def test_a_check_of_the_baseline_or_the_policy_is_left_open(python, own):
    baseline = ("--vlm-baseline", "kept")
    policy = own / "policy.toml"
    policy.write_text("[defaults]\nmin_cases = 40\nmargin = 0.2\nlevel_margin = 0.2\n")
    gate = (*baseline, "--vlm-policy", "policy.toml")
    assert run(python, own, *gate, "--snapshot-update", ".").ret == 0
    result = run(python, own, *gate, ".")
    assert (result.ret, any("blocks in the policy" in x for x in result.outlines)) == (6, True)
    policy.write_text(policy.read_text() + '[checks.empty]\ntier = "warning"\n')
    assert run(python, own, *gate, ".").ret == 0
    text = (own / "kept" / "full.jsonl").read_text()
    (own / "kept" / "empty.jsonl").write_text(text.replace('"full"', '"empty"'))
    result = run(python, own, *gate, ".")
    assert (result.ret, any("stands in the baseline" in x for x in result.outlines)) == (6, True)
