"""Plans, as people read them: a run asked at once beside the same run in rounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mimic_checks.verdicts.planning import LOST, Planned, cases_for, floored, plan_gate
from mimic_checks.verdicts.policy import Asked, Policy
from mimic_checks.verdicts.simulated import Flips
from mimic_checks.verdicts.threshold_planning import ThresholdPlan, plan_thresholds
from mimic_checks.verdicts.thresholds import ThresholdTable


@dataclass(frozen=True, slots=True)
class Question:
    """What a plan is asked for. `gated`, `swept`: what the run asks of the checks that a baseline
    gates, and that are judged by thresholds level by level; `early`: those that may stop early.
    `rate`: what a model that passes is right in at the reference. `seconds_per_call`: of the
    device; 0: unknown."""

    gated: Mapping[str, Asked]
    swept: Mapping[str, Asked]
    early: frozenset[str]
    policy: Policy
    thresholds: ThresholdTable
    flips: Flips
    power: float
    rate: float
    seconds_per_call: float
    sequential: bool

    def asked(self, checks: Mapping[str, Asked], *, anytime: bool) -> dict[str, Asked]:
        """What is asked if the run is made at once, or in rounds."""
        return {
            check: replace(one, anytime=anytime and check in self.early)
            for check, one in checks.items()
        }


@dataclass(frozen=True, slots=True)
class Way:
    """A run made in one way: its gate, and its thresholds by check."""

    name: str
    gate: Planned | None
    swept: Mapping[str, ThresholdPlan]
    asked: Mapping[str, Asked]

    def draws(self, check: str) -> float:
        """Draws of an unchanged release until thresholds and gate are certain, the later of both
        on average, which is a little less than the average of the later."""
        gate = self.gate.checks[check].draws if self.gate and check in self.gate.checks else 0.0
        return max(gate, self.swept[check].draws if check in self.swept else 0.0)

    def calls(self, check: str) -> float:
        """Answers."""
        return self.draws(check) * self.asked[check].levels

    @property
    def all_calls(self) -> float:
        """Answers of the whole run."""
        return sum(self.calls(check) for check in self.asked)

    @property
    def all_pass(self) -> float:
        """That such a model passes the thresholds of every sweep."""
        product = 1.0
        for plan in self.swept.values():
            product *= plan.passes
        return product


def plan_lines(question: Question) -> list[str]:
    """What to expect of a run, per check and in all, both ways, and what would be enough."""
    ways = [way(question, "at once", anytime=False), way(question, "in rounds", anytime=True)]
    lines = [_assumptions(question), "", *_table(question, ways), ""]
    lines += [_total(question, one) for one in ways]
    if question.gated:
        lines.append(_enough(question))
    return lines


def way(question: Question, name: str, *, anytime: bool) -> Way:
    """The run made in one way."""
    gated = question.asked(question.gated, anytime=anytime)
    swept = question.asked(question.swept, anytime=anytime)
    return Way(
        name,
        plan_gate(gated, question.policy, question.flips) if gated else None,
        {
            check: plan_thresholds(
                one, question.thresholds.of(check), question.rate, question.flips
            )
            for check, one in swept.items()
        },
        {**swept, **gated},
    )


def _assumptions(question: Question) -> str:
    return (
        f"without any change, {question.flips}; thresholds: of a model that is right in"
        f" {100 * question.rate:g} % at the reference and keeps all of it at every level"
    )


def _table(question: Question, ways: Sequence[Way]) -> list[str]:
    rows = [
        (
            "check",
            "asked",
            "way",
            "thresholds: passes",
            "gate: passes",
            f"lost {100 * LOST:g} points: found",
            "draws",
            "calls",
        )
    ]
    for check, asked in ways[0].asked.items():
        for one in ways if check in question.early else ways[:1]:
            gate = one.gate.checks.get(check) if one.gate else None
            rows.append(
                (
                    check,
                    f"{asked.levels} x {asked.cases}",
                    one.name,
                    floored(one.swept[check].passes) if check in one.swept else "-",
                    floored(gate.passes) if gate else "-",
                    floored(gate.found) if gate else "-",
                    f"{one.draws(check):.0f}",
                    f"{one.calls(check):.0f}",
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _total(question: Question, one: Way) -> str:
    said = [f"thresholds pass with {floored(one.all_pass)}"] if one.swept else []
    if one.gate:
        said.append(f"an unchanged release passes the gate with {floored(one.gate.passes)}")
        said.append(
            f"a level that lost {100 * LOST:g} points is found with {floored(one.gate.found)}"
        )
    seconds = one.all_calls * question.seconds_per_call
    cost = f", {seconds:.0f} GPU seconds" if question.seconds_per_call else ""
    chosen = " (this run)" if (one.name == "in rounds") == question.sequential else ""
    return f"whole run {one.name}{chosen}: {'; '.join(said)}; {one.all_calls:.0f} calls{cost}"


def _enough(question: Question) -> str:
    """What reaches the wanted power, both ways, and which of them asks less."""
    needed: list[tuple[str, float]] = []
    for anytime in (False, True):
        asked = question.asked(question.gated, anytime=anytime)
        cases = cases_for(question.power, asked, question.policy, question.flips)
        if cases is None:
            needed.append(("more than anybody asks", math.inf))
        else:
            wider = {check: replace(one, cases=cases) for check, one in asked.items()}
            calls = plan_gate(wider, question.policy, question.flips).calls
            needed.append((f"{cases} cases per level ({calls:.0f} calls)", calls))
    (fixed, at_once), (rounds, in_rounds) = needed
    cheaper = "--vlm-sequential" if in_rounds < at_once else "a fixed number"
    return (
        f"an unchanged release passes the gate of the whole run with {question.power:g} from"
        f" {fixed} at once, at most {rounds} in rounds; cheaper: {cheaper}"
    )
