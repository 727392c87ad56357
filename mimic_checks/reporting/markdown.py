"""Verdicts as Markdown, for a pull request or a GitHub step summary."""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.reporting.escape import cell
from mimic_checks.reporting.gaps import gaps_markdown
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.run_folder import RunFolder
from mimic_checks.verdicts.text import best_blind, drop_name, estimates, few_photos, in_short, rates

SIGN = {
    "pass": "✅ pass",
    "fail": "❌ fail",
    "inconclusive": "❔ inconclusive",
    "not judged": "❔ not judged",
}


class MarkdownReport:
    """`summary.md`: comparisons with baselines, if there are any, then all verdicts."""

    file_name = "summary.md"

    def render(self, run: RunFolder) -> str:
        """The file's text."""
        described, gates = run.read(), list(run.gates().values())
        name = str(described["identity"].get("name") or described["description"].get("vlm"))
        against = gate_markdown(gates, name) + "\n" if gates else ""
        if expected := described.get("expected"):
            against += f"{cell(expected)}.\n\n"
        return gaps_markdown(run) + against + markdown(run.results(), name)


MARKDOWN = MarkdownReport()


def markdown(results: Sequence[CheckResult], name: str) -> str:
    """One row per check: verdict, rates per level, the best blind answer at any level, reason; then
    what is estimated beside."""
    lines = [
        f"### {cell(name)} on several images",
        "",
        "| check | verdict | rate per level | best blind answer | why |",
        "|---|---|---|---|---|",
    ]
    for result in in_short(results):
        best = best_blind(result)
        lines.append(
            f"| `{result.check}` | {SIGN[result.status]} | {cell(rates(result, ', '))} |"
            f" {cell(best.blind if best else '')} | {cell(result.reason)} |"
        )
    return "\n".join(lines) + "\n" + _beside(results)


def _beside(results: Sequence[CheckResult]) -> str:
    """What is estimated beside the verdicts; "" where nothing is."""
    found, lines = estimates(results, "; "), []
    if found:
        lines = ["", f"| check | retention proven | {drop_name(results)} |", "|---|---|---|"]
        lines += [
            f"| `{check}` | {cell(proven)} | {cell(drops)} |" for check, proven, drops in found
        ]
    if few := few_photos(results):
        lines += ["", *(f"- {cell(line)}" for line in few)]
    return "\n".join([*lines, ""]) if lines else ""


def gate_markdown(gates: Sequence[CheckGate], name: str) -> str:
    """Comparisons with baselines: one row per check, then notes."""
    lines = [
        f"### {cell(name)} against its baseline",
        "",
        "| check | verdict | tier | lost / gained of n | why |",
        "|---|---|---|---|---|",
    ]
    for gate in gates:
        told = [f"{level.label}: {level.lost}/{level.gained} of {level.n}" for level in gate.levels]
        if mean := gate.mean:
            told.append(f"{mean.label}: {100 * mean.drop:+.1f} points")
        flips = ", ".join(told)
        lines.append(
            f"| `{gate.check}` | {SIGN[gate.verdict]} | {gate.tier} | {cell(flips)} |"
            f" {cell(gate.reason)} |"
        )
    noted = [
        f"- `{gate.check}`, {cell(label)}: {cell(note)}"
        for gate in gates
        for label, note in gate.noted
    ]
    # Several checks may carry one note: once is enough.
    noted += [
        f"- {cell(note)}" for note in dict.fromkeys(note for gate in gates for note in gate.notes)
    ]
    return "\n".join([*lines, *([""] if noted else []), *noted]) + "\n"
