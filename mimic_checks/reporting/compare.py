"""Two run folders, compared and written down.

Data in: the folder of an earlier release's run, this one's, a policy, which checks can be gated.
Data out: `CheckGate`s, and in a folder `gate.html`, `gate.md`, `gate.json`, `junit.xml`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from mimic_checks.catalog import Catalog
from mimic_checks.errors import GateError
from mimic_checks.reporting.gate import gate_junit, gate_markdown, gate_page
from mimic_checks.verdicts.baseline import Baseline, baseline_of
from mimic_checks.verdicts.comparison import compare_all
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.policy import Policy, check_policy_can_decide
from mimic_checks.verdicts.result import StoredCase
from mimic_checks.verdicts.store import SHOWN_PX, RunFolder, resolve_case, save_picture


def compare_runs(
    before: RunFolder,
    after: RunFolder,
    policy: Policy,
    gated: Iterable[str],
    sweeps: Collection[str],
) -> list[CheckGate]:
    """The checks of two runs, judged together; `sweeps` may have stopped early in a sequential run.

    Raises:
        GateError: a check that only one of them has, other cases, a policy under which nothing
            could be decided.
        RunFolderError: a folder without a run.
    """
    wanted = [check for check in gated if policy.tier(check) != "off"]
    earlier, now = _outcomes(before, wanted), _outcomes(after, wanted)
    if only := sorted(set(earlier) ^ set(now)):
        where = before if only[0] in earlier else after
        raise GateError(
            f"check {only[0]!r} has outcomes in {str(where.path)!r} only; run it in both, or give"
            ' it tier = "off" in the policy'
        )
    per_level = [
        n for found in now.values() for n in Counter(case.level for case in found.cases).values()
    ]
    check_policy_can_decide(policy, now, min(per_level, default=0))
    return compare_all(
        {check: (earlier[check], now[check]) for check in wanted if check in now},
        policy,
        sweeps if after.read()["description"].get("sequential") else (),
    )


def write_comparison(
    gates: Sequence[CheckGate], before: RunFolder, after: RunFolder, catalog: Catalog, out: Path
) -> Path:
    """Writes page, Markdown, JSON and JUnit; `catalog` is where its pictures are. Returns the
    page."""
    out.mkdir(parents=True, exist_ok=True)
    flipped = {flip.case for gate in gates for flip in gate.flips}
    cases = {
        line.case.id: line.case
        for gate in gates
        for line in after.outcomes_of(gate.check)
        if line.case.id in flipped
    }
    names = _name(before), _name(after)
    pictures = _pictures(cases.values(), catalog, out)
    (out / "gate.html").write_text(gate_page(gates, cases, names, pictures), encoding="utf-8")
    (out / "gate.md").write_text(gate_markdown(gates, names[1]), encoding="utf-8")
    (out / "junit.xml").write_text(gate_junit(gates), encoding="utf-8")
    found = {
        "before": names[0],
        "after": names[1],
        "checks": [gate.model_dump(mode="json") for gate in gates],
    }
    (out / "gate.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return out / "gate.html"


def _outcomes(run: RunFolder, checks: Sequence[str]) -> dict[str, Baseline]:
    described = run.read()
    return {
        check: baseline_of(check, described, lines)
        for check in checks
        if (lines := run.outcomes_of(check))
    }


def _name(run: RunFolder) -> str:
    read = run.read()
    return str(read["identity"].get("name") or read["description"].get("vlm") or run.path)


def _pictures(cases: Iterable[StoredCase], catalog: Catalog, out: Path) -> dict[str, bytes]:
    """PNG bytes by image id, every picture opened once."""
    wanted = dict.fromkeys(
        image for case in cases for image in resolve_case(case, catalog, catalog.name).images
    )
    paths = {image: out / "images" / f"{image}.png" for image in wanted}
    for image, path in paths.items():
        save_picture(catalog.manifest.open(image), path, SHOWN_PX)
    return {image: path.read_bytes() for image, path in paths.items()}
