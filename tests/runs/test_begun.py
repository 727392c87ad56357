"""Marks of begun work: of a process that died, and of those that live or came to the end."""

from __future__ import annotations

import os
import subprocess
import sys

from mimic_checks.runs.begun import begun, forget_begun

DIES = """
import os, sys
from pathlib import Path
from mimic_checks.runs.begun import begun
with begun(Path(sys.argv[1]), "check"):
    os._exit(9)
"""


def test_work_that_killed_a_process_is_known_until_it_is_forgotten(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    with begun(tmp_path, "check") as died:
        assert died
    with begun(tmp_path, "other") as died:
        assert not died
    forget_begun(tmp_path)
    with begun(tmp_path, "check") as died:
        assert not died
    assert list(tmp_path.iterdir()) == []


def test_a_living_process_at_the_same_work_is_no_dead_one(tmp_path):
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with begun(tmp_path, "check"):
            os.write(ready[1], b"x")
            os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    with begun(tmp_path, "check") as died:
        assert not died
    os.write(go[1], b"x")
    os.waitpid(child, 0)
    with begun(tmp_path, "check") as died:
        assert not died


def test_an_error_is_an_end(tmp_path):
    for _ in range(2):
        try:
            with begun(tmp_path, "check") as died:
                assert not died
                raise ValueError
        except ValueError:
            pass
