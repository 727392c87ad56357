"""The `vlm_check` fixture: what a check's test function does with its session.

Data in: a session and the check's spec. Data out: a recorded `CheckResult`, and pytest's pass,
failure or skip.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mimic_checks.checks import preflight
from mimic_checks.checks.asks import Ask, distinct
from mimic_checks.checks.gating import Gating
from mimic_checks.checks.measures.measured import Measured
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.specs import CheckSpec
from mimic_checks.errors import AttentionError
from mimic_checks.models.controls import blanked
from mimic_checks.verdicts import CheckVerdict, tally
from mimic_checks.verdicts.gate_text import gate_failure
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.levels import level_verdict
from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.text import failure

INCONCLUSIVE = "inconclusive: "
BLANK_MARGIN = 0.1
"""With blank pictures, a rate this far above the best constant answer must be ruled out to pass."""


class CheckRun:
    """One check being run. `attach(result, verdict, gate)` receives the result, the verdict that
    counts, and the comparison with a baseline if there is one, before pytest learns of it;
    `load_baseline` takes this run's baseline text and gives the recorded one
    (None: nothing recorded)."""

    def __init__(
        self,
        session: CheckSession,
        spec: CheckSpec,
        behaviour: str,
        attach: Callable[..., None],
        load_baseline: Callable[[str], str | None] = lambda text: None,
    ) -> None:
        self.session, self.spec, self.behaviour, self._attach, self._load_baseline = (
            session,
            spec,
            behaviour,
            attach,
            load_baseline,
        )
        self._began = time.monotonic()

    def sweep(self) -> None:
        """Draws, answers and judges the check's sweep."""
        self._trust()
        gating = self.session.gating
        early = (
            gating
            and self.spec.check_id in gating.sequential
            and self.spec.check_id in gating.recorded
        )
        run = self.session.run_until_certain if early else self.session.run_sweep
        self._settle(run(self.spec, self.behaviour))

    def measure(self, function: Callable[[CheckSession, CheckSpec], Measured | str]) -> None:
        """Runs a measurement; one that cannot be made of this model is skipped with its reason."""
        self._trust()
        try:
            found = function(self.session, self.spec)
        except AttentionError as error:
            pytest.fail(f"{self.spec.check_id}: {error}", pytrace=False)
        if isinstance(found, str):
            pytest.skip(found)
        seconds = time.monotonic() - self._began
        self._settle(
            self.session.record(
                self.spec,
                self.behaviour,
                found.verdict,
                {name: list(lines) for name, lines in found.outcomes.items()},
                seconds,
                panels=found.panels,
            )
        )

    def harness(self, name: str) -> None:
        """Concludes from one test of the preflight; one that has nothing to look at is skipped."""
        problem = preflight.run(self.session)[name]
        if problem is None:
            pytest.skip(
                "nothing to look at here: the model does not show its input (a stub, a server, a"
                " family without a row in mimic_checks/attention/families.py, --vlm-stitch), or has"
                " no adapter, or keeps no answers"
            )
        self._conclude(problem)

    def not_constant(self) -> None:
        """Fails a model that says the same to all cases."""
        cases = distinct(group[0] for group in self.session.draws(self.spec))
        outcomes = self.session.answer(Ask(self.spec.check_id, cases))
        answers = {
            outcome.answer.strip().lower() for outcome in outcomes if outcome.kind != "error"
        }
        said = next(iter(answers), "nothing but errors")
        constant = (
            f"the model says the same to all {len(cases)} cases, whose answers differ: {said!r}"
        )
        self._conclude(constant if len(answers) < 2 else "")

    def _conclude(self, problem: str) -> None:
        verdict = (
            CheckVerdict("fail", problem)
            if problem
            else CheckVerdict("pass", "nothing wrong found")
        )
        self._settle(
            self.session.record(
                self.spec, self.behaviour, verdict, {}, time.monotonic() - self._began
            )
        )

    def _trust(self) -> None:
        """Scores nothing of a model whose harness is wrong."""
        problem = preflight.problems(self.session)
        if not problem:
            return
        reason = f"not scored, for the harness itself failed: {problem}"
        verdict = CheckVerdict("inconclusive", reason)
        self._attach(
            self.session.record(
                self.spec, self.behaviour, verdict, {}, time.monotonic() - self._began
            ),
            "inconclusive",
        )
        pytest.skip(INCONCLUSIVE + reason)

    def blank_images(self) -> None:
        """Judges the rate under blank pictures against the best constant answer; the real pictures
        are asked first, so that a model that remembers cases has had its chance."""
        cases = [group[0] for group in self.session.draws(self.spec)]
        self.session.answer(Ask(self.spec.check_id + ".seen", cases))
        outcomes = self.session.answer(Ask(self.spec.check_id, cases, edit=blanked))
        alpha = self.session.thresholds.of(self.spec.check_id).alpha
        name = self.spec.level_names(self.session.settings.profile)[0]
        found = tally(outcomes, alpha)
        best = found.best_constant
        low = lower(found.right, found.n, alpha / self.session.judged_levels)
        high = upper(found.right + found.error, found.n, alpha)
        if low > best:
            verdict, reason = (
                "fail",
                (
                    f"right in {found.rate:.2f} of the cases without any picture (best constant"
                    f" answer {best:.2f})"
                ),
            )
        elif high <= best + BLANK_MARGIN:
            verdict, reason = (
                "pass",
                f"at most {high:.2f} right without pictures (best constant answer {best:.2f})",
            )
        else:
            verdict, reason = (
                "inconclusive",
                (
                    f"between {low:.2f} and {high:.2f} right without pictures (best constant"
                    f" {best:.2f})"
                ),
            )
        level = level_verdict(name, found, verdict, reason, best, alpha)  # type: ignore[arg-type]
        judged = CheckVerdict(verdict, reason, (level,))  # type: ignore[arg-type]
        seconds = time.monotonic() - self._began
        self._settle(
            self.session.record(
                self.spec, self.behaviour, judged, {name: outcomes}, seconds, show=False
            )
        )

    def _settle(self, result: CheckResult) -> None:
        gating = self.session.gating
        if gating and self.spec in gating.specs:
            self._gate(gating, result)
            return
        self._attach(result, result.verdict)
        if result.verdict == "fail":
            pytest.fail(failure(result), pytrace=False)
        if result.verdict == "inconclusive":
            pytest.skip(INCONCLUSIVE + result.reason)

    def _gate(self, gating: Gating, result: CheckResult) -> None:
        """With a baseline, the comparison decides, and the verdict against the thresholds is shown
        beside it."""
        now = gating.current(self.spec)
        recorded = self._load_baseline(now.text())
        if gating.recording:
            self._attach(result, "pass")
            return
        if recorded is None:
            self._attach(result, "inconclusive")
            pytest.skip(
                f"{INCONCLUSIVE}no baseline is recorded for {self.spec.check_id}; record it with"
                " --snapshot-update"
            )
        gate = gating.compare(self.spec, recorded, now, self.session.catalog.manifest)
        verdict = gate.verdict if gate.tier == "blocking" else "pass"
        self._attach(result, verdict, gate)
        if verdict == "fail":
            pytest.fail(gate_failure(gate, gating.folder.outcomes_of(gate.check)), pytrace=False)
        if verdict == "inconclusive":
            pytest.skip(INCONCLUSIVE + gate.reason)
