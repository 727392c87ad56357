"""What a report is to the suite: a file in the run folder, made of what the folder holds."""

from __future__ import annotations

from typing import Protocol

from mimic_checks.registry import Registry
from mimic_checks.verdicts.run_folder import RunFolder


class ReportFormat(Protocol):
    """A kind of report. Everything that a model, a catalog or a user wrote is foreign text, which
    the format has to escape."""

    @property
    def file_name(self) -> str:
        """The file's name in the run folder."""

    def render(self, run: RunFolder) -> str:
        """The file's text."""


REPORTS: Registry[ReportFormat] = Registry(
    "mimic_checks.reports", "report format", ("file_name", "render")
)
