"""What a run says while it goes on: how far a check is, and what its log warns of.

On a terminal one line is drawn again and again; elsewhere (CI, a file) a line comes at intervals,
so that a run of an hour is seen to go on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mimic_checks.runs import ReportProgress

LINE_EVERY_S, LINE_EVERY_SHARE, LINE_AT_MOST_EVERY_S = 60.0, 0.1, 30.0
"""Without a terminal, a line comes after so many seconds; sooner if so much more of a check is
answered, though never more often than every `LINE_AT_MOST_EVERY_S`."""
_QUIET = -2
"""The verbosity from which on no such lines come: -qq, of which `mimic-checks run` gives one."""
_LOGGER = "mimic_checks"


def progress_line(
    config: pytest.Config, clock: Callable[[], float] = time.monotonic
) -> ReportProgress | None:
    """What shows how far a check is; None where nobody is to be told."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return None
    if reporter.isatty and not os.environ.get("CI"):
        return _Redrawn(config, reporter, clock)
    return _Lines(config, reporter, clock) if config.option.verbose > _QUIET else None


@contextlib.contextmanager
def _past_capture(config: pytest.Config) -> Any:
    """Past pytest's capture, or a line would end up in the captured output of the test."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield


class _Speed:
    """How fast each condition is answered."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._began = clock, dict[str, tuple[float, int]]()

    def line(self, condition: str, done: int, total: int) -> str:
        """How far it is, in words."""
        # What was answered before (a run that is taken up again) has cost no time now.
        began, before = self._began.setdefault(condition, (self._clock(), done))
        spent = self._clock() - began
        rate = (done - before) / spent if spent else 0.0
        left = f", {rate:.1f} a second, {(total - done) / rate:.0f} s left" if rate else ""
        return f"{condition}: {done}/{total} cases{left}"


class _Redrawn:
    """One line, for a terminal."""

    def __init__(self, config: pytest.Config, reporter: Any, clock: Callable[[], float]) -> None:
        self._config, self._reporter, self._speed = config, reporter, _Speed(clock)

    def __call__(self, condition: str, done: int, total: int) -> None:
        line = self._speed.line(condition, done, total)
        with _past_capture(self._config):
            self._reporter.rewrite(line if done < total else "", erase=True)


class _Lines:
    """A line now and then, for a file."""

    def __init__(self, config: pytest.Config, reporter: Any, clock: Callable[[], float]) -> None:
        self._config, self._reporter, self._clock = config, reporter, clock
        self._speed = _Speed(clock)
        # When a line last came, and how much was answered by then.
        self._last: dict[str, tuple[float, int]] = {}

    def __call__(self, condition: str, done: int, total: int) -> None:
        line, now = self._speed.line(condition, done, total), self._clock()
        when, before = self._last.setdefault(condition, (now, done))
        waited, more = now - when, (done - before) / max(1, total)
        is_due = waited >= LINE_EVERY_S or more >= LINE_EVERY_SHARE
        if done < total and is_due and waited >= LINE_AT_MOST_EVERY_S:
            self._last[condition] = now, done
            with _past_capture(self._config):
                self._reporter.ensure_newline()
                self._reporter.write_line(line)


class LogLines(logging.Handler):
    """Shows what this package's log warns of while a run goes on, from its making to `close`."""

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(logging.WARNING)
        self._config = config
        logging.getLogger(_LOGGER).addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            with _past_capture(self._config):
                reporter.ensure_newline()
                reporter.write_line(f"mimic-checks: {record.getMessage()}")

    def close(self) -> None:
        logging.getLogger(_LOGGER).removeHandler(self)
        super().close()
