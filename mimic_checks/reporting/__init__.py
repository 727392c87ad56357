"""What people read: one HTML file, Markdown, and the formats of others."""

from mimic_checks.reporting.formats import REPORTS, ReportFormat
from mimic_checks.reporting.write import report_path, write_report

__all__ = ["REPORTS", "ReportFormat", "report_path", "write_report"]
