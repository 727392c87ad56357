"""Every check fails on a stub with its defect and passes on the oracle: the committed table, cell
by cell.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from pathlib import Path

import pytest

from mimic_checks.checks.check_run import CheckRun
from mimic_checks.checks.preflight import PREFLIGHT
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.checks.specs import CHECKS
from mimic_checks.models import STUBS
from mimic_checks.models.stubs import Slow, make_stub

OPEN = {"pooling", "attention_by_depth", "knockout", "localization"}
HARNESS = {f"preconditions.{name}" for name in PREFLIGHT} - {
    f"preconditions.{name}" for name in ("image_blocks", "batch", "no_images")
}
"""What no stub shows; planted defects of real models are in test_preflight.py."""
TABLE = json.loads(Path(__file__).with_name("stub_verdicts.json").read_text())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One session whose catalog and draws all stubs share."""
    session = _session(tmp_path_factory.mktemp("base"), None)
    for spec in session.specs:
        session.draws(spec)
    return session


def _session(folder, stub):
    make = (lambda: stub) if stub else None
    return CheckSession(
        Settings(vlm="stub", cases=100, batch=8, output=folder),
        list(CHECKS.values()),
        make_model=make,
    )


def verdicts(drawn, name, folder):
    """The verdicts of one stub on every check, as the test functions of the package give them."""
    session = _session(folder, make_stub(name, drawn.catalog))
    session.__dict__["catalog"], session._draws = drawn.catalog, drawn._draws
    found = {}
    for spec in session.specs:
        results = []
        run = CheckRun(
            session, spec, "behaviour", lambda result, verdict, kept=results: kept.append(result)
        )
        module, function = spec.node.split("::")
        body = getattr(
            importlib.import_module(f"mimic_checks.checks.{module.removesuffix('.py')}"), function
        )
        with contextlib.suppress(pytest.fail.Exception, pytest.skip.Exception):
            body(run)
        found[spec.check_id] = results[0].verdict if results else "skipped"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STUBS))
def test_stub(drawn, name, tmp_path, monkeypatch):
    monkeypatch.setattr(Slow, "delay_s", 0.0)
    assert verdicts(drawn, name, tmp_path) == TABLE[name]


def test_the_table_proves_every_check_and_every_stub():
    assert set(TABLE) == set(STUBS)
    assert {
        verdict for check, verdict in TABLE["oracle"].items() if check not in OPEN | HARNESS
    } == {"pass"}
    assert all(set(row) == set(CHECKS) for row in TABLE.values())
    for check in CHECKS:
        if check in OPEN | HARNESS:
            found = {row[check] for row in TABLE.values()}
            assert found <= {"skipped", "inconclusive", "pass"}, (
                "a stub cannot be opened; see test_measures.py and test_preflight.py"
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
