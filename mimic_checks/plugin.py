"""The pytest plugin: options, fixtures, hooks. Each hook is a few lines; the work is in the
packages it calls.

Imports pytest and the standard library only, so that a project that never says `--vlm` pays
nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mimic_checks.options import MODEL_FIELDS, OPTIONS, SWITCHES, Option

if TYPE_CHECKING:
    from mimic_checks.catalog import Catalog
    from mimic_checks.checks.check_run import CheckRun
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.checks.settings import Settings
    from mimic_checks.models import VLM
    from mimic_checks.verdicts import Verdict
    from mimic_checks.verdicts.gate_result import CheckGate
    from mimic_checks.verdicts.result import CheckResult

EXIT_INCONCLUSIVE = 6


class HookSpecs:
    """Hooks that a user's conftest may implement."""

    @pytest.hookspec(firstresult=True)
    def pytest_vlm_make_model(self, config: pytest.Config) -> VLM | None:
        """Builds the model in code (anything with `answer` and `identity`); then `--vlm` only names
        it."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(HookSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(
        "vlm", "mimic_checks: where a vision-language model breaks on several images"
    )
    for option in OPTIONS:
        group.addoption(
            f"--{option.name}",
            dest=option.key,
            default=None,
            type=option.kind,
            metavar=option.kind.__name__.upper(),
            help=option.help,
        )
        parser.addini(option.key, option.help, default=None)
    for switch in SWITCHES:
        group.addoption(
            f"--{switch.name}", dest=switch.key, action="store_true", default=None, help=switch.help
        )
        parser.addini(switch.key, switch.help, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "vlm_check(spec): a mimic_checks check (selected by its check id, not its node id)",
    )
    config.pluginmanager.register(_Run(config), "mimic_checks_run")


def settings_of(config: pytest.Config) -> Settings:
    """The run's settings: flag > ini > default.

    Raises:
        pytest.UsageError: a value that is not allowed.
    """
    from mimic_checks.checks.settings import Settings
    from mimic_checks.errors import UsageError
    from mimic_checks.models import ModelOptions

    given: dict[str, Any] = {}
    for option in (*OPTIONS, *SWITCHES):
        value = config.getoption(option.key)
        ini = config.getini(option.key) if value is None else None
        if ini not in (None, ""):
            value = _from_ini(option, ini)
        if value is not None:
            given[option.key.removeprefix("vlm_")] = value
    given["answer_cache"] = _answer_cache(config, given.get("answer_cache"))
    model = {name: given.pop(name) for name in MODEL_FIELDS if name in given}
    try:
        return Settings(model=ModelOptions(**model), **{"vlm": "", **given})
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error


def _answer_cache(config: pytest.Config, wish: str | None) -> Path | None:
    """Where answers are kept: as wished, else in pytest's own cache, which `--cache-clear` empties
    and `-p no:cacheprovider` leaves out."""
    if wish == "none":
        return None
    cache = getattr(config, "cache", None)
    return Path(wish) if wish else cache.mkdir("vlm-answers") if cache else None


def _from_ini(option: Option, value: Any) -> Any:
    try:
        return option.kind(value)
    except ValueError:
        raise pytest.UsageError(
            f"ini key {option.key}={value!r} is not a {option.kind.__name__}"
        ) from None


@pytest.fixture(scope="session")
def vlm_session(request: pytest.FixtureRequest) -> CheckSession:
    """The run that all checks of this process share."""
    run: _Run = request.config.pluginmanager.getplugin("mimic_checks_run")
    return run.session()


@pytest.fixture(scope="session")
def vlm(vlm_session: CheckSession) -> VLM:
    """The model that `--vlm` names, loaded once per process."""
    return vlm_session.model


@pytest.fixture(scope="session")
def vlm_catalog(vlm_session: CheckSession) -> Catalog:
    """The catalog that `--vlm-catalog` names."""
    return vlm_session.catalog


@pytest.fixture
def ask(vlm: VLM) -> Callable[[Sequence[Any], str], str]:
    """`ask(images, question)`: the model's answer to a question about Pillow pictures, for tests of
    one's own."""
    from mimic_checks.models.ask import ask_about

    return lambda images, question: ask_about(vlm, images, question)


@pytest.fixture
def vlm_intervened(vlm_session: CheckSession) -> Callable[..., VLM]:
    """`vlm_intervened(*rules, layers="all", pooling=1)`: the model with mask rules of
    `mimic_checks.attention` in a window of its layers and its image tokens pooled, for tests of
    one's own. The model itself stays as it is."""

    def edited(*rules: Any, layers: str = "all", pooling: int = 1) -> VLM:
        opened = vlm_session.white_box()
        if opened is None:
            pytest.skip("the model cannot be opened, so nothing inside it can be edited")
        from mimic_checks.attention import LayerWindow, WindowedRule
        from mimic_checks.models.intervention import Intervention

        window = LayerWindow.parse(layers)
        return opened.intervened(
            Intervention(pooling, tuple(WindowedRule(rule, window) for rule in rules))
        )

    return edited


@pytest.fixture
def vlm_check(request: pytest.FixtureRequest, vlm_session: CheckSession) -> CheckRun:
    """The check that the test function is marked with, ready to run."""
    from mimic_checks.checks.check_run import CheckRun

    mark = request.node.get_closest_marker("vlm_check")
    if mark is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses the fixture vlm_check without @pytest.mark.vlm_check(spec)"
        )
    behaviour = (request.function.__doc__ or "").strip().splitlines()[0]

    def attach(result: CheckResult, verdict: Verdict, gate: CheckGate | None = None) -> None:
        request.node.vlm_result, request.node.vlm_verdict = result.model_dump(mode="json"), verdict
        request.node.user_properties += [
            ("vlm_check", result.check),
            ("vlm_verdict", result.verdict),
            ("vlm_reason", result.reason),
        ]
        if gate:
            request.node.user_properties += [
                ("vlm_gate", gate.verdict),
                ("vlm_gate_reason", gate.reason),
                ("vlm_gate_tier", gate.tier),
            ]

    if vlm_session.gating is None:
        return CheckRun(vlm_session, mark.args[0], behaviour, attach)
    from mimic_checks.checks.baseline_snapshots import load_baseline

    snapshot = request.getfixturevalue("snapshot")
    return CheckRun(
        vlm_session, mark.args[0], behaviour, attach, lambda text: load_baseline(snapshot, text)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and hasattr(item, "vlm_result"):
        # both travel from a worker with the report
        report.vlm_result = item.vlm_result  # type: ignore[attr-defined]
        report.vlm_verdict = item.vlm_verdict  # type: ignore[attr-defined]
    elif (
        report.when == "call" and report.skipped and (mark := item.get_closest_marker("vlm_check"))
    ):
        report.vlm_skipped = mark.args[0].check_id  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    if report.when == "call" and getattr(report, "vlm_verdict", None) == "inconclusive":
        return "inconclusive", "i", "INCONCLUSIVE"
    return None


def _named(config: pytest.Config) -> str:
    """What `--vlm` or its ini key says, or ""."""
    return str(config.getoption("vlm") or config.getini("vlm") or "")


class _Run:
    """What one pytest process knows about its run of checks; in an xdist controller, about
    everybody's."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.specs: list[Any] = []
        self.results: dict[str, dict[str, Any]] = {}
        self.verdicts: dict[str, str] = {}
        self.skipped: set[str] = set()
        self.gates: list[CheckGate] = []
        self.report: Path | None = None
        self._session: CheckSession | None = None
        self._is_worker = hasattr(config, "workerinput")

    def session(self) -> CheckSession:
        if self._session is None:
            from mimic_checks.checks.session import CheckSession

            settings = settings_of(self.config)
            if settings.baseline and not self.config.pluginmanager.hasplugin("syrupy"):
                raise pytest.UsageError(
                    "--vlm-baseline needs syrupy, as a pytest plugin; next step: pip install"
                    " 'mimic-checks[gate]'"
                )
            if not settings.vlm and not self._has_maker():
                raise pytest.UsageError(
                    "checks are selected but no model is named; add --vlm <hub id | folder |"
                    " builtin>, or leave the checks out"
                )
            maker = self._make_model if self._has_maker() else None
            recording = bool(settings.baseline and self.config.getoption("update_snapshots", False))
            self._session = CheckSession(
                settings,
                self.specs,
                make_model=maker,
                progress=self._progress(),
                record_baselines=recording,
            )
            if settings.baseline:
                from mimic_checks.checks.baseline_snapshots import BaselineSnapshots

                BaselineSnapshots.folder = settings.baseline
        return self._session

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Checks run in the order of their table: the harness's own preconditions first."""
        marks = [(k, item.get_closest_marker("vlm_check")) for k, item in enumerate(items)]
        checks = {k: mark.args[0].check_id for k, mark in marks if mark}
        if checks:
            from mimic_checks.checks.specs import CHECKS

            order = {check: number for number, check in enumerate(CHECKS)}
            in_order = sorted(checks, key=lambda k: order.get(checks[k], len(order)))
            for k, item in zip(checks, [items[k] for k in in_order], strict=True):
                items[k] = item

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        marks = [item.get_closest_marker("vlm_check") for item in session.items]
        self.specs = list({mark.args[0].check_id: mark.args[0] for mark in marks if mark}.values())
        if not self._is_worker and not self.config.option.collectonly:
            self._begin()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        """In the controller, which collects nothing itself: a UsageError in a worker would become
        an internal error."""
        names = {nodeid.rpartition("/")[2] for nodeid in ids}
        asked = any(
            "mimic_checks.checks" in str(argument) for argument in self.config.args
        ) or _named(self.config)
        if self.specs or self.config.option.collectonly or not asked:
            return
        from mimic_checks.checks.specs import CHECKS

        self.specs = [spec for spec in CHECKS.values() if spec.node in names]
        self._begin()

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_auto_num_workers(self, config: pytest.Config) -> int | None:
        """`-n auto` is the number of GPUs when a local model is checked and there are any."""
        name = _named(config)
        if not name or name.startswith("stub:"):
            return None
        import torch

        return torch.cuda.device_count() or None

    def _begin(self) -> None:
        """Refuses what is wrong before a model is loaded, then makes the output folder ready."""
        if not self.specs:
            return
        from mimic_checks.errors import UsageError

        try:
            session = self.session()
            session.validate()
            session.folder.prepare(session.describe())
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        result = getattr(report, "vlm_result", None)
        if result is not None:
            self.results[result["check"]] = result
            self.verdicts[result["check"]] = report.vlm_verdict
        self.skipped |= {report.vlm_skipped} if hasattr(report, "vlm_skipped") else set()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._is_worker and self.specs and not (session.shouldstop or session.shouldfail):
            self._help()
        if self._is_worker or not self.results or self._session is None:
            return
        from mimic_checks.errors import UsageError
        from mimic_checks.reporting import write_report

        try:
            if self._session.gating:
                self.gates = self._session.gating.compare_all()
                self.verdicts |= self._session.gating.effective_verdicts(self.gates)
            self.report = write_report(self._session.folder.path)
            if {spec.check_id for spec in self.specs} <= set(self.results) | self.skipped:
                self._session.folder.finish()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        if session.exitstatus == pytest.ExitCode.OK and (
            found := set(self.verdicts.values()) - {"pass"}
        ):
            session.exitstatus = (
                pytest.ExitCode.TESTS_FAILED if "fail" in found else EXIT_INCONCLUSIVE
            )

    def _help(self) -> None:
        """In an xdist worker that has no check left: answers what the others still have to ask."""
        from mimic_checks.checks.sharing import contribute
        from mimic_checks.errors import UsageError

        with contextlib.suppress(
            UsageError, pytest.UsageError
        ):  # which the controller, or the worker that runs the check, reports
            session = self.session()
            if session.folder.goes_on(session.describe()):
                contribute(session)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.results or self.report is None:
            return
        from mimic_checks.verdicts.result import CheckResult
        from mimic_checks.verdicts.text import summary

        terminalreporter.section("vision-language model checks")
        ordered = [
            self.results[spec.check_id] for spec in self.specs if spec.check_id in self.results
        ]
        terminalreporter.write_line(
            summary([CheckResult.model_validate(result) for result in ordered])
        )
        if self.gates and self._session and self._session.gating:
            from mimic_checks.verdicts.gate_text import gate_summary

            terminalreporter.section("against the baseline")
            terminalreporter.write_line(
                "\n".join([gate_summary(self.gates), *self._session.gating.unused()])
            )
        cached, answers = self._session.folder.cached() if self._session else (0, 0)
        if cached:
            terminalreporter.write_line(
                f"{cached} of {answers} answers are kept ones of earlier runs (--cache-clear asks"
                " again)"
            )
        notes = sorted({note for result in ordered for note in result["unreadable"]})
        for note in notes[:5]:
            terminalreporter.write_line(f"unreadable image left out: {note}")
        if len(notes) > 5:
            terminalreporter.write_line(f"... and {len(notes) - 5} more unreadable images")
        terminalreporter.write_line(f"report: {self.report}")

    def _has_maker(self) -> bool:
        return bool(self.config.hook.pytest_vlm_make_model.get_hookimpls())

    def _make_model(self) -> VLM:
        made: VLM | None = self.config.hook.pytest_vlm_make_model(config=self.config)
        if made is None:
            raise pytest.UsageError(
                "pytest_vlm_make_model returned None; return an object with answer() and identity()"
            )
        return made

    def _progress(self) -> Callable[[str, int, int], None] | None:
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if self._is_worker or reporter is None or not reporter.isatty or os.environ.get("CI"):
            return None
        capture = self.config.pluginmanager.getplugin("capturemanager")
        began: dict[str, float] = {}

        def show(check: str, done: int, total: int) -> None:
            spent = time.monotonic() - began.setdefault(check, time.monotonic())
            rate = done / spent if spent else 0.0
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            line = (
                f"{check}: {done}/{total} cases, {rate:.1f} a second{left}" if done < total else ""
            )
            with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
                reporter.rewrite(line, erase=True)

        return show
