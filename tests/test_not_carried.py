"""Checks that a catalog cannot carry: skipped and counted, or left open where somebody relies on
them; all that is wrong said at once."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from mimic_checks.cases import Level
from mimic_checks.catalog import load_catalog
from mimic_checks.checks import run_plan
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import EmptyPool, UsageError
from mimic_checks.verdicts.not_carried import not_carried, stored

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


def alike(plan, check, *columns):
    """Has a check ask the same cases at some levels in nearly all draws."""
    draws = plan.draws(find_checks()[check].check)
    plan._draws[check] = [
        tuple(draws[0][k] if k in columns else item for k, item in enumerate(items))
        for items in draws[:-1]
    ] + draws[-1:]
    return plan


@pytest.mark.parametrize("named", [(), ("distractors",)])
def test_an_untestable_level_is_left_out_and_its_check_judged_on_the_others(catalog, named):
    plan = alike(plan_of(catalog, "distractors", cases=40, named=named), "distractors", 1, 3)
    plan.validate()
    check = find_checks()["distractors"].check
    assert [item.name for item in plan.not_carried] == [
        "distractors distractors=1",
        "distractors distractors=7",
    ]
    left_out = plan.not_carried[0]
    assert left_out.text.startswith("untestable: the blind answer 'two per image', which is")
    assert left_out.text.endswith("right in 0.97 of 40 cases, proves as much as a perfect model")
    assert left_out.status == "skipped", "the check was asked for, not that level"
    assert [level.value for level in plan.asked_levels(check)] == [0, 3]
    assert plan.family.levels == 2, "what is not asked cannot fail"
    assert {len(case.images) for case in plan.cases(check)} == {1, 4}
    assert plan.describe()["checks"]["distractors"]["levels"] == ["distractors=0", "distractors=3"]
    assert not_carried({"not_carried": json.loads(json.dumps(stored(plan.not_carried)))}) == (
        plan.not_carried
    )


@pytest.mark.parametrize(
    ("columns", "selected"),
    [
        pytest.param((0,), None, id="the reference"),
        pytest.param((1, 2, 3), None, id="all but the reference"),
        pytest.param((2,), (3,), id="all that are selected"),
    ],
)
def test_a_check_of_which_nothing_is_left_to_prove_is_not_carried(catalog, columns, selected):
    check = find_checks()["distractors"].check
    plan = plan_of(catalog, "distractors", "image_count.listing", cases=40)
    if selected:
        plan._selected["distractors"] = {Level("distractors", value) for value in selected}
    alike(plan, "distractors", *columns).validate()
    assert [(item.check, item.level) for item in plan.not_carried] == [("distractors", None)]
    level = plan.levels(check)[columns[0]]
    assert plan.not_carried[0].reason.startswith(f"{level}: the blind answer")


def test_a_level_that_was_selected_by_name_is_left_open(catalog):
    plan = plan_of(catalog, "distractors", cases=40)
    plan._selected["distractors"] = {Level("distractors", 1), Level("distractors", 3)}
    alike(plan, "distractors", 1).validate()
    (left_out,) = plan.not_carried
    assert (left_out.status, left_out.level) == ("inconclusive", Level("distractors", 1))
    other = plan_of(catalog, "distractors", cases=40)
    other._selected["distractors"] = {Level("distractors", 3)}
    alike(other, "distractors", 1).validate()
    assert other.not_carried == [], "nobody asked for it"


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


BLIND = '''
from mimic_checks.checks import strategies
from mimic_checks.checks.check import Sweep, check

def draws(catalog, *, levels, template):
    """At the second level, four are right whatever is asked."""
    from hypothesis import strategies as st
    from mimic_checks.cases import counting_cases, counting_sweep

    sweep = counting_sweep(catalog, factor="distractors", levels=levels, template=template)
    four = counting_cases(catalog, instances=4, distractors=1, template=template)
    return st.tuples(sweep, four).map(lambda drawn: (drawn[0][0], drawn[1], drawn[0][2]))

@check(Sweep(check_id="half", title="t", factor="distractors", moves="m", levels=(0, 1, 2),
             cases=draws))
def test_half(vlm_check):
    """Something."""
    vlm_check.run()
'''


@pytest.fixture
def half(tmp_path):
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "test_half.py").write_text(BLIND)
    return folder


LEFT_OUT = "half distractors=1: untestable"


@pytest.mark.parametrize(
    ("arguments", "code"), [((".",), 0), (("-k", "distractors1 or distractors2"), 6)]
)
def test_an_untestable_level_is_said_first_and_everywhere(python, half, arguments, code):
    result = run(python, half, "--junitxml", "junit.xml", *arguments)
    status = "inconclusive" if code else "skipped"
    heading = (
        f"1 checks judged; levels: 1 {'left open' if code else 'skipped'}, where a blind answer is"
        " as good as any"
    )
    assert result.ret == code
    section = next(k for k, line in enumerate(result.outlines) if "language model checks" in line)
    assert result.outlines[section + 1] == heading
    assert any(line.startswith(f"{status}: {LEFT_OUT}") for line in result.outlines)
    report = half / "mimic-report"
    assert LEFT_OUT in (report / "report.html").read_text()
    assert heading in (report / "report.html").read_text()
    assert (report / "summary.md").read_text().startswith(heading)
    assert LEFT_OUT in (report / "summary.md").read_text()
    results = json.loads((report / "results" / "half.json").read_text())
    assert [level["level"]["value"] for level in results["levels"]] == [0, 2]
    lines = (report / "outcomes" / "half.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in lines]
    assert {record["level"]["value"] for record in asked} == {0, 2}, "its cases are not asked"
    skipped = [
        case.find("skipped").get("message")
        for case in ElementTree.parse(half / "junit.xml").getroot().iter("testcase")
        if case.find("skipped") is not None
    ]
    assert any(f"{status}: {LEFT_OUT}" in said for said in skipped)


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["0", "2"])
def test_an_untestable_level_of_the_baseline_is_left_open_and_the_others_compared(
    python, half, workers
):
    policy = half / "policy.toml"
    policy.write_text("[defaults]\nmin_cases = 40\nmargin = 0.2\nlevel_margin = 0.2\n")
    gate = ("--vlm-baseline", "kept", "--vlm-policy", "policy.toml", "-p", "no:cacheprovider")
    gate += ("-p", "xdist", "-n", workers) if workers != "0" else ("-p", "no:xdist")
    assert python("pytest", [*ARGUMENTS, *gate, "--snapshot-update", "."], folder=half).ret == 0
    result = python("pytest", [*ARGUMENTS, *gate, "."], folder=half)
    assert result.ret == 0, "recorded and compared without it"
    kept = half / "kept" / "half.jsonl"
    lines = kept.read_text().splitlines()
    earlier = [line.replace("distractors2", "distractors1") for line in lines[-40:]]
    kept.write_text("\n".join([*lines, *earlier]) + "\n")
    result = python("pytest", [*ARGUMENTS, *gate, "."], folder=half)
    assert result.ret == 6
    assert any("for it stands in the baseline" in line for line in result.outlines)
    gates = json.loads((half / "mimic-report" / "gates" / "half.json").read_text())
    assert gates["verdict"] == "pass"
    assert [level["level"] for level in gates["levels"]] == ["distractors0", "distractors2"]
