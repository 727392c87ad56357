"""Writes the reports of a run folder.

Data in: a folder that a run has written (`verdicts/store.py`). Data out: `report.html` and
`summary.md` in it, and the Markdown appended to the file that GitHub names in GITHUB_STEP_SUMMARY.
"""

from __future__ import annotations

import os
from pathlib import Path

from mimic_checks.reporting.gate import gate_markdown
from mimic_checks.reporting.html import page
from mimic_checks.reporting.markdown import markdown
from mimic_checks.verdicts.store import RunFolder, write_whole


def write_report(folder: Path) -> Path:
    """Renders what the folder holds; returns the path of the HTML file.

    Raises:
        RunFolderError: no run in the folder, or broken files.
    """
    store = RunFolder(folder)
    run, results = store.read(), store.results()
    gates = store.gates()
    changed = {flip.case for gate in gates.values() for flip in gate.flips}
    flipped = {
        line.case.id: line.case
        for check in gates
        for line in store.outcomes_of(check)
        if line.case.id in changed
    }
    shown = [*(line.case for result in results for line in result.shown), *flipped.values()]
    wanted = dict.fromkeys(image_id for case in shown for image_id in case.images)
    pictures = {
        image_id: (folder / "images" / f"{image_id}.png").read_bytes() for image_id in wanted
    }
    out = folder / "report.html"
    write_whole(out, page(results, run, pictures, str(folder), gates, flipped).encode())
    name = str(run.get("identity", {}).get("name") or run["description"].get("vlm"))
    text = (gate_markdown(list(gates.values()), name) + "\n" if gates else "") + markdown(
        results, name
    )
    write_whole(folder / "summary.md", text.encode())
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(step_summary).open("a", encoding="utf-8") as stream:
            stream.write(text)
    return out
