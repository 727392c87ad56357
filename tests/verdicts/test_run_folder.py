"""Run folders: one process at a time, and none that was killed stands in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from mimic_checks.errors import RunFolderError
from mimic_checks.verdicts.run_folder import LOCK, RunFolder
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

    monkeypatch.setattr("pathlib.Path.write_bytes", read_only)
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


def test_a_run_into_a_folder_of_0_1_starts_afresh(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(OLD))
    (tmp_path / "outcomes").mkdir()
    (tmp_path / "outcomes" / "a.jsonl").write_text('{"check": "a", "level": "spread=1"}\n')
    folder = RunFolder(tmp_path)
    folder.prepare(OLD["description"])
    assert folder.records() == []
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == 2


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
