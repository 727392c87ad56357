"""`mimic-checks plan`, and the sentence before a run that has a baseline."""

from __future__ import annotations

import importlib.util
import json
import re

import pytest

from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.gating import Gating
from mimic_checks.checks.planned_run import question_of
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.cli import main
from mimic_checks.errors import UsageError
from mimic_checks.verdicts import planning
from mimic_checks.verdicts.plan_text import plan_lines
from mimic_checks.verdicts.policy import load_policy
from mimic_checks.verdicts.simulated import Flips

PLAN = ("-p", "no:cacheprovider", "-q", "--pyargs", "mimic_checks.checks")
PLAN = (*PLAN, "-p", "mimic_checks.plugin.planned")


@pytest.fixture
def few_histories(monkeypatch):
    monkeypatch.setattr(planning, "HISTORIES", 200)
    monkeypatch.setattr(planning, "HISTORIES_IN_ROUNDS", 100)
    planning.simulate.cache_clear()
    yield
    planning.simulate.cache_clear()


def question(*checks, policy=None, flips=0.01, power=0.9, rate=0.8, seconds=0.0, **settings):
    known = find_checks()
    selected = settings.pop("selected", None)
    made = Settings(vlm="", **settings)
    plan = RunPlan(made, [known[name] for name in checks], selected=selected)
    return question_of(
        plan,
        policy or load_policy(),
        Flips(flips),
        power=power,
        rate=rate,
        seconds_per_call=seconds,
    )


@pytest.mark.slow
def test_a_plan_takes_the_options_of_a_run_and_says_what_to_expect(python, tmp_path):
    """No model is named, no catalog opened, no folder made, and workers change nothing."""
    (tmp_path / "policy.toml").write_text("[defaults]\nrule = 'per_level'\nmargin = 0.15\n")
    alone = ("-n0",) if importlib.util.find_spec("xdist") else ()
    said = python(
        "pytest",
        (
            *(*PLAN, "-k", "test_common or test_blank", "--vlm-cases", "90"),
            *("--vlm-profile", "mimic", "--vlm-policy", "policy.toml", "--vlm-sequential"),
            *("--vlm-catalog", "coco:nowhere", "--seconds-per-call", "0.5", "--flips", "0.005"),
            *alone,
        ),
        folder=tmp_path,
    )
    assert said.ret == 0
    lines = said.outlines
    (row,) = (line for line in lines if line.startswith("image_count.common") and "once" in line)
    assert re.search(r"4 x 90 +at once .* 90 +360$", row)
    (rounds,) = (line for line in lines if line.startswith("whole run in rounds (this run)"))
    assert re.search(r"an unchanged release passes the gate with .*GPU seconds$", rounds)
    assert "0.5 % of answers flip each way" in lines[0]
    assert not any("preconditions" in line or "collected" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["policy.toml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-k", "test_knockout"], "nothing to plan|have no plan"),
        (["-k", "nothing_at_all"], "no check is selected"),
        (["-k", "test_common", "--flips", "0.3"], "flips=0.3 is not allowed"),
        (["-k", "test_common", "--vlm-cases", "20"], "can never pass check 'image_count.common'"),
    ],
)
def test_what_has_no_plan_is_refused(python, tmp_path, arguments, message):
    said = python("pytest", [*PLAN, *arguments], folder=tmp_path)
    assert said.ret == 4
    assert re.search(message, "\n".join(said.errlines))


def test_a_module_that_cannot_be_imported_is_named_and_nothing_planned(python, tmp_path):
    (tmp_path / "test_broken.py").write_text("import no_such_module_at_all\n")
    said = python("pytest", [*PLAN, "test_broken.py", "-k", "test_common"], folder=tmp_path)
    assert said.ret == 4
    assert "No module named 'no_such_module_at_all'" in "\n".join(said.errlines)
    assert not any("unchanged release" in line for line in said.outlines)


def test_the_command_hands_everything_on(monkeypatch):
    given = []
    monkeypatch.setattr(
        "mimic_checks.commands.plan.call_pytest", lambda arguments: given.extend(arguments) or 0
    )
    assert main(["plan", "--flips", "0.02", "-k", "test_spread", "--vlm-sequential"]) == 0
    assert given[:2] == ["-p", "mimic_checks.plugin.planned"]
    for pair in (["-k", "test_spread"], ["--flips", "0.02"]):
        at = given.index(pair[0])
        assert given[at : at + 2] == pair
    assert "--vlm-sequential" in given


def test_a_run_without_a_baseline_is_planned_for_thresholds_and_a_later_gate(few_histories):
    asked = question("spread.balanced", "pooling", cases=100)
    assert set(asked.gated) == {"spread.balanced", "pooling"}
    assert set(asked.swept) == set(asked.early) == {"spread.balanced"}
    lines = plan_lines(asked)
    rows = [line.split() for line in lines if line.startswith(("spread", "pooling"))]
    # pooling is asked at once in any case.
    assert [row[0] for row in rows] == ["spread.balanced", "spread.balanced", "pooling"]
    totals = [
        float(re.search(r"(\d+) calls", line)[1]) for line in lines if line.startswith("whole run")
    ]
    assert totals[0] == 8 * 100
    assert totals[1] <= totals[0]
    told = re.search(
        r"(\d+) cases per level \((\d+) calls\) at once, at most (\d+) cases per level"
        r" \((\d+) calls\) in rounds; cheaper: (.*)$",
        lines[-1],
    )
    assert int(told[2]) == 8 * int(told[1])
    assert int(told[1]) < int(told[3])
    cheaper = "--vlm-sequential" if int(told[4]) < int(told[2]) else "a fixed number"
    assert told[5] == cheaper


def test_only_whole_blocking_checks_are_gated_and_those_in_the_baseline(few_histories, tmp_path):
    off = load_policy_text(tmp_path, '[checks."spread.unbalanced"]\ntier = "off"\n')
    asked = question("spread.balanced", "spread.unbalanced", policy=off)
    assert set(asked.gated) == {"spread.balanced"}
    assert set(asked.swept) == {"spread.balanced", "spread.unbalanced"}
    baselines = tmp_path / "baselines"
    record(baselines, "spread.unbalanced", levels=4, cases=80)
    asked = question("spread.balanced", "spread.unbalanced", baseline=baselines)
    assert set(asked.gated) == {"spread.unbalanced"}
    level = next(iter(find_checks()["spread.balanced"].check.node_levels("standard")))
    selected = {"spread.balanced": {level}}
    asked = question("spread.balanced", "spread.unbalanced", selected=selected)
    assert set(asked.gated) == set(asked.swept) == {"spread.unbalanced"}


@pytest.mark.parametrize(
    "numbers", [{"power": 1.0}, {"power": 0.0}, {"rate": 1.0}, {"seconds": -1.0}]
)
def test_numbers_out_of_range_are_refused(numbers):
    with pytest.raises(UsageError, match="not allowed"):
        question("spread.balanced", **numbers)


def load_policy_text(folder, text):
    (folder / "policy.toml").write_text(text)
    return load_policy(folder / "policy.toml")


def record(folder, check, *, levels, cases):
    """A baseline of so many right answers."""
    folder.mkdir(exist_ok=True)
    head = {
        "format": 2,
        "check": check,
        "rules": 2,
        "suite": "0",
        "drawn": {},
        "sampling": {},
        "model": {},
    }
    items = [
        {"level": f"spread{k}", "item": f"{n}", "kind": "right", "answer": "1"}
        for k in range(levels)
        for n in range(cases)
    ]
    text = "\n".join(json.dumps(one) for one in (head, *items))
    (folder / f"{check}.jsonl").write_text(text + "\n")


def gating(folder, **settings):
    made = Settings(vlm="", baseline=folder, **settings)
    return Gating(made, {"spread.unbalanced": True, "spread.balanced": True})


def test_before_a_run_its_gate_says_what_it_can_tell_apart(few_histories, tmp_path):
    record(tmp_path / "b", "spread.unbalanced", levels=4, cases=200)
    said = gating(tmp_path / "b").expected()
    assert said.startswith("with 200 cases, an unchanged release passes this run with probability")
    assert "(1 % of answers flip each way); a level that lost 20 points is found with" in said
    early = gating(tmp_path / "b", sequential=True).expected()
    assert early.startswith("with at most 200 cases")
    # A verdict that is not asked for is compared with nothing.
    assert gating(tmp_path / "b").expected(["spread.unbalanced"]) == ""


@pytest.mark.slow
def test_the_sentence_stands_before_the_first_test_and_in_the_report(python, tmp_path):
    run = ("--pyargs", "mimic_checks.checks", "-p", "no:cacheprovider", "--vlm-cases", "80")
    run = (*run, "-k", "test_common", "--vlm", "stub:oracle", "--vlm-baseline", "b")
    assert python("pytest", [*run, "--snapshot-update"], folder=tmp_path).ret == 0
    said = python("pytest", [*run, "--collect-only"], folder=tmp_path)
    assert not any("unchanged release" in line for line in said.outlines)
    said = python("pytest", run, folder=tmp_path)
    (at,) = (k for k, line in enumerate(said.outlines) if "an unchanged release passes" in line)
    (first,) = (k for k, line in enumerate(said.outlines) if "test_image_count.py" in line)
    assert at < first
    sentence = said.outlines[at]
    assert sentence.startswith("with 80 cases, ")
    folder = tmp_path / "mimic-report"
    assert json.loads((folder / "run.json").read_text())["expected"] == sentence
    assert sentence in (folder / "summary.md").read_text()
    assert "an unchanged release passes this run" in (folder / "report.html").read_text()
