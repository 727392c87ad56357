"""What a run has left open, above everything else that a report says.

That is: checks that the catalog cannot carry, checks that were not compared with a baseline, and
checks of an unfinished run.
"""

from __future__ import annotations

from collections.abc import Sequence

from mimic_checks.reporting.escape import cell, text
from mimic_checks.verdicts.not_carried import first_line, not_carried
from mimic_checks.verdicts.run_folder import RunFolder


def gaps(run: RunFolder) -> list[tuple[str, list[str]]]:
    """Headings, each with its lines; none where nothing is open."""
    described, results, missing = run.read(), run.results(), run.missing()
    absent = not_carried(described)
    found = [
        (
            first_line(len(results), absent),
            [f"{item.status}: {item.name}: {item.text}" for item in absent],
        ),
        (
            f"This run is unfinished: {len(missing)} of {len(run.checks())} checks have no result",
            missing,
        ),
        (
            "Not compared with the baseline",
            [f"{check}: {why}" for check, why in described.get("uncompared", {}).items()],
        ),
    ]
    return [(heading, lines) for heading, lines in found if lines]


def gaps_html(run: RunFolder) -> str:
    """For the header of a page."""
    return "".join(
        f"<p>{text(heading)}.</p><ul>{''.join(f'<li>{text(line)}</li>' for line in lines)}</ul>"
        for heading, lines in gaps(run)
    )


def gaps_markdown(run: RunFolder) -> str:
    """For the top of a summary."""
    return "".join(f"{_block(heading, lines)}\n\n" for heading, lines in gaps(run))


def _block(heading: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{cell(heading)}:", "", *(f"- {cell(line)}" for line in lines)])
