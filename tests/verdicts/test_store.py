"""Run folders: one process at a time, and none that was killed stands in the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from mimic_checks.errors import RunFolderError
from mimic_checks.verdicts.store import LOCK, RunFolder

HOLD = """
import sys, time
from pathlib import Path
from mimic_checks.verdicts.store import RunFolder
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
        with pytest.raises(RunFolderError, match=f"is in use by pid {first.pid} on host {socket.gethostname()}; wait for it"):
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
