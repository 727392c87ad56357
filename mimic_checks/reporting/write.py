"""Writes the reports of a run folder."""

from __future__ import annotations

import os
from pathlib import Path

from mimic_checks.errors import ExtensionError, refusing
from mimic_checks.reporting.formats import REPORTS, ReportFormat
from mimic_checks.reporting.html import HTML
from mimic_checks.reporting.markdown import MARKDOWN
from mimic_checks.runs.hold import LOCK
from mimic_checks.verdicts.files import write_whole
from mimic_checks.verdicts.run_folder import RunFolder

_RESERVED = ("run.json", "identity.json", LOCK)
"""Files of the run itself."""


def write_report(folder: Path) -> Path:
    """Writes every registered format into the folder, and appends the Markdown to the file that
    GitHub names in GITHUB_STEP_SUMMARY; returns the path of the HTML file.

    Raises:
        RunFolderError: no run in the folder, or broken files.
        ExtensionError: a format of somebody's that cannot be loaded or has no file of its own; all
            others are written.
    """
    run = RunFolder(folder)
    # The built-in names are taken beforehand, whatever the order of the registered formats.
    owners: dict[str, ReportFormat] = {HTML.file_name: HTML, MARKDOWN.file_name: MARKDOWN}
    broken: list[ExtensionError] = []
    for name in REPORTS.names():
        try:
            report = REPORTS.get(name)
            _refuse_file_name(name, report, owners)
            text = _rendered(name, report, run)
        except ExtensionError as error:
            broken.append(error)
            continue
        write_whole(folder / report.file_name, text.encode())
    # Appended: other steps of the job write into the same file.
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary and (folder / MARKDOWN.file_name).is_file():
        with Path(step_summary).open("a", encoding="utf-8") as stream:
            stream.write((folder / MARKDOWN.file_name).read_text(encoding="utf-8"))
    if broken:
        raise broken[0]
    return report_path(folder)


def report_path(folder: Path) -> Path:
    """Where the report that people read is."""
    return folder / HTML.file_name


def _rendered(name: str, report: ReportFormat, run: RunFolder) -> str:
    with refusing(f"report format {name!r} cannot be written"):
        text = report.render(run)
    if not isinstance(text, str):
        raise ExtensionError(f"report format {name!r} gave {type(text).__name__}, not str")
    return text


def _refuse_file_name(name: str, report: ReportFormat, owners: dict[str, ReportFormat]) -> None:
    file_name = report.file_name
    plain = bool(file_name) and Path(file_name).name == file_name
    # One object may be registered twice; two objects may not share a file.
    owner = owners.setdefault(file_name, report)
    if not plain or owner is not report or file_name in _RESERVED:
        raise ExtensionError(
            f"report format {name!r}: file_name={file_name!r} is not allowed; allowed: a plain file"
            f" name that is not taken (taken: {', '.join(map(repr, [*owners, *_RESERVED]))})"
        )
