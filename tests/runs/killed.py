"""A run that is killed again and again, or that fills the disk.

    python -m tests.runs.killed <folder> <kills> <seed>
    python -m tests.runs.killed <folder> full <bytes>

Children are forked from one process that has drawn the cases, so that a run starts in milliseconds
and is killed wherever it is: while planning, answering, judging, writing results, pictures, report.
Every finished run is compared with one that nobody killed. Times are left out by a clock that
stands still. Prints what was done; exits 1 at the first difference.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

from mimic_checks.catalog import load_catalog
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluator import Evaluator
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import RunFolderError
from mimic_checks.models.stubs import LosesTrack
from mimic_checks.reporting import write_report

ALL = find_checks()
CHECKS = [ALL[name] for name in ("spread.unbalanced", "image_count.listing", "distractors")]
BATCH_S = 0.001
"""How long answering a batch takes."""


class Steady(LosesTrack):
    """A model with one defect, a little slow."""

    def answer(self, prompts):
        pause(BATCH_S)
        return super().answer(prompts)


pause = time.sleep


def session(folder: Path) -> CheckSession:
    """The run into a folder; all of them share catalog and draws."""
    plan = RunPlan(Settings(vlm="steady", cases=24, batch=4, output=folder), CHECKS)
    plan.__dict__["catalog"], plan._draws = CATALOG, DRAWS
    return CheckSession(plan, make_model=lambda: Steady(CATALOG))


def whole_run(folder: Path) -> None:
    """What one command does after drawing: prepare, answer, judge, report, finish."""
    time.monotonic = lambda: 0.0
    run = session(folder)
    run.folder.prepare(run.plan.describe())
    evaluator = Evaluator(run)
    for found in CHECKS:
        evaluator.result(found)
    write_report(folder)
    run.folder.finish()


def forked(folder: Path, *, bytes_at_most: int | None = None) -> int:
    """A child that runs into `folder`; its pid."""
    if child := os.fork():
        return child
    code = 1
    try:
        if bytes_at_most:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))
        whole_run(folder)
        code = 0
    except RunFolderError as error:
        print(error, flush=True)
        code = 4
    finally:
        os._exit(code)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a run; the output folder's own name stands in some."""
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return {name: data.replace(str(folder).encode(), b"<folder>") for name, data in files.items()}


def same_as_whole(folder: Path, whole: dict[str, bytes]) -> None:
    found = contents(folder)
    differing = [name for name in sorted({*whole, *found}) if whole.get(name) != found.get(name)]
    if differing:
        sys.exit(f"{folder}: differs from the uninterrupted run in {differing}")


def main(place: Path, mode: str, number: int) -> None:
    began = time.perf_counter()
    assert os.waitpid(forked(place / "whole"), 0)[1] == 0
    took, whole = time.perf_counter() - began, contents(place / "whole")
    assert len(whole) > 20
    if mode == "full":
        code = os.waitstatus_to_exitcode(
            os.waitpid(forked(place / "run", bytes_at_most=number), 0)[1]
        )
        assert os.waitpid(forked(place / "run"), 0)[1] == 0
        same_as_whole(place / "run", whole)
        print(f"exit {code}, then the same {len(whole)} files")
        return
    kills, runs, dice = 0, 0, random.Random(number)
    while kills < int(mode):
        runs += 1
        while True:
            child = forked(place / "run")
            pause(dice.uniform(0, 1.2 * took))
            os.kill(child, signal.SIGKILL)
            killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
            kills += killed
            if not killed:
                break
        same_as_whole(place / "run", whole)
        shutil.rmtree(place / "run")
    print(f"{kills} kills in {runs} runs of {took:.2f} s: the same {len(whole)} files every time")


CATALOG = load_catalog("rendered?scenes=400&families=24")
DRAWS = {}
DRAWS = {it.check_id: session(Path("nowhere")).plan.draws(it.check) for it in CHECKS}

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
