"""The `vlm_check` fixture: what one pytest node of a check does, and how pytest learns of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from mimic_checks.cases import Level
from mimic_checks.checks.discovery import FoundCheck
from mimic_checks.checks.evaluation import EvaluationDied, NotMeasurable
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.gating import Gating
from mimic_checks.errors import AttentionError, RunFolderError, UsageError
from mimic_checks.verdicts import Verdict
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.gate_text import gate_failure
from mimic_checks.verdicts.result import CheckResult, LevelResult
from mimic_checks.verdicts.text import failure, level_failure

INCONCLUSIVE = "inconclusive: "


class Attach(Protocol):
    """Takes what a node came to, before pytest learns of it."""

    def __call__(
        self,
        result: CheckResult,
        verdict: Verdict,
        *,
        level: LevelResult | None = None,
        gate: CheckGate | None = None,
    ) -> None:
        """`verdict`: what counts for the run; `level`: that of a level's node; `gate`: the
        comparison with a baseline, if there is one."""


@dataclass(frozen=True)
class CheckNode:
    """One node of a check: the one of a level, or (`level` is None) that of the verdict, which
    alone is compared with a baseline. `load_baseline` takes this run's baseline text and gives the
    recorded one (None: nothing recorded); `refuse` is told why the model cannot be loaded."""

    evaluator: Evaluator
    found: FoundCheck
    level: Level | None
    attach: Attach
    refuse: Callable[[str], None] = lambda message: None
    load_baseline: Callable[[str], str | None] = lambda text: None

    def run(self) -> None:
        """Evaluates the check, if no other node has, and passes, fails or skips as this node's
        verdict says."""
        try:
            result = self.evaluator.result(self.found)
        except NotMeasurable as error:
            pytest.skip(error.reason)
        except EvaluationDied as error:
            pytest.fail(str(error), pytrace=False)
        except UsageError as error:
            if self.evaluator.session.unusable:  # no check fails for it: the run ends with exit 4
                self.refuse(str(error))
                pytest.skip(f"no model: {error}")
            if isinstance(error, RunFolderError):  # it fails for no check either
                self.refuse(str(error))
                pytest.skip(f"no output folder: {error}")
            if isinstance(error, AttentionError):
                pytest.fail(f"{self.found.check_id}: {error}", pytrace=False)
            raise
        gating = self.evaluator.session.gating
        gated = gating if gating and self.found.check_id in gating.gated else None
        # not scored at all: the harness failed, and every node says so
        if not result.levels and result.verdict == "inconclusive":
            self.attach(result, "inconclusive")
            pytest.skip(INCONCLUSIVE + result.reason)
        if self.level is not None:
            self._conclude_level(result, informs=gated is not None)
        elif gated:
            self._conclude_gate(gated, result)
        else:
            self.attach(result, result.verdict)
            if result.verdict == "fail":
                pytest.fail(failure(result), pytrace=False)
            if result.verdict == "inconclusive":
                pytest.skip(INCONCLUSIVE + result.reason)

    def _conclude_level(self, result: CheckResult, *, informs: bool) -> None:
        """`informs`: the comparison with a baseline decides, so that a level fails nothing."""
        level = next(level for level in result.levels if level.level == self.level)
        self.attach(result, "pass" if informs else level.verdict, level=level)
        if informs:
            return
        if level.verdict == "fail":
            pytest.fail(level_failure(result, level), pytrace=False)
        if level.verdict == "inconclusive":
            pytest.skip(f"{INCONCLUSIVE}{level.level}: {level.reason}")

    def _conclude_gate(self, gating: Gating, result: CheckResult) -> None:
        """With a baseline, the comparison decides, and the verdict against the thresholds is shown
        beside it."""
        now = gating.current(self.found.check_id)
        recorded = self.load_baseline(now.text())
        if gating.recording:
            self.attach(result, "pass")
            return
        if recorded is None:
            self.attach(result, "inconclusive")
            pytest.skip(
                f"{INCONCLUSIVE}no baseline is recorded for {self.found.check_id}; record it with"
                " --snapshot-update"
            )
        opener = self.evaluator.session.catalog.manifest
        gate = gating.compare(self.found.check_id, recorded, now, opener)
        verdict = gate.verdict if gate.tier == "blocking" else "pass"
        self.attach(result, verdict, gate=gate)
        if verdict == "fail":
            records = gating.folder.records_of(gate.check)
            pytest.fail(gate_failure(gate, records), pytrace=False)
        if verdict == "inconclusive":
            pytest.skip(INCONCLUSIVE + gate.reason)
