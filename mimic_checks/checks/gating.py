"""The gate of one run: its outcomes against the baselines of an earlier release.

Data in: a run folder, a folder of baselines, a policy. Data out: a `CheckGate` per check, written
beside the results.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property

from mimic_checks import __version__
from mimic_checks.cases import RULE_VERSION
from mimic_checks.catalog.images import Manifest
from mimic_checks.checks.settings import Settings
from mimic_checks.checks.specs import CHECKS, CheckSpec
from mimic_checks.errors import GateError
from mimic_checks.verdicts.baseline import (
    SUFFIX,
    Baseline,
    BaselineCase,
    baseline_of,
    parse_baseline,
    read_baselines,
    refuse_other_cases,
)
from mimic_checks.verdicts.comparison import compare_all, compare_one, effective_verdict
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.levels import Verdict
from mimic_checks.verdicts.policy import Policy, check_policy_can_decide, load_policy
from mimic_checks.verdicts.result import OutcomeLine
from mimic_checks.verdicts.store import RunFolder


class Gating:
    """The gate of a run with `--vlm-baseline`; `recording`: the baselines are to be written, not
    compared with."""

    def __init__(
        self, settings: Settings, specs: Sequence[CheckSpec], folder: RunFolder, *, recording: bool
    ) -> None:
        assert settings.baseline
        self.settings, self.folder, self.recording, self.baselines = (
            settings,
            folder,
            recording,
            settings.baseline,
        )
        self.policy: Policy = load_policy(settings.policy, CHECKS)
        self.specs = [
            spec for spec in specs if spec.gated and self.policy.tier(spec.check_id) != "off"
        ]
        self.sequential = (
            {spec.check_id for spec in self.specs if spec.sweep}
            if settings.sequential and not recording
            else set()
        )

    @cached_property
    def recorded(self) -> dict[str, Baseline]:
        """The baselines of the gated checks."""
        found, gated = read_baselines(self.baselines), [spec.check_id for spec in self.specs]
        return {check: baseline for check, baseline in found.items() if check in gated}

    @property
    def levels_in_run(self) -> int:
        """Levels that the gate judges: the correction of every fail."""
        return sum(
            len({case.level for case in baseline.cases}) for baseline in self.recorded.values()
        )

    def validate(self, draws: int, cases: dict[str, list[tuple[str, str]]]) -> None:
        """Refuses a gate that could decide nothing, and baselines of other cases, before a model is
        loaded. `draws`: of every check;
        `cases`: (level, case id) of the checks whose levels are known beforehand.

        Raises:
            GateError: a policy that gates nothing or can never pass; no baselines, or baselines of
                other cases.
        """
        check_policy_can_decide(self.policy, [spec.check_id for spec in self.specs], draws)
        if self.recording:
            return
        if not self.recorded:
            raise GateError(
                f"baseline={str(self.baselines)!r} has none of the {len(self.specs)} selected"
                " checks; record them with --snapshot-update"
            )
        for check, planned in cases.items():
            if check in self.recorded:
                refuse_other_cases(self.recorded[check], self._planned(check, planned))

    def current(self, spec: CheckSpec) -> Baseline:
        """This run's outcomes of a check, as a baseline."""
        return baseline_of(
            spec.check_id, self.folder.read(), self.folder.outcomes_of(spec.check_id)
        )

    def compare(self, spec: CheckSpec, recorded: str, now: Baseline, opener: Manifest) -> CheckGate:
        """A check (`now`) against its recorded baseline; written to the run folder with the
        pictures of flipped cases."""
        earlier = parse_baseline(recorded, str(self.baselines / spec.check_id))
        gate = compare_one(earlier, now, self.policy, self.levels_in_run, self.sequential)
        flipped = {flip.case for flip in gate.flips}
        self.folder.write_gate(gate)
        self.folder.write_pictures(
            [
                line.case
                for line in self.folder.outcomes_of(spec.check_id)
                if line.case.id in flipped
            ],
            opener,
        )
        return gate

    def order(self, spec: CheckSpec, draws: int) -> list[int]:
        """The order in which the draws of a check that may stop early are asked: random, fixed
        before the first answer."""
        order = list(range(draws))
        random.Random(f"{spec.seed(self.settings.seed)} order").shuffle(order)
        return order

    def certain(self, spec: CheckSpec, lines: Sequence[OutcomeLine]) -> bool:
        """Whether these outcomes decide the comparison already, however the others come out."""
        now = baseline_of(spec.check_id, self._run(), lines)
        return (
            compare_one(
                self.recorded[spec.check_id], now, self.policy, self.levels_in_run, self.sequential
            ).verdict
            != "inconclusive"
        )

    def compare_all(self) -> list[CheckGate]:
        """All comparisons of the run, judged together (Holm) and written again; those of checks
        without outcomes or baselines are missing."""
        if self.recording:
            return []
        judged = self.folder.gates()
        pairs = {
            spec.check_id: (self.recorded[spec.check_id], self.current(spec))
            for spec in self.specs
            if spec.check_id in judged
        }
        gates = compare_all(pairs, self.policy, self.sequential)
        for gate in gates:
            self.folder.write_gate(gate)
        return gates

    def unused(self) -> list[str]:
        """Baselines that no check reads."""
        found = [] if self.recording else sorted(set(read_baselines(self.baselines)) - set(CHECKS))
        return [
            f"{self.baselines / check}.{SUFFIX}: there is no check {check!r} (any more); delete the"
            " file"
            for check in found
        ]

    def effective_verdicts(self, gates: Sequence[CheckGate]) -> dict[str, Verdict]:
        """What each comparison does to the run, by check."""
        return {gate.check: effective_verdict(gate, self.policy) for gate in gates}

    def _planned(self, check: str, planned: Sequence[tuple[str, str]]) -> Baseline:
        """What this run will ask, with no answers yet."""
        head = baseline_of(check, self._run(), []).head
        return Baseline(
            head,
            tuple(
                BaselineCase(level=level, case=case, kind="error", answer="")
                for level, case in planned
            ),
        )

    def _run(self) -> dict[str, dict[str, object]]:
        """This run as its folder will describe it, before there is one."""
        return {
            "description": {**self.settings.describe(), "rules": RULE_VERSION, "suite": __version__}
        }
