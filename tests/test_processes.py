"""Commands that are stopped say so, and leave no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mimic_checks.cli import main
from mimic_checks.processes import KEPT, Terminated

QUICK = (
    *(sys.executable, "-m", "pytest", "--pyargs", "mimic_checks.checks", "-p", "no:cacheprovider"),
    *("-q", "-k", "test_unbalanced", "--vlm", "stub:slow", "--vlm-cases", "40"),
    *("--vlm-batch", "2", "--vlm-catalog", "rendered?scenes=600&families=6"),
)


def hear_sigint():
    """In a new process: Ctrl-C is heard, also where this suite runs in the background of a shell,
    which has its processes ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(true, *, s=40):
    """Whether something becomes true."""
    deadline = time.monotonic() + s
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def is_there(pid):
    """Whether a process runs, and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def said():
    """Starts Python on some lines; what its first line says is awaited."""
    started = []

    def start(code):
        pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        process = subprocess.Popen(
            [sys.executable, "-c", code], text=True, preexec_fn=hear_sigint, **pipes
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


CALLS = """
import sys
from mimic_checks.processes import call
child = '''
import os, signal, sys, time
def stop(number, frame):
    print("asked to stop", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, stop)
print(os.getpid(), flush=True)
time.sleep(60)
'''
sys.exit(call([sys.executable, "-c", child]))
"""


def test_a_command_in_a_process_of_its_own_hears_sigterm_and_answers_itself(said):
    process, _ = said(CALLS)
    process.terminate()
    rest, _ = process.communicate(timeout=30)
    assert (rest.strip(), process.returncode) == ("asked to stop", 7)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's own signal")
def test_it_does_not_outlive_a_killed_parent(said):
    process, child = said(CALLS)
    process.kill()
    process.wait()
    assert wait_until(lambda: not is_there(int(child)))


def test_what_a_signal_ended_is_told_as_shells_do():
    from mimic_checks.processes import call

    assert call([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]) == 137


POOL = """
import os, time
from remedies.in_processes import in_processes
def work(k):
    print(os.getpid(), flush=True) if k else None
    time.sleep(60)
list(in_processes(work, [(0,), (1,)], 2))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's own signal")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_processes_that_make_training_data_end_with_their_parent(said, number):
    process, child = said(POOL)
    process.send_signal(number)
    process.wait(timeout=20)
    assert wait_until(lambda: not is_there(int(child)))


@pytest.mark.parametrize(
    ("stopped", "code"), [(KeyboardInterrupt(), 130), (Terminated("SIGTERM"), 143)]
)
def test_a_stopped_command_says_how_to_go_on(monkeypatch, capsys, stopped, code):
    def stop(*given, **more):
        raise stopped

    monkeypatch.setattr("mimic_checks.commands.plan.call_pytest", stop)
    assert main(["plan"]) == code
    assert capsys.readouterr().err == f"\nmimic-checks: stopped; {KEPT}\n"


def journal_lines(folder):
    path = folder / "journal" / "spread.unbalanced.jsonl"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_says_how_to_go_on(tmp_path, number):
    with (tmp_path / "said").open("w") as out:
        process = subprocess.Popen(
            [*QUICK, "-p", "no:xdist", "--vlm-output", "run"],
            cwd=tmp_path,
            stdout=out,
            stderr=out,
            preexec_fn=hear_sigint,
        )
        assert wait_until(lambda: journal_lines(tmp_path / "run") > 2)
        process.send_signal(number)
        assert process.wait(timeout=30) == pytest.ExitCode.INTERRUPTED
    text = (tmp_path / "said").read_text()
    assert "no result: spread.unbalanced: " in text
    assert "what was answered is kept: run the same command again to go on from there" in text
    assert "INTERNALERROR" not in text
    assert journal_lines(tmp_path / "run") > 2


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's own signal")
def test_a_killed_xdist_controller_leaves_no_workers(tmp_path):
    from tests.runs.test_kills import children

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    process = subprocess.Popen([*QUICK, "-n", "2", "--vlm-output", "run"], **quiet)
    assert wait_until(lambda: journal_lines(tmp_path / "run") > 2)
    workers = children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert len(workers) == 2
    # execnet's own way takes up to fifteen seconds, in which they would go on answering.
    assert wait_until(lambda: not any(map(is_there, workers)), s=3)


STOPPED_TWICE = """
import time
from mimic_checks.processes import stoppable
with stoppable():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("clearing up", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_process_at_once_as_the_system_does(said, first, second):
    process, _ = said(STOPPED_TWICE)
    process.send_signal(first)
    assert process.stdout.readline() == "clearing up\n"
    process.send_signal(second)
    assert process.wait(timeout=20) == -second


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes as Unix has them")
def test_a_command_whose_output_nobody_reads_ends_quietly(tmp_path):
    file = tmp_path / "answers.jsonl"
    file.write_text('{"task": "yes_no", "answer": "yes"}\n' * 3000)
    process = subprocess.Popen(
        [sys.executable, "-m", "mimic_checks", "read", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.readline()
    process.stdout.close()
    said_last = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=30), said_last) == (128 + signal.SIGPIPE, "")
