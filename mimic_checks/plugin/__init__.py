"""The pytest plugin: options, fixtures, hooks. Each hook is a few lines; the work is in the
packages it calls.

Imports pytest and the standard library only, so that a project that never says `--vlm` pays
nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from mimic_checks.options import LISTS, OPTIONS, SWITCHES
from mimic_checks.plugin.junit import PREFIX
from mimic_checks.plugin.model import workers_for
from mimic_checks.plugin.run import EXIT_INCONCLUSIVE, Run
from mimic_checks.plugin.selection import check_of, is_source, level_of, marked_with, nodes_of

if TYPE_CHECKING:
    from mimic_checks.catalog import Catalog
    from mimic_checks.checks.node import CheckNode
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.models import VLM
    from mimic_checks.verdicts import Verdict
    from mimic_checks.verdicts.gate_result import CheckGate
    from mimic_checks.verdicts.result import CheckResult, LevelResult

__all__ = ["EXIT_INCONCLUSIVE"]


class HookSpecs:
    """Hooks that a user's conftest may implement."""

    @pytest.hookspec(firstresult=True)
    def pytest_vlm_make_model(self, config: pytest.Config, catalog: Catalog) -> VLM | None:
        """Builds the model in code (anything with `answer` and `identity`); then `--vlm` is only a
        name for it. `catalog`: the run's images, which stubs of one's own may look up; leave out
        what is not needed."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(HookSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup(
        "vlm", "mimic_checks: where a vision-language model breaks on several images"
    )
    # None means not given: the ini key, and then the settings' own default, have the word.
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
    for option in LISTS:
        group.addoption(
            f"--{option.name}",
            dest=option.key,
            default=None,
            action="append",
            type=option.kind,
            metavar=option.kind.__name__.upper(),
            help=option.help,
        )
        parser.addini(option.key, option.help, type="linelist", default=[])
    for switch in SWITCHES:
        group.addoption(
            f"--{switch.name}", dest=switch.key, action="store_true", default=None, help=switch.help
        )
        parser.addini(switch.key, switch.help, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "vlm_check(check): a mimic_checks check (known by its check id, not its node id)"
    )
    config.pluginmanager.register(Run(config), "mimic_checks_run")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """`-n auto`: as many workers as GPUs for a local model, one for a server."""
    # Asked before pytest_configure, so not a hook of the run.
    return workers_for(config)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """A test function of a source that gives no check in this run (no suite is named) is no test of
    it."""
    marks = getattr(obj, "pytestmark", ()) if inspect.isfunction(obj) else ()
    sources = [mark.args[0] for mark in marks if mark.name == "vlm_check" and mark.args]
    if not sources or not is_source(sources[0]):
        return None
    from mimic_checks.errors import UsageError

    try:
        return None if nodes_of(sources[0], collector.config) else []
    # Refused when all is collected: an error of a module would be one among others.
    except UsageError as error:
        run: Run = collector.config.pluginmanager.getplugin("mimic_checks_run")
        run.refused = str(error)
        return []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One node per level of a check, and a last one for its verdict."""
    from mimic_checks.cases.level import VERDICT
    from mimic_checks.checks.check import Check
    from mimic_checks.errors import UsageError

    check = marked_with(metafunc.definition)
    if "vlm_check" not in metafunc.fixturenames:
        return
    run: Run = metafunc.config.pluginmanager.getplugin("mimic_checks_run")
    if is_source(check):
        nodes = nodes_of(check, metafunc.config)
        metafunc.parametrize("vlm_check", list(nodes.values()), ids=list(nodes), indirect=True)
        return
    if not isinstance(check, Check):
        return
    try:
        levels = check.node_levels(run.profile)
    # Refused when all is collected, by name and with exit code 4.
    except (UsageError, KeyError):
        return
    if levels:
        ids = [*(level.node_id for level in levels), VERDICT]
        metafunc.parametrize("vlm_check", [*levels, VERDICT], ids=ids, indirect=True)


def pytest_itemcollected(item: pytest.Item) -> None:
    """pytest writes letters like "ß" of a node id as escapes, which nobody would type after
    `-k`."""
    if item.get_closest_marker("vlm_check") and (level := level_of(item)):
        item.extra_keyword_matches.add(level.node_id)


@pytest.fixture(scope="session")
def vlm_session(request: pytest.FixtureRequest) -> CheckSession:
    """The part of this process in the run."""
    run: Run = request.config.pluginmanager.getplugin("mimic_checks_run")
    return run.session()


@pytest.fixture(scope="session")
def vlm(vlm_session: CheckSession) -> VLM:
    """The model that `--vlm` names, loaded once per process."""
    return vlm_session.model


@pytest.fixture(scope="session")
def vlm_catalog(vlm_session: CheckSession) -> Catalog:
    """The catalog that `--vlm-catalog` names."""
    return vlm_session.catalog


@pytest.fixture(scope="session")
def ask(vlm: VLM) -> Callable[[Sequence[Any], str], str]:
    """`ask(images, question)`: the model's answer to a question about pictures (Pillow's, or paths
    of files), for tests and fixtures of one's own, of any scope and under `@given`."""
    from mimic_checks.models.ask import ask_about

    return lambda images, question: ask_about(vlm, images, question)


@pytest.fixture(scope="session")
def vlm_intervened(vlm_session: CheckSession) -> Callable[..., VLM]:
    """`vlm_intervened(*rules, layers="all", pooling=1)`: the model with mask rules of
    `mimic_checks.attention` in a window of its layers and its image tokens pooled, for tests of
    one's own. The model itself stays as it is."""

    def intervened(*rules: Any, layers: str = "all", pooling: int = 1) -> VLM:
        from mimic_checks.attention import LayerWindow, WindowedRule
        from mimic_checks.models import why_not
        from mimic_checks.models.intervention import Intervention

        model = vlm_session.white_box()
        if model is None:
            pytest.skip(f"cannot intervene in the model: {why_not(vlm_session.model, 'white_box')}")
        window = LayerWindow.parse(layers)
        windowed = tuple(WindowedRule(rule, window) for rule in rules)
        return model.intervened(Intervention(pooling, windowed))

    return intervened


@pytest.fixture
def vlm_check(request: pytest.FixtureRequest, vlm_session: CheckSession) -> CheckNode:
    """The check that the test function is marked with, at the node's level; `run()` it."""
    from mimic_checks.checks.node import CheckNode

    check = check_of(request.node)
    if check is None:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses the fixture vlm_check without @check(...); mark it with a"
            " Sweep or a Measurement of mimic_checks.checks.check"
        )
    request.node.vlm_check_id = check.check_id
    run: Run = request.config.pluginmanager.getplugin("mimic_checks_run")
    level = level_of(request.node)
    if absent := run.why_not_carried(check.check_id, level):
        request.node.vlm_not_carried = absent.status
        request.node.vlm_level_left_out = absent.level is not None
        pytest.skip(f"{absent.status}: {absent.name}: {absent.text}")

    def attach(
        result: CheckResult,
        verdict: Verdict,
        *,
        level: LevelResult | None = None,
        gate: CheckGate | None = None,
    ) -> None:
        # Plain data: as part of the report it travels from an xdist worker to the controller.
        request.node.vlm_node = {
            "result": result.model_dump(mode="json"),
            "verdict": verdict,
            "level": level is not None,
        }
        # A node that is run again replaces what its earlier run has left.
        own = [item for item in request.node.user_properties if not item[0].startswith(PREFIX)]
        request.node.user_properties[:] = own + _properties(result, level, gate)

    def refuse(message: str) -> None:
        request.node.vlm_unusable = message

    evaluator, found = run.evaluator(), run.found(check.check_id)
    if vlm_session.gating is None or level is not None:
        return CheckNode(evaluator, found, level, attach, refuse)
    from mimic_checks.checks.baseline_snapshots import load_baseline

    # Not a parameter: without a baseline, syrupy, whose fixture it is, need not be installed.
    snapshot = request.getfixturevalue("snapshot")
    return CheckNode(
        evaluator, found, level, attach, refuse, lambda text: load_baseline(snapshot, text)
    )


def _properties(
    result: CheckResult, level: LevelResult | None, gate: CheckGate | None
) -> list[tuple[str, object]]:
    """What JUnit gets of a node."""
    named: dict[str, object] = {"check": result.check}
    if level:
        named |= {
            "level": level.level.label,
            "rate": f"{level.rate:.4f}" if level.is_answered else "not answered",
            "interval": f"{level.low:.4f} {level.high:.4f}" if level.is_answered else "-",
            "blind": level.blind or "-",
        }
    named |= {"verdict": (level or result).verdict, "reason": (level or result).reason}
    if gate:
        named |= {"gate": gate.verdict, "gate_reason": gate.reason, "gate_tier": gate.tier}
    return [(PREFIX + name, value) for name, value in named.items()]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    call = getattr(report, "call", None)
    if report.failed and call is not None and call.excinfo is not None:
        from mimic_checks.errors import UsageError

        # An attribute of the report, so that the controller hears of it, too.
        misused = isinstance(call.excinfo.value, UsageError)
        report.vlm_misused = misused  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A check that its test function did not run has passed nothing."""
    result = yield
    if check_of(pyfuncitem) and not hasattr(pyfuncitem, "vlm_node"):
        pytest.fail(
            f"{pyfuncitem.name} is marked with @check(...) and did not run it; take the fixture"
            " vlm_check and call vlm_check.run()",
            pytrace=False,
        )
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Attributes of a report are sent along with it; those of an item stay in the worker.
    if report.when == "call" and hasattr(item, "vlm_unusable"):
        report.vlm_unusable = item.vlm_unusable  # type: ignore[attr-defined]
    if report.when == "call" and hasattr(item, "vlm_node"):
        report.vlm_node = item.vlm_node  # type: ignore[attr-defined]
    # At setup: by a mark, or by a fixture of the user's.
    elif report.when in ("setup", "call") and report.skipped and (check := check_of(item)):
        # A check of which a level is left out still owes its verdict.
        if not getattr(item, "vlm_level_left_out", False):
            report.vlm_skipped = check.check_id  # type: ignore[attr-defined]
        report.vlm_not_carried = getattr(item, "vlm_not_carried", "")  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    node = getattr(report, "vlm_node", None)
    judged = report.when == "call" and node and node["verdict"] == "inconclusive"
    if judged or getattr(report, "vlm_not_carried", "") == "inconclusive":
        return "inconclusive", "i", "INCONCLUSIVE"
    return None
