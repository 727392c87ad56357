"""What a run would ask, for a plan: no catalog is opened, nothing is drawn, no model is loaded."""

from __future__ import annotations

from mimic_checks.checks.check import Sweep
from mimic_checks.checks.gating import asked
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.errors import InvalidArgument
from mimic_checks.verdicts.baseline import read_baselines
from mimic_checks.verdicts.plan_text import Question
from mimic_checks.verdicts.policy import Policy, check_policy_can_decide
from mimic_checks.verdicts.simulated import Flips


def question_of(
    plan: RunPlan,
    policy: Policy,
    flips: Flips,
    *,
    power: float,
    rate: float,
    seconds_per_call: float,
) -> Question:
    """What a plan of this run is to answer. With a baseline, its gate is over the checks that stand
    in it; without one, over all that one could gate.

    Raises:
        UsageError: numbers out of range, nothing to plan, or a policy that decides nothing.
    """
    for name, value, high in (("power", power, 1.0), ("rate", rate, 1.0)):
        if not 0 < value < high:
            raise InvalidArgument(name, value, allowed=f"above 0 and below {high:g}")
    if not seconds_per_call >= 0:
        raise InvalidArgument("seconds-per-call", seconds_per_call, allowed="0 (unknown) or more")
    settings = plan.settings
    whole = [check for check in plan.checks if not plan.is_partial(check)]
    recorded = read_baselines(settings.baseline) if settings.baseline else None
    gated = {
        check.check_id: asked(plan, check)
        for check in whole
        if check.gated
        and policy.tier(check.check_id) != "off"
        and (recorded is None or check.check_id in recorded)
    }
    swept = {check.check_id: asked(plan, check) for check in whole if isinstance(check, Sweep)}
    if not gated and not swept:
        raise InvalidArgument(
            "checks",
            [check.check_id for check in plan.checks],
            allowed="at least one whole sweep, or one that a baseline gates, among the selected",
            hint="what looks inside a model, and single levels of a check, have no plan",
        )
    if gated:
        check_policy_can_decide(policy, gated)
    return Question(
        gated=gated,
        swept=swept,
        early=frozenset(check.check_id for check in whole if check.anytime),
        policy=policy,
        thresholds=plan.thresholds,
        flips=flips,
        power=power,
        rate=rate,
        seconds_per_call=seconds_per_call,
        sequential=settings.sequential,
    )
