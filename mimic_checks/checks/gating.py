"""The gate of one run: its outcomes against the baselines of an earlier release."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from mimic_checks import __version__
from mimic_checks.cases import RULE_VERSION, ImageOpener, Level, Scored
from mimic_checks.checks.check import Check, Survey
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import (
    SUFFIX,
    Baseline,
    BaselineItem,
    baseline_of,
    parse_baseline,
    read_baselines,
    refuse_other_cases,
)
from mimic_checks.verdicts.comparison import (
    compare_all,
    compare_one,
    effective_verdict,
    verdict_so_far,
)
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.multiplicity import TestFamily
from mimic_checks.verdicts.not_carried import NotCarried
from mimic_checks.verdicts.planning import plan_gate, sentence
from mimic_checks.verdicts.policy import (
    Asked,
    Policy,
    check_policy_can_decide,
    family_of,
    load_policy,
)
from mimic_checks.verdicts.record import Record, records_of
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.simulated import Flips


def asked(plan: RunPlan, check: Check) -> Asked:
    """What a run asks for a check, as far as can be known before it is drawn. A file that holds
    its cases is opened."""
    if isinstance(check, Survey) and check.given:
        return Asked(len(plan.asked_levels(check)), _fewest(plan, check))
    nodes = () if check.anytime else check.node_levels(plan.settings.profile)
    return Asked(len(nodes or plan.asked_levels(check)), plan.settings.cases)


def _fewest(plan: RunPlan, check: Check) -> int:
    """The items of the level that has the fewest."""
    draws = plan.draws(check)
    return min(sum(items[k] is not None for items in draws) for k in range(len(plan.levels(check))))


class Gating:
    """The gate of a run with `--vlm-baseline`.

    `checks`: the run's checks that a baseline can gate, and whether each may stop early; plain
    data, for an xdist controller has no check at hand. `known`: ids that a policy may name.
    `recording`: the baselines are to be written, not compared with.
    """

    def __init__(
        self,
        settings: Settings,
        checks: Mapping[str, bool],
        *,
        known: Collection[str] = (),
        recording: bool = False,
    ) -> None:
        assert settings.baseline
        self.settings, self.recording, self.baselines = settings, recording, settings.baseline
        self.folder = RunFolder(settings.output)
        self.policy: Policy = load_policy(settings.policy, known)
        self.gated = [check for check in checks if self.policy.tier(check) != "off"]
        early = settings.sequential and not recording
        self.sequential = {check for check in self.gated if early and checks[check]}
        self._known = {*known, *checks}
        self._left_out: set[tuple[str, str]] = set()

    @cached_property
    def recorded(self) -> dict[str, Baseline]:
        """The baselines of the gated checks."""
        baselines = read_baselines(self.baselines)
        return {
            check: self._without_left_out(base)
            for check, base in baselines.items()
            if check in self.gated
        }

    def _without_left_out(self, baseline: Baseline) -> Baseline:
        """A baseline without the levels that this run leaves out."""
        check = baseline.head.check
        kept = (item for item in baseline.items if (check, item.level) not in self._left_out)
        return replace(baseline, items=tuple(kept))

    @property
    def family(self) -> TestFamily:
        """All that can fail in this run: the correction of every fail."""
        return family_of(
            self.policy,
            {check: Asked(levels, 0) for check, levels in self._recorded_levels().items()},
        )

    def _recorded_levels(self) -> dict[str, int]:
        return {
            check: len({item.level for item in baseline.items})
            for check, baseline in self.recorded.items()
        }

    def expected(self, partial: Collection[str] = ()) -> str:
        """What an unchanged release, and one that lost, may expect of this run, in one line; "" if
        nothing is compared. `partial`: checks whose verdict is not asked for."""
        if self.recording:
            return ""
        asked = {
            check: Asked(
                levels, len(self.recorded[check].items) // levels, anytime=check in self.sequential
            )
            for check, levels in self._recorded_levels().items()
            if check not in partial
        }
        if not any(self.policy.tier(check) == "blocking" for check in asked):
            return ""
        return sentence(plan_gate(asked, self.policy, Flips()))

    def _asked(self, plan: RunPlan) -> dict[str, Asked]:
        """What the run asks for every gated check; how many levels a measurement has is known for
        sure where it was recorded."""
        recorded = {} if self.recording else self._recorded_levels()
        found = {}
        for check in plan.checks:
            if (check_id := check.check_id) in self.gated:
                planned = asked(plan, check)
                found[check_id] = Asked(
                    recorded.get(check_id, planned.levels),
                    _fewest(plan, check),
                    anytime=check_id in self.sequential,
                )
        return found

    def validate(self, plan: RunPlan) -> None:
        """Refuses a gate that could decide nothing, and baselines of other cases, before a model is
        loaded.

        Raises:
            GateError: a policy that gates nothing, or can never pass or never fail; no baselines,
                or baselines of other cases.
        """
        checks = [check for check in plan.checks if check.check_id in self.gated]
        if not self.recording and not self.recorded:
            raise GateError(
                f"baseline={str(self.baselines)!r} has none of the {len(self.gated)} selected"
                " checks; record them with --snapshot-update"
            )
        check_policy_can_decide(self.policy, self._asked(plan))
        if self.recording:
            return
        for check in checks:
            # Which levels a measurement has, and in which conditions, is known when it has asked.
            if check.anytime and check.check_id in self.recorded:
                planned = [
                    (level.node_id, item.id)
                    for k, level in enumerate(plan.levels(check))
                    if (check.check_id, level.node_id) not in self._left_out
                    for items in plan.draws(check)
                    if (item := items[k]) is not None
                ]
                refuse_other_cases(
                    self.recorded[check.check_id], self._planned(check.check_id, planned)
                )

    def leave_out(self, items: Sequence[NotCarried]) -> list[NotCarried]:
        """The same checks and levels, gated no more; with the reason why the run is inconclusive
        without what stands in the baseline, and checks that block in the user's policy."""
        levels = {(item.check, item.level.node_id) for item in items if item.level}
        self._left_out |= {key for key in levels if key[0] in self.gated}
        return [
            *self._leave_checks_out([item for item in items if item.level is None]),
            *(
                replace(item, because="stands in the baseline")
                if item.level and (item.check, item.level.node_id) in self._levels_recorded()
                else item
                for item in items
                if item.level
            ),
        ]

    def _levels_recorded(self) -> set[tuple[str, str]]:
        """The levels of gated checks that stand in the baseline."""
        if self.recording:
            return set()
        recorded = read_baselines(self.baselines)
        return {
            (check, item.level)
            for check in self.gated
            if check in recorded
            for item in recorded[check].items
        }

    def _leave_checks_out(self, items: Sequence[NotCarried]) -> list[NotCarried]:
        absent = {item.check for item in items}
        gated = absent & set(self.gated)
        self.gated = [check for check in self.gated if check not in absent]
        if self.recording or not gated:
            return list(items)
        recorded = gated & set(read_baselines(self.baselines))
        blocking = {c for c in gated if self.settings.policy and self.policy.tier(c) == "blocking"}
        return [
            replace(item, because="stands in the baseline")
            if item.check in recorded
            else replace(item, because="blocks in the policy")
            if item.check in blocking
            else item
            for item in items
        ]

    def compares(self, check_id: str) -> bool:
        """Whether a check is compared with a recorded baseline."""
        return not self.recording and check_id in self.recorded

    def current(self, check_id: str) -> Baseline:
        """This run's outcomes of a check, as a baseline."""
        return baseline_of(check_id, self.folder.read(), self.folder.records_of(check_id))

    def compare(
        self, check_id: str, recorded: str, now: Baseline, opener: ImageOpener
    ) -> CheckGate:
        """A check (`now`) against its recorded baseline; written to the run folder with the
        pictures of flipped cases."""
        earlier = self._without_left_out(parse_baseline(recorded, str(self.baselines / check_id)))
        early = check_id in self.sequential
        gate = compare_one(earlier, now, self.policy, self.family, anytime=early)
        flipped = {flip.item for flip in gate.flips}
        self.folder.write_gate(gate)
        cases = [
            record.outcome.case
            for record in self.folder.records_of(check_id)
            if {record.outcome.id, record.group and record.group.id} & flipped
        ]
        self.folder.write_pictures(cases, opener)
        return gate

    def certain(
        self,
        check_id: str,
        by_level: Mapping[Level, Sequence[Scored]],
        row_of: Callable[[str], int],
    ) -> bool:
        """Whether these outcomes decide the comparison already, however the others come out."""
        records: list[Record] = []
        for level, items in by_level.items():
            records += records_of(check_id, level, items, row_of)
        now = baseline_of(check_id, self._run(), records)
        verdict = verdict_so_far(self.recorded[check_id], now, self.policy, self.family)
        return verdict != "inconclusive"

    def compare_all(self) -> list[CheckGate]:
        """All comparisons of the run, judged together (Holm) and written again; those of checks
        without outcomes or baselines are missing."""
        if self.recording:
            return []
        judged = self.folder.gates()
        pairs = {
            check: (self.recorded[check], self.current(check))
            for check in self.gated
            if check in judged
        }
        gates = compare_all(pairs, self.policy, self.sequential)
        for gate in gates:
            self.folder.write_gate(gate)
        return gates

    def uncompared(self, compared: Collection[str], asked: Collection[str]) -> dict[str, str]:
        """Gated checks that were not compared, and what to do about it: those that have a baseline,
        and those that were `asked` and have none."""
        if self.recording:
            return {}
        unrecorded = "no baseline is recorded; record it with --snapshot-update"
        missing = (
            "it has a baseline, but its [verdict] was skipped, not selected or not reached; run it,"
            ' or give it tier = "off" in the policy'
        )
        return {
            check: missing if check in self.recorded else unrecorded
            for check in self.gated
            if check not in compared and (check in self.recorded or check in asked)
        }

    def lets_pass(self, uncompared: Collection[str]) -> bool:
        """Whether a run may pass of which these checks were not compared: no blocking one that has
        a baseline."""
        return not any(
            check in self.recorded and self.policy.tier(check) == "blocking" for check in uncompared
        )

    def unused(self) -> list[str]:
        """Baselines that no check reads."""
        if self.recording:
            return []
        return [
            f"{self.baselines / check}.{SUFFIX}: there is no check {check!r} (any more); delete the"
            " file"
            for check in sorted(set(read_baselines(self.baselines)) - self._known)
        ]

    def effective_verdicts(self, gates: Sequence[CheckGate]) -> dict[str, Verdict]:
        """What each comparison does to the run, by check."""
        return {gate.check: effective_verdict(gate, self.policy) for gate in gates}

    def _planned(self, check_id: str, planned: Sequence[tuple[str, str]]) -> Baseline:
        """What this run will ask, with no answers yet."""
        head = baseline_of(check_id, self._run(), []).head
        items = (
            BaselineItem(level=level, item=item, kind="error", answer="") for level, item in planned
        )
        return Baseline(head, tuple(items))

    def _run(self) -> dict[str, Any]:
        """This run as its folder will describe it, before there is one."""
        described = {**self.settings.describe(), "rules": RULE_VERSION, "suite": __version__}
        return {"description": described}
