"""Every check fails on a stub with its defect and passes on the oracle: the committed table, cell
by cell.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluation import NotMeasurable
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.preflight import PREFLIGHT
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.models import STUBS
from mimic_checks.models.stubs import Slow, make_stub

CHECKS = find_checks()
WHITE_BOX = {"pooling", "attention_by_depth", "knockout", "localization"}
HARNESS = {f"preconditions.{name}" for name in PREFLIGHT} - {
    f"preconditions.{name}" for name in ("image_blocks", "batch", "no_images")
}
"""What no stub shows; planted defects of real models are in test_preflight.py."""
TABLE = json.loads(Path(__file__).with_name("stub_verdicts.json").read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One plan whose catalog and draws all stubs share."""
    plan = _plan(tmp_path_factory.mktemp("base"))
    for check in plan.checks:
        plan.draws(check)
    return plan


def _plan(folder):
    settings = Settings(vlm="stub", cases=100, batch=8, output=folder)
    return RunPlan(settings, list(CHECKS.values()))


def verdicts(drawn, name, folder):
    """The verdicts of one stub on every check."""
    plan = _plan(folder)
    plan.__dict__["catalog"], plan._draws = drawn.catalog, drawn._draws
    stub = make_stub(name, drawn.catalog)
    evaluator = Evaluator(CheckSession(plan, make_model=lambda: stub))
    found = {}
    for check, it in CHECKS.items():
        try:
            found[check] = evaluator.result(it).verdict
        except NotMeasurable:
            found[check] = "skipped"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STUBS))
def test_stub(drawn, name, tmp_path, monkeypatch):
    monkeypatch.setattr(Slow, "delay_s", 0.0)
    assert verdicts(drawn, name, tmp_path) == TABLE[name]


def test_the_table_proves_every_check_and_every_stub():
    assert set(TABLE) == set(STUBS)
    assert {
        verdict for check, verdict in TABLE["oracle"].items() if check not in WHITE_BOX | HARNESS
    } == {"pass"}
    assert all(set(row) == set(CHECKS) for row in TABLE.values())
    for check in CHECKS:
        if check in WHITE_BOX | HARNESS:
            found = {row[check] for row in TABLE.values()}
            assert found <= {"skipped", "inconclusive", "pass"}, (
                "nobody can look into a stub; see test_measures.py and test_preflight.py"
            )
            continue
        assert any(row[check] == "fail" for row in TABLE.values()), f"no stub fails {check}"
    for name, row in TABLE.items():
        if name in (
            "oracle",
            "slow",
            "fragile",
        ):  # slow is right, only late; fragile's errors prove nothing
            continue
        assert "fail" in row.values(), f"{name} fails nothing"
    for name in ("raising", "fragile"):
        assert {TABLE[name][check] for check in CHECKS if check.startswith("spread")} == {
            "inconclusive"
        }, "errors prove nothing"
