"""Registries: what a stranger's package can do wrong costs only those who use it, and says what to
do."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from mimic_checks import registry
from mimic_checks.errors import ExtensionError, InvalidArgument
from mimic_checks.registry import Registry


class Tool:
    use = None


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Installs modules (name -> source) behind entry points (name -> value); gives a registry."""

    def install(points, **modules):
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source)
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(tmp_path)
        found = [EntryPoint(name, value, "tools") for name, value in points]
        monkeypatch.setattr(registry, "entry_points", lambda group: found)
        return Registry("tools", "tool", ("use",))

    yield install
    for name in [name for name in sys.modules if name.startswith("stranger")]:
        del sys.modules[name]


GOOD = "class Saw:\n    use = 1\nSAW = Saw()\n"


def test_an_object_is_imported_when_it_is_looked_up(installed):
    tools = installed([("saw", "stranger_saw:SAW")], stranger_saw=GOOD)
    assert tools.names() == ["saw"]
    assert "stranger_saw" not in sys.modules
    assert tools.get("saw").use == 1
    assert tools.get("saw") is tools.get("saw")


def test_an_unknown_name_gets_the_closest(installed):
    tools = installed([("saw", "stranger_saw:SAW"), ("drill", "stranger_saw:SAW")])
    with pytest.raises(
        InvalidArgument, match=r"tool='dril' .*'drill', 'saw'; did you mean 'drill'"
    ):
        tools.get("dril")


def test_two_packages_with_one_name_are_refused_by_both(installed):
    tools = installed([("saw", "stranger_saw:SAW"), ("saw", "stranger_other:SAW")])
    with pytest.raises(ExtensionError, match=r"stranger_saw:SAW.*stranger_other:SAW.*uninstall"):
        tools.get("saw")


def test_one_object_registered_twice_is_one(installed):
    """As a package that is installed and on the path too."""
    tools = installed([("saw", "stranger_saw:SAW")] * 2, stranger_saw=GOOD)
    assert tools.get("saw").use == 1


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import no_such_module_anywhere\n", "ModuleNotFoundError: No module named"),
        ("SAW = 1 / 0\n", "ZeroDivisionError"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3"),
        ("import pytest; pytest.skip('not here', allow_module_level=True)\n", "Skipped: not here"),
        ("import pytest; pytest.importorskip('no_such_module_anywhere')\n", "Skipped"),
        ("OTHER = 1\n", "AttributeError"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_a_module_that_breaks_is_named_and_costs_only_its_own_name(installed, source, says):
    tools = installed(
        [("saw", "stranger_broken:SAW"), ("drill", "stranger_good:SAW")],
        stranger_broken=source,
        stranger_good=GOOD,
    )
    assert tools.get("drill").use == 1
    with pytest.raises(ExtensionError, match=r"tool 'saw' of .* cannot be imported") as error:
        tools.get("saw")
    assert says in str(error.value)
    assert tools.names() == ["drill", "saw"]


def test_ctrl_c_while_importing_stays_ctrl_c(installed):
    tools = installed([("saw", "stranger_slow:SAW")], stranger_slow="raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        tools.get("saw")


def test_an_object_without_its_parts_is_refused_with_their_names(installed):
    tools = installed([("saw", "stranger_saw:SAW")], stranger_saw="SAW = object()\n")
    with pytest.raises(ExtensionError, match=r"tool 'saw' of .* lacks 'use'"):
        tools.get("saw")
    with pytest.raises(ExtensionError, match=r"tool 'file' of code lacks 'use'"):
        tools.add("file", object())
    assert tools.names() == ["saw"]


def test_objects_are_added_from_code_once(installed):
    tools = installed([("saw", "stranger_saw:SAW")], stranger_saw=GOOD)
    file = Tool()
    tools.add("file", file)
    tools.add("file", file)
    assert tools.get("file") is file
    assert tools.names() == ["file", "saw"]
    with pytest.raises(ExtensionError, match="'file' is registered already; give yours another"):
        tools.add("file", Tool())
    with pytest.raises(ExtensionError, match="'saw' is registered already"):
        tools.add("saw", Tool())
    assert tools.get("file") is file


def test_a_task_of_ones_own_is_looked_up_like_a_built_in_one(monkeypatch):
    from mimic_checks.tasks import TASKS, Task, YesNo

    class Coin(Task):
        name = "coin"
        truth_type = YesNo

        def read(self, answer, truth, offered, vocabulary):
            return YesNo("heads" in answer)

    monkeypatch.setattr(TASKS, "_loaded", dict(TASKS._loaded))
    TASKS.add("coin", Coin())
    coin = TASKS.get("coin")
    assert coin.score(coin.read("heads", YesNo(True), (), None), YesNo(True)).right
    assert coin.no_prediction.partial is None
    assert coin.blind_answers(YesNo(True), 2, (), None) == {}
    assert coin.released_scores([("heads", YesNo(True))]) == {}
    assert "coin" in TASKS.names()
    assert "counting" in TASKS.names()
