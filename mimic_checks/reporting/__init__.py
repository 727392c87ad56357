"""What people read: one HTML file, Markdown."""

from mimic_checks.reporting.write import write_report

__all__ = ["write_report"]
