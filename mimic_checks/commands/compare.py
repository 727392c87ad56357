"""`mimic-checks compare`: a run gated on an earlier one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mimic_checks.commands.checks import add_checks
from mimic_checks.commands.sources import catalog_of
from mimic_checks.plugin import EXIT_INCONCLUSIVE


def add_compare(commands: Any) -> None:
    command = commands.add_parser(
        "compare",
        help="gate a run on an earlier one: the same cases, paired",
        epilog="example: mimic-checks compare before after --out gate",
    )
    command.add_argument("before", type=Path, help="the output folder of the earlier release's run")
    command.add_argument("after", type=Path, help="the output folder of this release's run")
    command.add_argument(
        "--vlm-policy", type=Path, help="TOML file of the gate: margins, tiers, error rate"
    )
    command.add_argument(
        "--out", type=Path, help="folder for gate.html, gate.md, gate.json, junit.xml"
    )
    add_checks(command)
    command.set_defaults(work=_compare)


def _compare(options: argparse.Namespace, rest: Sequence[str]) -> int:
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.reporting.compare import compare_runs, left_open, write_comparison
    from mimic_checks.verdicts.comparison import effective_verdict
    from mimic_checks.verdicts.gate_text import gate_summary
    from mimic_checks.verdicts.policy import load_policy
    from mimic_checks.verdicts.run_folder import RunFolder

    before, after = RunFolder(options.before), RunFolder(options.after)
    checks = after.checks()
    known = {*checks, *find_checks(options.checks or ())} if options.vlm_policy else set(checks)
    policy = load_policy(options.vlm_policy, known)
    gates = compare_runs(before, after, policy)
    print(gate_summary(gates))
    compared = {gate.check for gate in gates}
    uncompared = {
        check: why
        for check, why in left_open(before, after, policy).items()
        if check not in compared
    }
    print("".join(f"not compared: {check}: {why}\n" for check, why in uncompared.items()), end="")
    if options.out:
        catalog = catalog_of(after, compared)
        print(f"report: {write_comparison(gates, before, after, catalog, options.out)}")
    verdicts = {effective_verdict(gate, policy) for gate in gates}
    if any(policy.tier(check) == "blocking" for check in uncompared):
        verdicts.add("inconclusive")
    return 1 if "fail" in verdicts else EXIT_INCONCLUSIVE if "inconclusive" in verdicts else 0
