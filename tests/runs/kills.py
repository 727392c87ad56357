"""Commands that are killed, and given again until they are done: the result is that of one nobody
killed.

    python -m tests.runs.kills <folder> [--kills 30] [--boundaries 0] [--seed 1] [--only NAME ...]
                               [--seconds 900] [--log FILE]

Each command runs in a fork of this process, which has imported all that they need, into a folder of
its own. `--kills` are SIGKILLs at random moments of its run; `--boundaries` are kills just before
its k-th write into the folder (a file opened, renamed, removed), where a file that is about to be
written over has been emptied already, as a kill in the middle of a write leaves it. Nothing that a
command has started may outlive it. Prints a line per history (a folder, its kills, what came of
it); exits 1 if one came to something else than the same result or a refusal that says what to do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mimic_checks import cli, processes
from mimic_checks.catalog import rendered
from mimic_checks.catalog.presence import presence
from remedies import dataset, prove
from remedies.mixture import Mixture, Part

CATALOG = "rendered?scenes=600&families=6"
TRAINING_SPEC = "rendered?seed=31&scenes=300&families=0"
POLICY = "[defaults]\nmargin = 0.3\nlevel_margin = 0.3\nmin_cases = 20\n"
REFUSED = 4
ALONE = False
"""Whether this process counts its writes."""


@dataclass(frozen=True)
class Command:
    """A command: `run` does it into a folder, `result` is what it leaves there, times left out;
    `codes` are those of one that came to its end."""

    name: str
    run: Callable[[Path], int]
    result: Callable[[Path], dict[str, object]]
    codes: tuple[int, ...] = (0,)


def files(folder: Path, pattern: str = "**/*") -> dict[str, object]:
    """The files of a folder; its own name stands in some."""
    return {
        str(path.relative_to(folder)): path.read_bytes().replace(str(folder).encode(), b"<folder>")
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


def without(path: Path, *names: str) -> object:
    """A JSON file, some names of it left out wherever they are."""

    def left(value: object) -> object:
        if isinstance(value, dict):
            return {key: left(item) for key, item in value.items() if key not in names}
        return [left(item) for item in value] if isinstance(value, list) else value

    return left(json.loads(path.read_text())) if path.is_file() else None


def commands(inputs: Path) -> list[Command]:
    """The commands, over inputs that are made here once."""
    data, policy = inputs / "data", inputs / "policy.toml"
    policy.parent.mkdir(parents=True)
    policy.write_text(POLICY)
    part = Part(name="counting", family="counting", samples=40, images=(2, 2), turns=(1, 1))
    labels = presence(rendered(seed=31, scenes=300, families=0))
    dataset.write_training_data(labels, Mixture(parts=(part,)), data, processes=1)
    dataset.SHARD = 25
    sets = "mask=deep max_steps=4 save_steps=2 batch_size=2 bf16=false".split()
    settings = [part for one in sets for part in ("--set", one)]
    training = ["--preset", "builtin", *settings]
    model = ["--vlm", "builtin", "--data", str(data)]

    def make_data(out: Path) -> int:
        # A write of another process would be nobody's k-th.
        processes = "1" if ALONE else "2"
        mixture = ["--mixture", "builtin", "--samples", "120", "--processes", processes]
        return cli.main(
            ["remedy", "data", "--catalog", TRAINING_SPEC, *mixture, "--out", str(out / "data")]
        )

    def make_adapter(out: Path) -> int:
        return cli.main(["remedy", "train", *model, *training, "--out", str(out / "adapter")])

    def make_proof(out: Path) -> int:
        few = "--masks deep --seeds 0 --vlm-cases 4 --guard-cases 4 --vlm-batch 8".split()
        where = ["--out", str(out / "proof"), "--vlm-catalog", "rendered?seed=41&scenes=900"]
        sys.argv = ["mimic-checks", "remedy", "prove"]
        return cli.main(["remedy", "prove", *model, *few, *where, *training])

    def make_burn_in(out: Path) -> int:
        few = ["--vlm-cases", "40", "--histories", "5", "--vlm-catalog", CATALOG]
        return cli.main(
            [
                *("burn-in", "--vlm", "stub:loses-track", "--check", "spread.unbalanced", *few),
                *("--vlm-policy", str(policy), "--vlm-output", str(out / "burn-in")),
            ]
        )

    def compare(out: Path) -> int:
        runs = [str(inputs / name) for name in ("before", "after")]
        return cli.main(["compare", *runs, "--vlm-policy", str(policy), "--out", str(out / "gate")])

    def record(out: Path) -> int:
        base = ["--vlm-baseline", str(out / "base"), "--vlm-policy", str(policy)]
        return _checks("stub:loses-track", out / "run", *base, "--snapshot-update")

    for name, stub in (("before", "stub:oracle"), ("after", "stub:loses-track")):
        forked(lambda out, stub=stub, name=name: _checks(stub, out / name), inputs).finish()
    return [
        Command("data", make_data, files),
        Command(
            "train",
            make_adapter,
            lambda out: {
                **files(out, "adapter/*.safetensors"),
                **files(out, "adapter/*mask*"),
                **files(out, "adapter/adapter_config.json"),
                "record": without(out / "adapter" / "training.json", "seconds", "resumed_from"),
            },
        ),
        Command(
            "prove",
            make_proof,
            lambda out: {
                "proof": without(out / "proof" / "proof.json", "train_seconds"),
                "summary": (out / "proof" / "summary.md").is_file(),
                "pictures": sorted(path.name for path in (out / "proof" / "images").glob("*")),
            },
        ),
        # Batches are measured: their number, and with it the journal, differs from run to run.
        Command(
            "burn-in",
            make_burn_in,
            lambda out: {
                "table": out.with_suffix(".said").read_bytes(),
                "run": files(out, "burn-in/run.json"),
            },
        ),
        Command("compare", compare, files, (0, 1)),
        Command("snapshot-update", record, lambda out: files(out, "base/*"), (0, 1)),
    ]


def _checks(stub: str, output: Path, *more: str) -> int:
    few = ("--vlm-cases", "25", "--vlm-batch", "5", "--vlm-catalog", CATALOG)
    selected = ("-k", "test_unbalanced or test_common", "-p", "no:cacheprovider", "-p", "no:xdist")
    return int(
        pytest.main(
            [
                *("-c", os.devnull, "--pyargs", "mimic_checks.checks", *selected, "--vlm", stub),
                *("--vlm-output", str(output), *few, *more),
            ]
        )
    )


@dataclass(frozen=True)
class Child:
    """A command at work."""

    pid: int
    out: Path

    def finish(self) -> int:
        """Waits for it; its exit code, below zero of a signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def survivors(self) -> bool:
        """Whether something that it has started is still there after it."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.01)
        return True

    @property
    def said(self) -> str:
        return self.out.with_suffix(".said").read_text()


def forked(run: Callable[[Path], int], out: Path, *, die_at: int | None = None) -> Child:
    """Starts a command; with `die_at` it counts its writes, and dies before that one (0: none,
    the count is left in a file beside the folder)."""
    out.mkdir(exist_ok=True)
    if pid := os.fork():
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)
        return Child(pid, out)
    code = 70
    try:
        os.setpgid(0, 0)
        said = os.open(out.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout, sys.stderr = (open(k, "w", closefd=False) for k in (1, 2))  # noqa: SIM115
        prove.call = _in_a_fork
        if die_at is not None:
            global ALONE
            ALONE = True
            sys.addaudithook(_Writes(out, die_at))
        code = run(out)
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _in_a_fork(command: list[str], **_: object) -> int:
    """In place of a new interpreter, which would import torch for seconds."""
    parent = os.getpid()
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        processes.end_with_parent(signal.SIGTERM, parent)
        code = cli.main(command[command.index("mimic_checks.cli") + 1 :])
    finally:
        os._exit(code)


class _Writes:
    """Counts the writes of this process into a folder, and ends it before one of them."""

    def __init__(self, folder: Path, die_at: int) -> None:
        self.folder, self.die_at, self.count = str(folder) + os.sep, die_at, 0
        self.pid = os.getpid()
        self.counted = os.open(folder.with_suffix(".writes"), os.O_WRONLY | os.O_CREAT)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        written = event in ("open", "os.rename", "os.remove", "os.mkdir", "os.truncate")
        # Hooks are inherited by a process of the pool, or a training of the proof.
        if not written or os.getpid() != self.pid:
            return
        path, flags = str(arguments[0]), 0
        if event == "open":
            flags = int(arguments[2] or 0)  # type: ignore[call-overload]
            if not flags & (os.O_WRONLY | os.O_RDWR):
                return
        if not path.startswith(self.folder):
            return
        self.count += 1
        os.pwrite(self.counted, b"%d" % self.count, 0)
        if self.count == self.die_at:
            if flags & os.O_TRUNC and os.path.exists(path):  # noqa: PTH110
                self.die_at = 0
                os.truncate(path, 0)
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Series:
    """Histories of one command."""

    command: Command
    place: Path
    dice: random.Random
    say: Callable[[str], None]

    def whole(self) -> None:
        """An uninterrupted run: how long it takes, how often it writes, what it leaves."""
        began, child = time.perf_counter(), self._started("whole", die_at=0)
        code = child.finish()
        self.took = time.perf_counter() - began
        if code not in self.command.codes:
            sys.exit(f"{self.command.name}: exit {code} of an uninterrupted run\n{child.said}")
        self.writes = int(child.out.with_suffix(".writes").read_text())
        self.expected = self.command.result(child.out)
        assert self.expected
        self.say(f"{self.command.name}: uninterrupted {self.took:.2f} s, {self.writes} writes")

    def random_kills(self, kills: int, until: float) -> int:
        """Kills at random moments, each history until its command came to an end; how many."""
        done = history = 0
        while done < kills and time.monotonic() < until:
            history += 1
            moments: list[str] = []
            while True:
                child = self._started(f"random-{history}")
                moment = self.dice.uniform(0, 1.2 * self.took)
                ended = _wait(child, moment)
                if ended is not None:
                    break
                moments.append(f"{moment:.2f} s")
                self._no_survivors(child)
                if len(moments) + done >= kills:
                    child = self._started(f"random-{history}")
                    ended = child.finish()
                    break
            done += len(moments)
            if moments:
                self._judge(child, ended, f"killed after {', '.join(moments)}")
            self._forget(child)
        return done

    def boundary_kills(self, kills: int) -> None:
        """One kill a history, before a write that the dice choose."""
        for number in sorted(self.dice.sample(range(1, self.writes + 1), min(kills, self.writes))):
            again, history = self._started(f"write-{number}", die_at=number), "not killed"
            code = again.finish()
            if code == -signal.SIGKILL:
                self._no_survivors(again)
                history = f"killed before write {number} of {self.writes}"
                again = self._started(f"write-{number}")
                code = again.finish()
            self._judge(again, code, history)
            self._forget(again)

    def _started(self, name: str, die_at: int | None = None) -> Child:
        # Every history in a folder of the same name: paths stand in what is written.
        if name != self._at and (self.place / "here").exists():
            shutil.rmtree(self.place / "here")
        self._at = name
        return forked(self.command.run, self.place / "here", die_at=die_at)

    _at = ""

    def _forget(self, child: Child) -> None:
        shutil.rmtree(child.out)

    def _no_survivors(self, child: Child) -> None:
        if child.survivors():
            os.killpg(child.pid, signal.SIGKILL)
            sys.exit(f"{self.command.name}: processes outlived the killed command")

    def _judge(self, child: Child, code: int, history: str) -> None:
        if code == REFUSED:
            reason = child.said.strip().splitlines()[-1]
            if "mimic-checks: " not in reason and "ERROR: " not in reason:
                sys.exit(f"{self.command.name}: {history}: exit 4 without a word\n{child.said}")
            self.say(f"{self.command.name}: {history}: refused: {reason}")
            return
        if code not in self.command.codes:
            sys.exit(f"{self.command.name}: {history}: exit {code}\n{child.said}")
        found = self.command.result(child.out)
        differing = [
            name
            for name in sorted({*self.expected, *found})
            if self.expected.get(name) != found.get(name)
        ]
        if differing:
            pairs = [(self.expected.get(name), found.get(name)) for name in differing]
            sys.exit(f"{self.command.name}: {history}: differs in {differing}\n{pairs!r:.4000}")
        self.say(f"{self.command.name}: {history}: the same {len(found)} results")


def _wait(child: Child, seconds: float) -> int | None:
    """The exit code of a child that ends within some time; None if it had to be killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child.pid, signal.SIGKILL)
    return None if child.finish() == -signal.SIGKILL else 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--boundaries", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        print(line, flush=True)
        if options.log:
            options.log.write_text("\n".join(lines) + "\n")

    say(f"seed {options.seed}; at most {options.seconds:g} s of random kills a command")
    for command in commands(options.folder / "inputs"):
        if options.only and command.name not in options.only:
            continue
        place = options.folder / command.name
        place.mkdir()
        dice = random.Random(f"{options.seed} {command.name}")
        series = Series(command, place, dice, say)
        series.whole()
        series.boundary_kills(options.boundaries)
        if options.kills:
            done = series.random_kills(options.kills, time.monotonic() + options.seconds)
            say(f"{command.name}: {done} kills at random moments")


if __name__ == "__main__":
    main()
