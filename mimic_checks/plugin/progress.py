"""The line that shows how far a check is, on a terminal."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mimic_checks.runs import ReportProgress


def progress_line(config: pytest.Config) -> ReportProgress | None:
    """What draws the line; None where nobody looks (no terminal, CI)."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not reporter.isatty or os.environ.get("CI"):
        return None
    capture = config.pluginmanager.getplugin("capturemanager")
    began: dict[str, float] = {}

    def show(condition: str, done: int, total: int) -> None:
        spent = time.monotonic() - began.setdefault(condition, time.monotonic())
        rate = done / spent if spent else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate else ""
        line = (
            f"{condition}: {done}/{total} cases, {rate:.1f} a second{left}" if done < total else ""
        )
        # Past pytest's capture, or the line would end up in the captured output of the test.
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.rewrite(line, erase=True)

    return show
