"""What a run says while it goes on, where there is no terminal."""

from __future__ import annotations

import logging
import types

from mimic_checks.plugin.progress import LogLines, progress_line


class Reporter:
    isatty = False

    def __init__(self):
        self.said = []

    def ensure_newline(self):
        pass

    def write_line(self, line):
        self.said.append(line)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def config(reporter, verbose=0):
    plugins = {"terminalreporter": reporter}
    return types.SimpleNamespace(
        pluginmanager=types.SimpleNamespace(getplugin=plugins.get),
        option=types.SimpleNamespace(verbose=verbose),
    )


def test_a_line_comes_with_every_tenth_or_minute_and_not_more_often_than_every_half_minute():
    reporter, clock = Reporter(), Clock()
    show = progress_line(config(reporter), clock)
    steps = (
        (0, 0),
        (5, 15),
        (29, 30),
        (31, 31),
        (59, 60),
        (62, 61),
        (120, 62),
        (123, 63),
        (200, 100),
    )
    for clock.now, done in steps:
        show("spread", done, 100)
    assert reporter.said == [
        "spread: 31/100 cases, 1.0 a second, 69 s left",
        "spread: 61/100 cases, 1.0 a second, 40 s left",
        "spread: 63/100 cases, 0.5 a second, 72 s left",
    ]


def test_what_was_answered_before_does_not_count_as_speed():
    reporter, clock = Reporter(), Clock()
    show = progress_line(config(reporter), clock)
    show("spread", 80, 100)
    clock.now = 100.0
    show("spread", 90, 100)
    assert reporter.said == ["spread: 90/100 cases, 0.1 a second, 100 s left"]


def test_quiet_runs_show_none_and_so_does_a_worker():
    assert progress_line(config(Reporter(), verbose=-1)) is not None
    assert progress_line(config(Reporter(), verbose=-2)) is None
    assert progress_line(config(None)) is None


def test_what_the_log_warns_of_is_shown_until_it_is_closed():
    reporter, log = Reporter(), logging.getLogger("mimic_checks.somewhere")
    lines = LogLines(config(reporter))
    log.warning("wait %d s", 30)
    log.info("nothing")
    lines.close()
    log.warning("too late")
    assert reporter.said == ["mimic-checks: wait 30 s"]
