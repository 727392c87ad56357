"""One run answered by several processes, against one, and against sharing out whole checks.

    python -m bench.sharing [--vlm builtin] [--device cpu|cuda] [--cases 60] [--workers 1 2]

Every process loads its model, tests its harness, waits for the others, and takes batches until none
is left (`checks.sharing`), as the workers of `pytest -n` do; on a CPU with one thread each, on
several GPUs with a device each. Timed from the moment that all are ready to the last one's end. The
limit is one process's time over their number; the peer is xdist alone, which hands out whole
checks: no schedule of those ends before its longest check, nor before the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

CHECKS = ("spread.unbalanced", "distractors", "image_count.listing", "image_count.counting")


def worker(options: argparse.Namespace) -> None:
    """One process: prints "ready", waits for a line, answers, prints the seconds of each check."""
    from mimic_checks.checks import preflight
    from mimic_checks.checks.discovery import find_checks
    from mimic_checks.checks.evaluator import conditions
    from mimic_checks.checks.run_plan import RunPlan
    from mimic_checks.checks.session import CheckSession
    from mimic_checks.checks.settings import Settings
    from mimic_checks.models import ModelOptions

    known = find_checks()
    model = ModelOptions(device=options.device)
    settings = Settings(
        vlm=options.vlm, cases=options.cases, batch=8, output=options.folder, model=model
    )
    session = CheckSession(RunPlan(settings, [known[name] for name in options.checks]))
    assert not preflight.problems(session)
    for check in session.plan.checks:
        session.plan.draws(check)
    print("ready", flush=True)
    sys.stdin.readline()
    seconds = {}
    for check in session.plan.checks:
        began = time.perf_counter()
        for condition in conditions(session, check):
            session.engine.contribute(condition)
        seconds[check.check_id] = time.perf_counter() - began
    print(json.dumps(seconds), flush=True)


def shared(
    number: int, checks: Sequence[str], arguments: Sequence[str]
) -> tuple[float, list[dict[str, float]]]:
    """Seconds until the last of so many processes has nothing left to take.

    With the seconds that each process spent on each check.
    """
    with tempfile.TemporaryDirectory() as folder:
        where = ["--folder", folder, "--checks", *checks]
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.sharing", *where, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTEST_XDIST_WORKER": f"gw{k}", "OMP_NUM_THREADS": "1"},
            )
            for k in range(number)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        seconds = [json.loads(process.communicate()[0]) for process in processes]
        lines = [
            line
            for path in Path(folder).glob("journal/*.jsonl")
            for line in path.read_text().splitlines()
        ]
        # Every planned batch was answered, and none of them twice.
        planned = sum(len(json.loads(line)["plan"]) for line in lines if '"plan"' in line)
        assert sum(line.startswith('{"batch"') for line in lines) == planned
        return max(sum(by_check.values()) for by_check in seconds), seconds


def main(arguments: Sequence[str] = ()) -> list[str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vlm", default="builtin")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--checks", nargs="+", default=CHECKS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.folder:
        worker(options)
        return []
    passed_on = ["--vlm", options.vlm, "--device", options.device, "--cases", str(options.cases)]
    lines = [
        f"sharing a run, {options.vlm} on {options.device}, {options.cases} cases a level:",
        "",
        "| checks | processes | seconds | of the limit | whole checks at best, of the limit |",
        "|---|---|---|---|---|",
    ]
    for checks in (options.checks, options.checks[-1:]):
        alone, by_process = shared(1, checks, passed_on)
        for number in options.workers:
            seconds = alone if number == 1 else shared(number, checks, passed_on)[0]
            limit = alone / number
            whole_checks = max(max(by_process[0].values()), limit)
            lines.append(
                f"| {len(checks)} | {number} | {seconds:.1f} | {seconds / limit:.2f}"
                f" | {whole_checks / limit:.2f} |"
            )
    return lines


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1:])))
