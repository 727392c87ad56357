"""A pytest plugin of `mimic-checks plan` alone: collects and selects as a run does, and says what
to expect of that run, in place of running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mimic_checks.plugin.selection import check_of, known_checks, selection_of
from mimic_checks.plugin.settings import given_policy, settings_of

if TYPE_CHECKING:
    from mimic_checks.verdicts.plan_text import Question


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("plan", "what to expect of a run")
    group.addoption("--flips", type=float, default=0.01)
    group.addoption("--joint", default="independent")
    group.addoption("--power", type=float, default=0.9)
    group.addoption("--rate", type=float, default=0.8)
    group.addoption("--seconds-per-call", type=float, default=0.0)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    # As for `--collect-only`, no model is loaded and no folder made; but the plan alone is printed.
    config.option.collectonly = True
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(Planned(), "mimic_checks_planned")


class Planned:
    """The plan of one collection."""

    def __init__(self) -> None:
        self._problem = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._problem = f"{report.nodeid} cannot be collected:\n{report.longreprtext}"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        from mimic_checks.errors import UsageError
        from mimic_checks.verdicts.plan_text import plan_lines

        if self._problem:
            raise pytest.UsageError(self._problem)
        marked = [item for item in session.items if check_of(item)]
        if not marked:
            raise pytest.UsageError("no check is selected, so there is nothing to plan; change -k")
        try:
            print("\n".join(plan_lines(_question(session.config, marked))))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error


def _question(config: pytest.Config, marked: list[pytest.Item]) -> Question:
    from mimic_checks.checks.planned_run import question_of
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.verdicts.policy import load_policy
    from mimic_checks.verdicts.simulated import Flips

    settings, selection = settings_of(config, policy=False), selection_of(marked)
    known = known_checks(settings, marked)
    plan = RunPlan(settings, selection.checks, known=known, selected=selection.levels)
    return question_of(
        plan,
        load_policy(given_policy(config), plan.known),
        Flips(config.getoption("flips"), config.getoption("joint")),
        power=config.getoption("power"),
        rate=config.getoption("rate"),
        seconds_per_call=config.getoption("seconds_per_call"),
    )
