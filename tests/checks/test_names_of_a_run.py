"""`--vlm-names`: what a run's questions call classes, and that it is another run for it."""

from __future__ import annotations

import pytest

from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import InvalidArgument


def plan(tmp_path, text):
    file = tmp_path / "names.toml"
    file.write_text(text)
    spread = find_checks()["spread.balanced"]
    settings = Settings(vlm="stub:oracle", cases=40, names=file, output=tmp_path / "out")
    return RunPlan(settings, [spread])


def test_questions_and_answers_go_by_the_file(tmp_path):
    run = plan(tmp_path, '[key]\ndisplay = "door key"\nsynonyms = ["opener"]\n')
    run.validate()
    questions = {case.question for check in run.checks for case in run.cases(check)}
    assert any("door keys" in question for question in questions)
    assert not any(" keys " in question.replace("door keys", "") for question in questions)
    assert run.vocabulary.spellings["openers"] == "key"
    assert run.describe()["names"] == {
        "displays": {"key": "door key"},
        "plurals": {},
        "synonyms": {"key": ["opener"]},
    }


def test_a_class_that_the_catalog_lacks_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match=r"vlm-names=.*no such class: 'kee'"):
        plan(tmp_path, "[kee]\n").validate()
