"""The verdicts as Markdown, for a pull request or a GitHub step summary.

Data in: results. Data out: a table. Text from outside is kept out of Markdown's syntax.
"""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.text import in_short, rates

SIGN = {"pass": "✅ pass", "fail": "❌ fail", "inconclusive": "❔ inconclusive"}


def markdown(results: Sequence[CheckResult], name: str) -> str:
    """One row per check: verdict, rates per level, reason."""
    lines = [
        f"### {cell(name)} on several images",
        "",
        "| check | verdict | rate per level | why |",
        "|---|---|---|---|",
    ]
    for result in in_short(results):
        lines.append(
            f"| `{result.check}` | {SIGN[result.verdict]} | {rates(result, ', ')} |"
            f" {cell(result.reason)} |"
        )
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text of any origin as it may stand in a Markdown table."""
    flat = " ".join(text.split())
    return "".join(f"\\{mark}" if mark in "|`*_[]<>\\" else mark for mark in flat)
