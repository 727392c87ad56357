"""`mimic-checks burn-in`: the gate's own rates, on models whose answers to every defect are
known.
"""

from __future__ import annotations

import pytest

from mimic_checks.checks.burn_in import AGAIN, FLIPPED, SECOND, burn_in, lines
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.cli import main
from mimic_checks.models.stubs import Oracle
from mimic_checks.verdicts.policy import load_policy


def rates(tmp_path, stub, check="spread.unbalanced", histories=20, model=None):
    settings = Settings(vlm=f"stub:{stub}", cases=100, batch=8, output=tmp_path / "burn-in")
    plan = RunPlan(settings, [find_checks()[check]])
    make = (lambda: model(plan.catalog)) if model else None
    found = burn_in(CheckSession(plan, make_model=make), load_policy(), histories)
    return {(row.defect, row.strength): row for row in found.rows}


def test_no_alarm_without_a_defect_and_none_missed_at_full_strength(tmp_path):
    found = rates(tmp_path, "oracle")
    for quiet in ((SECOND, 1.0), (AGAIN, 1.0), ("images in reverse order", 1.0)):
        row = found[quiet]
        assert (row.failed, row.passed) == (0, 20), quiet
        assert (row.early_failed, row.early_passed, row.early_draws) == (0, 20, 80), quiet
    for broken in (FLIPPED, "one image dropped"):
        assert found[broken, 1.0].failed == found[broken, 1.0].early_failed == 20
        assert found[broken, 1.0].early_draws == 20
        detected = [found[broken, strength].failed for strength in (0.02, 0.1, 0.5)]
        assert detected == sorted(detected)
        assert found[broken, 0.2].drop == pytest.approx(0.2)
    assert found[FLIPPED, 0.2].early_draws < 100


def test_batches_that_change_answers_are_seen(tmp_path):
    found = rates(tmp_path, "batch-leak")
    assert abs(found[AGAIN, 1.0].drop) > 0.05
    assert found[SECOND, 1.0].drop == 0


class Forgetful(Oracle):
    """Answers a case rightly when it is first asked, and every third otherwise ever after."""

    def __init__(self, catalog):
        super().__init__(catalog)
        self.asked_before = set()

    def answer(self, prompts):
        return [
            "0" if self._forgets(prompt) else answer
            for prompt, answer in zip(prompts, super().answer(prompts), strict=True)
        ]

    def _forgets(self, prompt):
        again = prompt.case_id in self.asked_before
        self.asked_before.add(prompt.case_id)
        return again and int(prompt.case_id[:8], 16) % 3 == 0


def test_a_model_that_answers_otherwise_when_asked_again_is_a_false_alarm(tmp_path):
    """A re-run is one: the row of an unchanged model can fail."""
    row = rates(tmp_path, "oracle", model=Forgetful)[SECOND, 1.0]
    assert row.drop > 0.2
    assert row.failed == row.early_failed == 20


def test_measurements_that_a_baseline_gates_are_burnt_in(tmp_path):
    """With what they ask, and what the defect does to that: a wrong picture in a grid, say."""
    found = rates(tmp_path, "oracle", "sequence_length", histories=20)
    assert found[SECOND, 1.0].passed == 20
    assert found[FLIPPED, 1.0].failed == 20
    assert found["one image dropped", 1.0].failed == 20
    assert found[FLIPPED, 1.0].early_draws is None, "it asks a fixed number"


def test_a_check_that_the_model_cannot_be_asked_is_named(tmp_path):
    settings = Settings(vlm="stub:oracle", cases=100, output=tmp_path / "burn-in")
    names = ("pooling", "spread.unbalanced")
    plan = RunPlan(settings, [find_checks()[name] for name in names])
    found = burn_in(CheckSession(plan), load_policy(), 20)
    assert list(found.left_out) == ["pooling"]
    said = lines(found, 0.05)
    assert said[0].startswith("left out: pooling: ")
    assert found.rows[0].passed == 20


def test_the_command(tmp_path, capsys):
    arguments = [
        "burn-in",
        "--vlm",
        "stub:oracle",
        "--check",
        "spread.unbalanced",
        "--histories",
        "20",
        "--vlm-output",
        str(tmp_path / "out"),
    ]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "asked a second time 100% 0.0 points 0% [0%, 17%] 100% 0% 0% 100% 80" in " ".join(
        said.split()
    )
    assert main(arguments) == 0
    assert capsys.readouterr().out == said, "from the journals, with the same histories"
    assert main([*arguments, "--check", "knockout"]) == 4
    assert "check='knockout' is not allowed" in capsys.readouterr().err
    assert main([*arguments, "--vlm-cases", "40"]) == 4
    assert "use at least --vlm-cases 80" in capsys.readouterr().err
