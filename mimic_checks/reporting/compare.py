"""Two run folders, compared and written down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mimic_checks.catalog import Catalog
from mimic_checks.errors import GateError
from mimic_checks.reporting.gate import flipped_items, gate_junit, gate_page
from mimic_checks.reporting.markdown import gate_markdown
from mimic_checks.runs.hold import held
from mimic_checks.runs.whole_file import sweep_parts
from mimic_checks.verdicts.baseline import Baseline, baseline_of
from mimic_checks.verdicts.comparison import compare_all
from mimic_checks.verdicts.files import SCHEMA, write_whole
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.pictures import read_pictures, save_pictures
from mimic_checks.verdicts.policy import Asked, Policy, check_policy_can_decide
from mimic_checks.verdicts.record import refuse_other_images
from mimic_checks.verdicts.run_folder import RunFolder


def compare_runs(before: RunFolder, after: RunFolder, policy: Policy) -> list[CheckGate]:
    """The checks of two runs that can be gated, judged together.

    Raises:
        GateError: a check that only one of them has, other cases, a policy under which nothing
            could be decided.
        RunFolderError: a folder without a run.
    """
    table = before.checks() | after.checks()
    gated = [check for check, facts in table.items() if facts["gated"]]
    wanted = [check for check in gated if policy.tier(check) != "off"]
    earlier, now = _outcomes(before, wanted), _outcomes(after, wanted)
    if only := sorted(set(earlier) ^ set(now)):
        where = before if only[0] in earlier else after
        raise GateError(
            f"check {only[0]!r} has outcomes in {str(where.path)!r} only; run it in both, or give"
            ' it tier = "off" in the policy'
        )
    sequential = after.read()["description"].get("sequential")
    anytime = {check for check in now if sequential and table[check]["anytime"]}
    check_policy_can_decide(
        policy, {check: _asked(release, check in anytime) for check, release in now.items()}
    )
    gates = compare_all(
        {check: (earlier[check], now[check]) for check in wanted if check in now}, policy, anytime
    )
    unsure = left_open(before, after, policy)
    return [_unsure(gate, unsure.get(gate.check, "")) for gate in gates]


def _asked(release: Baseline, anytime: bool) -> Asked:
    """What was asked: the level with the fewest items is the first that may be too small."""
    per_level = Counter(item.level for item in release.items)
    return Asked(len(per_level), min(per_level.values()), anytime)


def left_open(before: RunFolder, after: RunFolder, policy: Policy) -> dict[str, str]:
    """Checks of which two runs cannot say all, though the policy gates them, and why: only some
    levels were asked, or nothing has come of them."""
    found: dict[str, str] = {}
    for run in (before, after):
        judged = {result.check: result.judged for result in run.results()}
        for check, facts in run.checks().items():
            if not facts["gated"] or policy.tier(check) == "off" or judged.get(check, False):
                continue
            partial = "only some of its levels were asked"
            why = partial if check in judged else "it has no result"
            found.setdefault(check, f"in {str(run.path)!r}, {why}; run it whole")
    return found


def _unsure(gate: CheckGate, why: str) -> CheckGate:
    """A comparison that passes what it has seen has not seen all."""
    if not why or gate.verdict != "pass":
        return gate
    return gate.model_copy(update={"verdict": "inconclusive", "reason": why})


def write_comparison(
    gates: Sequence[CheckGate], before: RunFolder, after: RunFolder, catalog: Catalog, out: Path
) -> Path:
    """Writes page, Markdown, JSON and JUnit; `catalog` is where its pictures are. Returns the
    page."""
    flipped = flipped_items(after, gates)
    records = [record for gate in gates for record in after.records_of(gate.check)]
    cases = {outcome.id: outcome.case for item in flipped.values() for outcome in item.members}
    # This also makes the manifest know the ids: it opens only pictures that it was asked about.
    for record in records:
        if record.outcome.id in cases:
            refuse_other_images(record.outcome.case, record.rows, catalog, catalog.name)
    with held(out, "--out"):
        sweep_parts(out)
        save_pictures(cases.values(), catalog.manifest, out)
        names = _name(before), _name(after)
        page = gate_page(gates, flipped, names, read_pictures(cases.values(), out))
        write_whole(out / "gate.html", page.encode())
        write_whole(out / "gate.md", gate_markdown(gates, names[1]).encode())
        write_whole(out / "junit.xml", gate_junit(gates).encode())
        comparison = {
            "schema": SCHEMA,
            "before": names[0],
            "after": names[1],
            "checks": [gate.model_dump(mode="json") for gate in gates],
        }
        write_whole(out / "gate.json", json.dumps(comparison, indent=1).encode())
    return out / "gate.html"


def _outcomes(run: RunFolder, checks: Sequence[str]) -> dict[str, Baseline]:
    described = run.read()
    return {
        check: baseline_of(check, described, records)
        for check in checks
        if (records := run.records_of(check))
    }


def _name(run: RunFolder) -> str:
    read = run.read()
    return str(read["identity"].get("name") or read["description"].get("vlm") or run.path)
