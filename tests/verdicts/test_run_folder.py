"""Run folders: one process at a time, and none that was killed stands in the way."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from mimic_checks.errors import RunFolderError
from mimic_checks.runs.begun import begun
from mimic_checks.runs.hold import LOCK
from mimic_checks.verdicts.run_folder import RunFolder
from tests.scored import group, outcome, records

HOLD = """
import sys, time
from pathlib import Path
from mimic_checks.verdicts.run_folder import RunFolder
folder = RunFolder(Path(sys.argv[1]))
folder.prepare({"vlm": "x"})
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_process_is_refused_with_the_first_one_s_pid_and_host_until_it_is_gone(tmp_path):
    path = tmp_path / "run"
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    try:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(
            RunFolderError,
            match=f"is in use by pid {first.pid} on host {socket.gethostname()}; wait for it",
        ):
            RunFolder(path).prepare({"vlm": "x"})
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    assert (path / LOCK).exists(), "a killed run leaves its file, which holds nobody up"
    folder = RunFolder(path)
    folder.prepare({"vlm": "x"})
    folder.finish()
    assert not (path / LOCK).exists()


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds other files and no run"):
        RunFolder(tmp_path).prepare({})
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_refused_before_anything_else(tmp_path, monkeypatch):
    def read_only(*given, **more):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(
        RunFolderError,
        match=r"output='.*run' cannot be used: .*Read-only file system; give another --vlm-output",
    ):
        RunFolder(tmp_path / "run").prepare({"vlm": "x"})
    with pytest.raises(RunFolderError, match="cannot be used: .*Not a directory"):
        (tmp_path / "file").write_text("")
        monkeypatch.undo()
        RunFolder(tmp_path / "file" / "run").prepare({"vlm": "x"})


def test_a_folder_that_stops_being_writable_is_explained(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    folder.prepare({"vlm": "x"})

    def read_only(path, data):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("mimic_checks.verdicts.files.replace_file", read_only)
    with pytest.raises(
        RunFolderError,
        match=(
            r"identity.json' cannot be written: Read-only file system; .*make the folder writable"
        ),
    ):
        folder.write_identity({"name": "x"})


ONCE = """
import sys, time
from pathlib import Path
from mimic_checks.verdicts.run_folder import RunFolder
def make():
    time.sleep(0.3)
    return int(sys.argv[2])
print(RunFolder(Path(sys.argv[1])).once("budget", {"name": "x"}, make))
"""


def test_a_number_is_made_once_for_all_processes_of_a_run(tmp_path):
    several = [
        subprocess.Popen(
            [sys.executable, "-c", ONCE, str(tmp_path), str(k)], stdout=subprocess.PIPE
        )
        for k in range(3)
    ]
    assert len({process.communicate()[0] for process in several}) == 1
    folder = RunFolder(tmp_path)
    first = folder.once("budget", {"name": "x"}, lambda: 99)
    assert first in range(3)
    assert folder.once("budget", {"name": "another model"}, lambda: 99) == 99
    (tmp_path / "journal" / "budget.json").write_text("{")
    assert folder.once("budget", {"name": "x"}, lambda: 7) == 7, "what cannot be read is made again"


def test_whether_a_run_goes_on(tmp_path):
    folder = RunFolder(tmp_path / "run")
    assert not folder.goes_on({"vlm": "x"})
    folder.prepare({"vlm": "x"})
    assert RunFolder(tmp_path / "run").goes_on({"vlm": "x"})
    assert not RunFolder(tmp_path / "run").goes_on({"vlm": "y"})
    folder.finish()
    assert not RunFolder(tmp_path / "run").goes_on({"vlm": "x"})


OLD = {"description": {"vlm": "x", "checks": ["a"]}, "finished": False}
"""A `run.json` of 0.1."""


def test_a_folder_of_0_1_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(OLD))
    folder = RunFolder(tmp_path)
    for use in (folder.read, folder.results, folder.records, folder.checks, folder.gates):
        with pytest.raises(
            RunFolderError,
            match=r"is of format 1, .* reads format 2; run the checks again .*mimic-checks==0.1",
        ):
            use()
    (tmp_path / LOCK).write_text("")
    assert not folder.goes_on(OLD["description"]), "a run of another format is another run"


@pytest.mark.parametrize("text", ["[1]", "{", "\xff"])
def test_what_is_no_run_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(RunFolderError, match=r"holds no run .*give a --vlm-output folder"):
        RunFolder(tmp_path).read()


ONLY_ANSWERED = '{"fingerprint": "f", "plan": [["a"]]}\n{"batch": 0, "answers": {}}\n'


def unfinished(path, description, check="a"):
    """A run with an answer, that was stopped."""
    folder = RunFolder(path)
    folder.prepare(description)
    folder.journal(check).parent.mkdir(exist_ok=True)
    folder.journal(check).write_text(ONLY_ANSWERED)
    del folder
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


FIRST = {
    "vlm": "x",
    "cases": 50,
    "thresholds": None,
    "output": "run",
    "model": {"dtype": "auto", "concurrency": 8},
    "checks": {"a": {"levels": ["spread=1"]}, "b": {"levels": []}},
}
OTHERS = [
    ({"cases": 100}, "cases was 50, is 100"),
    ({"vlm": "y"}, "vlm was 'x', is 'y'"),
    ({"model": {"dtype": "float16", "concurrency": 8}}, "model dtype was 'auto', is 'float16'"),
    ({"model": {"dtype": "auto", "concurrency": 8, "new": 1}}, "model new was None, is 1"),
    ({"burn_in": True}, "burn_in was None, is True"),
]


@pytest.mark.parametrize(("changed", "says"), OTHERS, ids=[says for _, says in OTHERS])
def test_an_unfinished_run_with_other_options_is_refused_and_left_alone(tmp_path, changed, says):
    left = unfinished(tmp_path, FIRST)
    with pytest.raises(
        RunFolderError,
        match=f"answers of an unfinished run .*: {says}; give that run's command again .*another"
        " --vlm-output .*--vlm-discard-unfinished",
    ):
        RunFolder(tmp_path).prepare({**FIRST, **changed})
    (tmp_path / LOCK).write_bytes(left[tmp_path / LOCK])
    assert left == {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    folder = RunFolder(tmp_path)
    folder.prepare({**FIRST, **changed}, discard=True)
    assert not folder.journal("a").exists()


def test_a_description_is_the_same_as_it_is_read_back(tmp_path):
    described = {"vlm": "x", "model": {"kept": ()}, "burn_in": (1, 2)}
    unfinished(tmp_path, described)
    folder = RunFolder(tmp_path)
    folder.prepare(described)
    assert folder.journal("a").exists()
    assert RunFolder(tmp_path).goes_on(described)


@pytest.mark.parametrize(
    "changed",
    [
        {"thresholds": "own.toml"},
        {"policy": "own.toml", "output": "elsewhere"},
        {"model": {"dtype": "auto", "concurrency": 1}},
        {"checks": {**FIRST["checks"], "c": {}}},
    ],
)
def test_what_changes_no_answer_goes_on_and_judges_anew(tmp_path, changed):
    unfinished(tmp_path, FIRST)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "a.json").write_text("{}")
    folder = RunFolder(tmp_path)
    folder.prepare({**FIRST, **changed})
    assert folder.journal("a").read_text() == ONLY_ANSWERED
    assert not list((tmp_path / "results").iterdir()), "judged by the old thresholds"
    folder.finish()
    RunFolder(tmp_path).prepare({**FIRST, "vlm": "another"})
    assert not folder.journal("a").exists(), "a finished run is replaced"


@pytest.mark.parametrize("checks", [{"b": {"levels": []}}, {"a": {"levels": ["spread=2"]}}])
def test_a_selection_goes_on_and_what_it_leaves_out_is_not_lost(tmp_path, checks):
    """As `--lf` after `-x` selects: the folder is finished when all is that had answers."""
    unfinished(tmp_path, FIRST, check="a.condition")
    for description in ({**FIRST, "checks": checks}, FIRST):
        folder = RunFolder(tmp_path)
        folder.prepare(description)
        folder.finish()
        assert folder.journal("a.condition").read_text() == ONLY_ANSWERED
        with_all = description is FIRST
        assert json.loads((tmp_path / "run.json").read_text())["finished"] is with_all


def test_a_run_in_which_nothing_was_answered_holds_nobody_up(tmp_path):
    """A model that did not load, say: the next try may be of another."""
    RunFolder(tmp_path).prepare(FIRST)
    RunFolder(tmp_path).prepare({**FIRST, "vlm": "the right one"})


def test_an_unfinished_run_of_0_1_is_not_thrown_away(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(OLD))
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "a.jsonl").write_text('{"check": "a", "level": "spread=1"}\n')
    folder = RunFolder(tmp_path)
    with pytest.raises(RunFolderError, match="it is of format 1, and mimic_checks .* writes 2"):
        folder.prepare(OLD["description"])
    folder.prepare(OLD["description"], discard=True)
    assert folder.records() == []
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == 2


def test_a_finished_burn_in_is_taken_up_by_the_same_command_alone(tmp_path):
    unfinished(tmp_path, FIRST)
    folder = RunFolder(tmp_path)
    folder.prepare(FIRST, again=True)
    folder.finish()
    RunFolder(tmp_path).prepare(FIRST, again=True)
    assert folder.journal("a").exists()
    RunFolder(tmp_path).prepare(FIRST)
    assert folder.journal("a").exists(), "it is unfinished again"


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_said(tmp_path, monkeypatch, error):
    def refuse(*given):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("fcntl.lockf", refuse)
    says = "has no file locks .*give an output folder on a local disk"
    with pytest.raises(RunFolderError, match=says):
        RunFolder(tmp_path / "run").prepare(FIRST)
    with pytest.raises(RunFolderError, match=says):
        RunFolder(tmp_path / "run").once("budget", {}, lambda: 1)
    with pytest.raises(RunFolderError, match=says), begun(tmp_path / "run", "a"):
        pass


def test_a_folder_that_was_taken_away_is_not_written_again(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.prepare(FIRST)
    folder.require()
    shutil.rmtree(tmp_path / "run")
    for use in (folder.require, folder.finish, lambda: folder.write_identity({})):
        with pytest.raises(RunFolderError, match=r"run' (was removed while|holds no run)"):
            use()
    assert not (tmp_path / "run").exists()
    folder.prepare(FIRST)


def test_an_unfinished_run_of_the_same_description_keeps_its_outcomes(tmp_path):
    description = {"vlm": "x", "checks": {"a": {}, "b": {}}}
    folder = RunFolder(tmp_path / "run")
    folder.prepare(description)
    item = group(1, ["right", "wrong"])
    (folder.path / "outcomes").mkdir()
    lines = records([item, outcome(9, "error", "line\u2028two")], check="a")
    text = "".join(line.model_dump_json() + "\n" for line in lines)
    (folder.path / "outcomes" / "a.jsonl").write_text(text, encoding="utf-8")
    del folder
    again = RunFolder(tmp_path / "run")
    again.prepare(description)
    assert again.records() == again.records_of("a") == lines
    assert again.records_of("b") == []
    assert list(again.checks()) == ["a", "b"]


def test_a_finished_run_is_replaced_and_what_a_kill_cut_off_is_swept(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.prepare({"vlm": "x"})
    part, lines = folder.path / "outcomes" / "a.jsonl.7.part", folder.path / "outcomes" / "a.jsonl"
    part.parent.mkdir()
    part.write_text("{")
    lines.write_text("")
    del folder
    again = RunFolder(tmp_path / "run")
    again.prepare({"vlm": "x"})
    assert not part.exists()
    assert lines.exists(), "an unfinished run is taken up"
    again.finish()
    RunFolder(tmp_path / "run").prepare({"vlm": "x"})
    assert not lines.exists()


def test_answers_of_an_earlier_run_are_counted_from_the_journals(tmp_path):
    folder = RunFolder(tmp_path)
    batches = [{"batch": 0, "answers": {"a": "1", "b": "2"}, "cached": True}]
    batches += [{"batch": 1, "answers": {"c": "3"}, "cached": False}, {"batch": 2}]
    folder.journal("x").parent.mkdir()
    text = '{"plan": []}\n' + "".join(json.dumps(batch) + "\n" for batch in batches)
    folder.journal("x").write_text(text + '{"batch": 3, "answ')
    assert folder.cached() == (2, 3)


def test_a_torn_run_file_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"description": {')
    with pytest.raises(RunFolderError, match=r"cannot be used \(run\.json is torn\): "):
        RunFolder(tmp_path).prepare({})
