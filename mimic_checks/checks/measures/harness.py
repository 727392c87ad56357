"""Preconditions: is the harness right, do answers differ, is nothing known without pictures?"""

from __future__ import annotations

from mimic_checks.cases import cases_of, scored
from mimic_checks.checks import preflight
from mimic_checks.checks.check import Measurement
from mimic_checks.checks.evaluation import Evaluation, NotMeasurable
from mimic_checks.checks.session import CheckSession
from mimic_checks.models.controls import Blanked
from mimic_checks.runs.condition import Condition, distinct_cases
from mimic_checks.verdicts import CheckVerdict, Verdict, tally
from mimic_checks.verdicts.floors import blind_of
from mimic_checks.verdicts.intervals import lower, upper
from mimic_checks.verdicts.levels import level_verdict

BLANK_MARGIN = 0.1
"""With blank pictures, a rate this far above the best blind answer must be ruled out to pass."""


def preflight_test(session: CheckSession, check: Measurement) -> Evaluation:
    """What the preflight test of the check's name says."""
    name = check.check_id.partition(".")[2]
    finding = preflight.run(session)[name]
    if finding.reason:
        raise NotMeasurable(finding.reason)
    return _concluded(finding.problem)


def answers_differ(session: CheckSession, check: Measurement) -> Evaluation:
    """Fails a model that says the same to all cases."""
    cases = distinct_cases(items[0] for items in session.plan.draws(check))
    outcomes = session.answer(Condition(check.check_id, cases))
    answers = {o.answer.strip().lower() for o in outcomes if o.kind != "error"}
    if not answers:
        reason = f"all {len(cases)} cases raised an error: {outcomes[0].answer}"
        return Evaluation(CheckVerdict("inconclusive", reason))
    answer = next(iter(answers))
    problem = f"the model says the same to all {len(cases)} cases, whose answers differ: {answer!r}"
    return _concluded(problem if len(answers) < 2 else "")


def blank_images(session: CheckSession, check: Measurement) -> Evaluation:
    """Judges the rate under blank pictures against the best blind answer; the real pictures are
    asked first, so that a model that remembers cases has had its chance."""
    items = [items[0] for items in session.plan.draws(check)]
    cases = cases_of(items)
    session.answer(Condition(check.check_id + ".seen", cases))
    blank = Condition(check.check_id, cases, transform=Blanked())
    outcomes = scored(items, session.engine.outcomes(blank))
    alpha = session.thresholds.of(check.check_id).alpha
    level = session.plan.levels(check)[0]
    counted = tally(outcomes, alpha, blind_of(outcomes, session.vocabulary))
    best = counted.floor.rate if counted.floor else 0.0
    # A fail is corrected for all levels of the run, and a pass has to hold with every error counted
    # as a right answer.
    low = lower(counted.right, counted.n, alpha * session.plan.family.weight("level"))
    high = upper(counted.right + counted.error, counted.n, alpha)
    verdict: Verdict
    if low > best:
        verdict, reason = (
            "fail",
            f"right in {counted.rate:.2f} of the cases without any picture (best blind answer"
            f" {best:.2f})",
        )
    elif high <= best + BLANK_MARGIN:
        verdict, reason = (
            "pass",
            f"at most {high:.2f} right without pictures (best blind answer {best:.2f})",
        )
    else:
        verdict, reason = (
            "inconclusive",
            f"between {low:.2f} and {high:.2f} right without pictures (best blind answer"
            f" {best:.2f})",
        )
    if counted.error:
        reason += f"; {counted.errors}"
    judged = level_verdict(level, counted, verdict, reason, best, alpha, must_look=False)
    return Evaluation(CheckVerdict(verdict, reason, (judged,)), {level: outcomes}, shown=False)


def _concluded(problem: str) -> Evaluation:
    if problem:
        return Evaluation(CheckVerdict("fail", problem))
    return Evaluation(CheckVerdict("pass", "nothing wrong found"))
