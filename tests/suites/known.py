"""Formats of this checkout, whatever is installed."""

from __future__ import annotations

from mimic_checks.suites import SUITES, SuiteFormat


def known(suite_format: SuiteFormat) -> None:
    """Registers a format, unless its entry point is installed."""
    if suite_format.name not in SUITES.names():
        SUITES.add(suite_format.name, suite_format)
