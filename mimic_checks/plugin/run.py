"""What one pytest process knows about its run of checks; an xdist controller, about everybody's."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mimic_checks.plugin import exchange
from mimic_checks.plugin.baseline import (
    NOTHING_RECORDED,
    make_gating,
    records_nothing,
    refuse_recording_nothing,
    say_expected,
)
from mimic_checks.plugin.exchange import RunDescription
from mimic_checks.plugin.junit import add_to_junit
from mimic_checks.plugin.model import maker_of
from mimic_checks.plugin.named import named_nodes
from mimic_checks.plugin.progress import LogLines, progress_line
from mimic_checks.plugin.selection import Selection, check_of, known_checks, selection_of
from mimic_checks.plugin.settings import settings_of, text_option
from mimic_checks.processes import end_with_parent, stoppable

if TYPE_CHECKING:
    from mimic_checks.cases.level import Level
    from mimic_checks.checks.check import Profile
    from mimic_checks.checks.discovery import FoundCheck
    from mimic_checks.checks.evaluator import Evaluator
    from mimic_checks.checks.gating import Gating
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.verdicts.gate_result import CheckGate
    from mimic_checks.verdicts.not_carried import NotCarried
    from mimic_checks.verdicts.run_folder import RunFolder

EXIT_INCONCLUSIVE = 6


class Run:
    """The run of one process.

    A process without xdist selects, answers and reports. With it, every worker selects and answers;
    the first one also describes the run, from which the controller makes the folder ready, and in
    the end the report.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.selection: Selection | None = None
        self.described: RunDescription | None = None
        self.results: dict[str, dict[str, Any]] = {}
        self.verdicts: dict[str, str] = {}
        self.skipped: set[str] = set()
        self.gates: list[CheckGate] = []
        self.uncompared: dict[str, str] = {}
        self.report: Path | None = None
        self.unusable = ""
        self.refused = ""
        self._worker_died = False
        self._misused = False
        self._session: CheckSession | None = None
        self._evaluator: Evaluator | None = None
        self._folder: RunFolder | None = None
        self._gating: Gating | None = None
        self._worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        self._exchange: Path | None = None
        self._collected: list[pytest.Item] = []
        self._not_carried: dict[tuple[str, Level | None], NotCarried] = {}
        self._log: LogLines | None = None
        self._stopping = contextlib.ExitStack()

    @property
    def profile(self) -> Profile:
        """The profile that is asked for, unchecked."""
        return text_option(self.config, "vlm_profile") or "standard"  # type: ignore[return-value]

    def session(self) -> CheckSession:
        """This process's session, made when it is first wanted.

        Raises:
            pytest.UsageError: settings that are not allowed, no model named, or two.
        """
        if self._session is None:
            from mimic_checks.checks.run_plan import RunPlan
            from mimic_checks.checks.session import CheckSession

            settings = settings_of(self.config)
            maker = maker_of(self.config, settings.vlm)
            if not settings.vlm and not maker:
                raise pytest.UsageError(
                    "checks are selected but no model is named; add --vlm <hub id | folder |"
                    " builtin>, or leave the checks out"
                )
            selection = self.selection or Selection((), {})
            known = known_checks(settings, self._collected)
            plan = RunPlan(
                settings,
                selection.checks,
                known=known,
                selected=selection.levels,
                named=selection.named,
            )
            gated = {check.check_id: check.anytime for check in plan.checks if check.gated}
            self._gating = make_gating(self.config, settings, gated, known)
            if self._worker is None:
                self._log = LogLines(self.config)
            self._session = CheckSession(
                plan,
                make_model=(lambda: maker(plan.catalog)) if maker else None,
                gating=self._gating,
                progress=self._progress(),
            )
        return self._session

    def evaluator(self) -> Evaluator:
        """What evaluates this process's checks."""
        if self._evaluator is None:
            from mimic_checks.checks.evaluator import Evaluator

            self._evaluator = Evaluator(self.session())
        return self._evaluator

    def found(self, check_id: str) -> FoundCheck:
        """A selected check, with the test function that stands for it."""
        assert self.selection
        return next(check for check in self.selection.checks if check.check_id == check_id)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        """Takes note of what is collected before some of it is deselected. The harness's own
        preconditions run first, whatever the order of the others."""
        self._collected = [item for item in items if check_of(item)]
        yield
        checks = {k: check for k, item in enumerate(items) if (check := check_of(item))}
        in_order = sorted(checks, key=lambda k: not getattr(checks[k], "harness", False))
        # Checks trade places among themselves; all other tests stay where they are.
        for k, item in zip(checks, [items[k] for k in in_order], strict=True):
            items[k] = item

    # Before xdist's own hook, which tells the controller that this worker has collected: by then
    # the description has to be there.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if self.refused and self._worker is None:
            raise pytest.UsageError(self.refused)
        if self.config.option.collectonly:
            return
        if self._worker is None:
            if described := self._select(session.items):
                self._begin(described)
            return
        try:
            # Every worker opens the catalog and draws while it waits for the others anyway: none
            # should still be at it when the first one answers.
            described = self._select(session.items)
        # Every worker finds the same; one word to the controller is enough.
        except pytest.UsageError as error:
            if self._is_first_worker():
                exchange.tell(Path(self._worker[exchange.KEY]), str(error))
            return
        if described:
            end_with_parent()
        if described and self._is_first_worker():
            exchange.tell(Path(self._worker[exchange.KEY]), described)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        if self._exchange is None:
            self._exchange = exchange.new_folder()
        node.workerinput[exchange.KEY] = str(self._exchange)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        # Called once for every worker, also for one that replaces a dead one.
        if self.described or self._exchange is None:
            return
        told = exchange.told(self._exchange)
        if isinstance(told, str):
            raise pytest.UsageError(told)
        if told:
            self._begin(told)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        self._worker_died |= error is not None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._misused |= getattr(report, "vlm_misused", False)

    def _is_first_worker(self) -> bool:
        return bool(self._worker and self._worker.get("workerid") == exchange.FIRST)

    def _select(self, items: Sequence[pytest.Item]) -> RunDescription | None:
        """Takes note of the selected checks; their validated description, if there are any.

        Raises:
            pytest.UsageError: what is wrong and what to change, before a model is loaded.
        """
        from mimic_checks.errors import UsageError

        if self.refused:
            raise pytest.UsageError(self.refused)
        marked = [item for item in items if check_of(item)]
        if not marked:
            return None
        if len(marked) == len(items):
            refuse_recording_nothing(self.config)
        try:
            named = named_nodes(self.config, self._collected, marked)
            self.selection = selection_of(marked, named)
            return self._describe()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    def _describe(self) -> RunDescription:
        from mimic_checks.verdicts.not_carried import stored

        session = self.session()
        session.validate()
        plan = session.plan
        self._not_carried = {(item.check, item.level): item for item in plan.not_carried}
        return RunDescription(
            description=plan.describe(),
            checks=[check.check_id for check in plan.checks],
            gated={check.check_id: check.anytime for check in plan.checks if check.gated},
            partial=[check.check_id for check in plan.checks if plan.is_partial(check)],
            known=list(plan.known),
            not_carried=stored(plan.not_carried),
            unmet=plan.leave_out.unmet,
        )

    def why_not_carried(self, check_id: str, level: Level | None) -> NotCarried | None:
        """Why this process's catalog has no cases for a selected check, or none that prove anything
        at one of its levels; None if it has."""
        whole = self._not_carried.get((check_id, None))
        return whole or self._not_carried.get((check_id, level))

    def _begin(self, described: RunDescription) -> None:
        """Makes the output folder ready."""
        from mimic_checks.errors import UsageError
        from mimic_checks.verdicts.not_carried import KEY
        from mimic_checks.verdicts.run_folder import RunFolder

        settings = settings_of(self.config)
        try:
            self._folder = RunFolder(settings.output)
            self._folder.prepare(described.description, discard=settings.discard_unfinished)
            self._folder.note(**{KEY: described.not_carried}, unmet=described.unmet)
            # Without xdist, this process's session has made it already.
            if self._gating is None:
                self._gating = make_gating(self.config, settings, described.gated, described.known)
                if self._gating:
                    self._gating.leave_out(self._absent(described))
            if self._gating:
                say_expected(self.config, self._folder, self._gating, described.partial)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error
        self.described = described
        self._stopping.enter_context(stoppable())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if node := getattr(report, "vlm_node", None):
            check = node["result"]["check"]
            self.results[check] = node["result"]
            self.verdicts[report.nodeid if node["level"] else check] = node["verdict"]
        self.unusable = getattr(report, "vlm_unusable", self.unusable)
        if hasattr(report, "vlm_skipped"):
            self.skipped.add(report.vlm_skipped)

    # Around all others: JUnit writes its file in its own, and syrupy sets an exit status.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        from mimic_checks.errors import UsageError

        is_over = self._worker is None and not self.unusable and self.described is not None
        broken: UsageError | None = None
        try:
            if is_over:
                self._compare()
        except UsageError as error:
            broken = error
        result = yield
        if self._worker is not None:
            if self.selection and not (session.shouldstop or session.shouldfail):
                self._help()
        # A check that is none, at its module's import: what cannot be done as asked, as elsewhere.
        elif self.unusable or self._misused:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        elif broken:
            raise pytest.UsageError(str(broken)) from broken
        elif is_over:
            self._write(session)
            # What pytest itself holds against the session weighs more than a verdict.
            if session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = self._exit_status()
        return result

    def _compare(self) -> None:
        """Judges all comparisons together, and notes what was left out for whoever reads the
        folder or JUnit's file."""
        assert self._folder
        if self._gating:
            self.gates = self._gating.compare_all()
            self.verdicts |= self._gating.effective_verdicts(self.gates)
            compared = {gate.check for gate in self.gates}
            self.uncompared = self._gating.uncompared(compared, self.results)
        self._folder.note(skipped=sorted(self.skipped), uncompared=self.uncompared)
        add_to_junit(self.config, "not_compared", self.uncompared)

    def _write(self, session: pytest.Session) -> None:
        """The report, and whether the run is finished."""
        from mimic_checks.errors import ExtensionError, UsageError
        from mimic_checks.reporting import report_path, write_report

        assert self._folder
        try:
            if self.results:
                self.report = report_path(self._folder.path)
                try:
                    write_report(self._folder.path)
                # A format of somebody's; all others are written.
                except ExtensionError as error:
                    self.unusable = str(error)
                    session.exitstatus = pytest.ExitCode.USAGE_ERROR
            # A run that was stopped, or lost a process, stays unfinished, to be taken up again.
            if not self._worker_died and not self._missing():
                self._folder.finish()
        except UsageError as error:
            raise pytest.UsageError(str(error)) from error

    def _missing(self) -> dict[str, str]:
        """Selected checks that have come to nothing, with the reason."""
        from mimic_checks.runs.begun import died_over

        assert self.described
        assert self._folder
        journals = self._folder.path / "journal"
        return {
            check: "a process died while it evaluated this check"
            if died_over(journals, check)
            else "skipped, or the run was stopped before it"
            for check in self.described.checks
            if check not in self.results and check not in self.skipped
        }

    def _exit_status(self) -> int:
        from mimic_checks.verdicts.not_carried import verdict_of

        assert self.described
        verdicts = {*self.verdicts.values(), verdict_of(self._absent(self.described))}
        # A gate that was left out of the selection, or skipped, lets nothing pass.
        ungated = self._gating is not None and (
            any(check in self.described.gated for check in self.described.partial)
            or not self._gating.lets_pass(self.uncompared)
        )
        if "fail" in verdicts:
            return int(pytest.ExitCode.TESTS_FAILED)
        # What nothing was judged in lets nothing pass, whatever it was skipped for.
        if not self.results:
            return EXIT_INCONCLUSIVE
        return EXIT_INCONCLUSIVE if "inconclusive" in verdicts or ungated else 0

    def _absent(self, described: RunDescription) -> list[NotCarried]:
        """The selected checks and levels of a run that its catalog cannot carry."""
        from mimic_checks.verdicts.not_carried import KEY, not_carried

        return not_carried({KEY: described.not_carried})

    def _help(self) -> None:
        """In a worker that has no check left: answers what the others still have to ask."""
        from mimic_checks.errors import UsageError

        # What goes wrong, the controller or the worker that runs the check reports.
        with contextlib.suppress(UsageError, pytest.UsageError):
            session = self.session()
            if session.folder.goes_on(session.plan.describe()):
                self.evaluator().contribute()

    def pytest_unconfigure(self) -> None:
        if self._log:
            self._log.close()
        self._stopping.close()
        if self._exchange:
            import shutil

            shutil.rmtree(self._exchange, ignore_errors=True)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.unusable:
            terminalreporter.write_line(f"ERROR: {self.unusable}", red=True)
        if self.unusable or self.described is None or self._folder is None:
            return
        from mimic_checks.plugin.terminal import write_comparisons, write_missing, write_summary

        if records_nothing(self.config):
            terminalreporter.write_line(NOTHING_RECORDED, red=True)
        if self.report is None:
            write_comparisons(terminalreporter, [], self.uncompared, unused=[])
            write_missing(terminalreporter, self._missing())
            return
        results = [self.results[check] for check in self.described.checks if check in self.results]
        write_summary(
            terminalreporter,
            results,
            gates=self.gates,
            uncompared=self.uncompared,
            unused=self._gating.unused() if self._gating else [],
            missing=self._missing(),
            absent=self._absent(self.described),
            unmet=self.described.unmet,
            cached=self._folder.cached(),
            report=self.report,
        )

    def _progress(self) -> Any:
        return None if self._worker is not None else progress_line(self.config)
