"""What the parts of a check session owe each other, without pytest around them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimic_checks.cases import Level
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.discovery import FoundCheck, find_checks
from mimic_checks.checks.evaluation import Evaluation, NotMeasurable
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.recording import Recorder
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.verdicts import CheckVerdict
from mimic_checks.verdicts.estimates import drop_from
from mimic_checks.verdicts.evidence import FIXED_NUMBER
from mimic_checks.verdicts.new_photos import new_photos
from mimic_checks.verdicts.record import scored_by_level
from mimic_checks.verdicts.run_folder import RunFolder

SMALL = "rendered?scenes=200&families=0"
SPREAD = "spread.unbalanced"


def settings(tmp_path):
    return Settings(vlm="stub:oracle", catalog=SMALL, cases=20, output=tmp_path / "out")


@pytest.mark.parametrize("error", [NotMeasurable("closed"), ValueError("broken")])
def test_a_check_that_raises_is_evaluated_once(tmp_path, error):
    """Every node of it gets what the first one got."""
    asked = []

    def measure(session, check):
        asked.append(check)
        raise error

    broken = Measurement(
        check_id="mine.broken",
        title="Broken",
        factor="images",
        moves="nothing",
        levels=(1,),
        cases=lambda catalog, **more: None,
        measure=measure,
        harness=True,
    )
    found = FoundCheck(broken, "mine", "test_broken", "It breaks.")
    evaluator = Evaluator(CheckSession(RunPlan(settings(tmp_path), [found])))
    for _ in range(3):
        with pytest.raises(type(error)) as raised:
            evaluator.result(found)
        assert raised.value is error
    assert len(asked) == 1


def test_selected_levels_are_judged_as_strictly_as_all(tmp_path):
    """Or a level alone would fail where the whole check, on the same answers, does not."""
    found = [find_checks()[SPREAD]]
    some = RunPlan(settings(tmp_path), found, selected={SPREAD: [Level("spread", 3)]})
    assert [level.value for level in some.asked_levels(found[0].check)] == [1, 3]
    assert some.family.levels == RunPlan(settings(tmp_path), found).family.levels == 4


def test_what_is_recorded_of_a_level_has_its_photos_and_its_drop(tmp_path):
    """Of the outcomes of this very level, against those of the reference, at the run's alpha."""
    found = find_checks()[SPREAD]
    plan = RunPlan(replace(settings(tmp_path), vlm="stub:first-image-only"), [found])
    RunFolder(tmp_path / "out").prepare(plan.describe())
    session = CheckSession(plan)
    result = Evaluator(session).result(found)
    by_level = scored_by_level(session.folder.records_of(SPREAD))
    reference, second, *_ = result.levels
    assert reference.drop == 0
    items = by_level[second.level]
    assert second.photos == len({image for item in items for image in item.case.images})
    reach = new_photos(items, result.alpha)
    assert (second.effective, (second.new_low, second.new_high)) == (
        reach.effective,
        reach.interval,
    )
    drop = drop_from(by_level[reference.level], items, result.alpha, FIXED_NUMBER)
    assert (second.drop, second.drop_low, second.drop_high) == drop
    assert second.drop > 0.9


def test_a_wrong_harness_is_the_reason_also_where_no_verdict_is_selected(tmp_path):
    found = find_checks()[SPREAD]
    plan = RunPlan(settings(tmp_path), [found], selected={SPREAD: [Level("spread", 3)]})
    folder = RunFolder(tmp_path / "out")
    folder.prepare(plan.describe())
    wrong = Evaluation(CheckVerdict("inconclusive", "not scored, for the harness failed"))
    result = Recorder(plan, folder).record(found, wrong, 0.0)
    assert (result.judged, result.reason) == (True, "not scored, for the harness failed")


CHECK = """
from mimic_checks.checks.check import Sweep, check

def sweep(name):
    return Sweep(check_id=name, title="Title", factor="images", moves="images", levels=(1, 2),
                 cases=lambda catalog, **more: None)

@check(sweep("{name}.plain"))
def test_plain(vlm_check):
    vlm_check.run()

class TestThem:
    @check(sweep("{name}.class"))
    def test_in_a_class(self, vlm_check):
        vlm_check.run()
"""


def test_checks_of_classes_and_of_files_with_one_name_are_found(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_of_one_name.py").write_text(CHECK.replace("{name}", name))
    found = find_checks([str(tmp_path / "here"), str(tmp_path / "there")])
    assert {check for check in found if check.split(".")[0] in ("here", "there")} == {
        "here.plain",
        "here.class",
        "there.plain",
        "there.class",
    }
