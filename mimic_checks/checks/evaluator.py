"""Every check of a process evaluated once, however many of its nodes are run, and recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from mimic_checks.checks import preflight
from mimic_checks.checks.check import Check, Measurement, Survey, Sweep
from mimic_checks.checks.discovery import FoundCheck
from mimic_checks.checks.evaluation import Evaluation, EvaluationDied
from mimic_checks.checks.measures import survey, sweep
from mimic_checks.checks.measures.judge_panel import judge_panels
from mimic_checks.checks.recording import Recorder
from mimic_checks.checks.session import CheckSession
from mimic_checks.errors import ModelLoadError
from mimic_checks.runs import Condition
from mimic_checks.runs.begun import begun
from mimic_checks.verdicts import CheckVerdict
from mimic_checks.verdicts.result import CheckResult


class Evaluator:
    """The results of a session's checks."""

    def __init__(self, session: CheckSession) -> None:
        self.session = session
        self._recorder = Recorder(session.plan, session.folder)
        self._results: dict[str, CheckResult | Exception] = {}

    def result(self, found: FoundCheck) -> CheckResult:
        """The result of a check, evaluated and recorded when it is first wanted; what its
        evaluation raised is raised again.

        Raises:
            NotMeasurable: this model cannot be checked so.
            EvaluationDied: another process of the run died over it.
            MimicChecksError: the check or the model is unusable.
        """
        if found.check_id not in self._results:
            # Also a model that became so on the way, as a server does whose key is withdrawn.
            if self.session.unusable:
                raise self.session.unusable
            try:
                self._results[found.check_id] = self._evaluate(found)
            except ModelLoadError as error:
                self.session.unusable = error
                raise
            except Exception as error:
                self._results[found.check_id] = error
        result = self._results[found.check_id]
        if isinstance(result, Exception):
            raise result
        return result

    def contribute(self) -> None:
        """Answers whatever no other process of the run has taken, over all checks; nothing if this
        one's harness is wrong. A check's batches go longest first to whoever is free, so that
        processes end within a batch of each other, however their checks and devices differ."""
        for check in self.session.plan.checks:
            if preflight.problems(self.session, check.check_id):
                continue
            for condition in conditions(self.session, check):
                self.session.engine.contribute(condition)

    def _evaluate(self, found: FoundCheck) -> CheckResult:
        self.session.folder.require()
        journals = self.session.folder.path / "journal"
        with begun(journals, found.check_id) as died:
            if died:
                raise EvaluationDied(
                    f"{found.check_id}: a process died while it evaluated this check, so no other"
                    " tries it in this run; what it had answered is kept: look into the crash, and"
                    " run the same command again to go on"
                )
            began = time.monotonic()
            evaluation = self._distrust(found.check) or evaluate(self.session, found.check)
            judged = judge_panels(self.session, found.check, evaluation.outcomes)
            evaluation = replace(evaluation, panels=[*evaluation.panels, *judged])
            return self._recorder.record(found, evaluation, time.monotonic() - began)

    def _distrust(self, check: Check) -> Evaluation | None:
        """Scores nothing of a model whose harness is wrong."""
        problem = "" if check.harness else preflight.problems(self.session, check.check_id)
        if not problem:
            return None
        reason = f"not scored, for the harness itself failed: {problem}"
        return Evaluation(CheckVerdict("inconclusive", reason))


def conditions(session: CheckSession, check: Check) -> Sequence[Condition]:
    """What a check asks whatever is answered; nothing of one that may stop early, or that looks
    inside a few cases."""
    if isinstance(check, Sweep):
        return sweep.conditions(session, check)
    if isinstance(check, Survey):
        return survey.conditions(session, check)
    if isinstance(check, Measurement) and check.conditions:
        return list(check.conditions(session, check).values())
    return ()


def evaluate(session: CheckSession, check: Check) -> Evaluation:
    """What a check comes to, whether its harness is right or not.

    Raises:
        NotMeasurable: this model cannot be checked so.
    """
    if isinstance(check, Sweep):
        return sweep.evaluate(session, check)
    if isinstance(check, Survey):
        return survey.evaluate(session, check)
    assert isinstance(check, Measurement)
    return check.measure(session, check)
