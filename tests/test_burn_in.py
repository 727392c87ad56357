"""`mimic-checks burn-in`: the gate's own rates, on models whose answers to every defect are
known.
"""

from __future__ import annotations

import pytest

from mimic_checks.checks.burn_in import AGAIN, FLIPPED, UNCHANGED, burn_in
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.cli import main
from mimic_checks.verdicts.policy import load_policy


def rates(tmp_path, stub, check="spread.unbalanced", histories=60):
    settings = Settings(vlm=f"stub:{stub}", cases=100, output=tmp_path / "burn-in")
    session = CheckSession(RunPlan(settings, [find_checks()[check]]))
    rows = burn_in(session, load_policy(), histories)
    return {(row.defect, row.strength): row for row in rows}


def test_no_alarm_without_a_defect_and_none_missed_at_full_strength(tmp_path):
    found = rates(tmp_path, "oracle")
    for quiet in ((UNCHANGED, 0.0), (AGAIN, 1.0), ("images in reverse order", 1.0)):
        assert (found[quiet].failed, found[quiet].passed) == (0, 60), quiet
    for broken in (FLIPPED, "one image dropped"):
        assert found[broken, 1.0].failed == 60
        detected = [found[broken, strength].failed for strength in (0.02, 0.1, 0.5)]
        assert detected == sorted(detected)
        assert found[broken, 0.2].drop == pytest.approx(0.2)


def test_batches_that_change_answers_are_seen(tmp_path):
    found = rates(tmp_path, "batch-leak")
    assert abs(found[AGAIN, 1.0].drop) > 0.05
    assert found[UNCHANGED, 0.0].drop == 0


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
    assert "the same answers 0% 0.0 points 0% [0%, 17%] 100% 0%" in " ".join(said.split())
    assert main(arguments) == 0
    assert capsys.readouterr().out == said, "from the journals, with the same histories"
    assert main([*arguments, "--check", "knockout"]) == 4
    assert "check='knockout' is not allowed" in capsys.readouterr().err
    assert main([*arguments, "--vlm-cases", "40"]) == 4
    assert "use at least --vlm-cases 80" in capsys.readouterr().err
