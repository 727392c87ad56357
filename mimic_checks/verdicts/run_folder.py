"""The folder that a run writes: what it is, its journals, outcomes, results, comparisons and
pictures."""

from __future__ import annotations

import fcntl
import json
import os
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mimic_checks import __version__
from mimic_checks.cases import Case, ImageOpener
from mimic_checks.errors import RunFolderError
from mimic_checks.runs.begun import forget_begun
from mimic_checks.runs.hold import LOCK, hold
from mimic_checks.runs.locks import Locks
from mimic_checks.runs.whole_file import sweep_parts
from mimic_checks.verdicts.files import SCHEMA, parse_model, read_models, write_whole
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.pictures import save_pictures
from mimic_checks.verdicts.record import Record
from mimic_checks.verdicts.result import CheckResult
from mimic_checks.verdicts.unfinished import pending, refuse_other_run

_DERIVED = ("outcomes", "results", "gates", "images")
"""Made anew from the journals at any time."""


class RunFolder:
    """The output folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._release: weakref.finalize[..., RunFolder] | None = None
        self._written: Path | None = None

    def prepare(
        self, description: dict[str, Any], *, discard: bool = False, again: bool = False
    ) -> None:
        """Makes the folder ready: an unfinished run that asks for the same answers is taken up
        (with `again`, a finished one of just this description too), a finished one replaced.
        `discard`: an unfinished one, too.

        Raises:
            RunFolderError: the folder cannot be written, is in use, or holds something that is not
                a run, or an unfinished run whose answers this description could change.
        """
        self._written = None
        description = _as_read(description)
        try:
            self._release = self._hold()
            marker = self.path / "run.json"
            old = json.loads(marker.read_bytes()) if marker.is_file() else None
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"output={str(self.path)!r} cannot be used"
                f"{' (run.json is torn)' if isinstance(error, ValueError) else ''}: {error}; give"
                " another --vlm-output"
            ) from error
        if old is None and any(
            path.name != LOCK and not path.match("run.json.*.part") for path in self.path.iterdir()
        ):
            raise RunFolderError(
                f"output={str(self.path)!r} holds other files and no run; give an empty or new"
                " --vlm-output"
            )
        try:
            left = self._take_up(old, description, discard=discard, again=again)
        except RunFolderError:
            self._release()
            raise
        forget_begun(self.path / "journal")
        sweep_parts(self.path)
        run = {"schema": SCHEMA, "description": description, "finished": False}
        self._write(marker, json.dumps(run | ({"pending": left} if left else {}), indent=2))

    def _take_up(
        self, old: Any, description: dict[str, Any], *, discard: bool, again: bool
    ) -> dict[str, Any]:
        """Clears the folder of what this run does not go on with; checks of the run that it goes on
        with and leaves out."""
        same = _describes(old, description)
        if old is None or (same and (again or not old.get("finished"))):
            return old.get("pending", {}) if old else {}
        old = old if isinstance(old, dict) else {}
        answered = self._answered()
        # Where nothing was answered, nothing is lost: a first try whose model did not load, say.
        if old.get("finished") or discard or not answered:
            self._clear(("journal", *_DERIVED))
            return {}
        refuse_other_run(self.path, old, description)
        self._clear(_DERIVED)
        return pending(old, description, answered)

    def _answered(self) -> list[str]:
        """Checks that have answers, of whatever format."""
        found = {path.name.removesuffix(".jsonl") for path in (self.path / "outcomes").glob("*")}
        for path in (self.path / "journal").glob("*.jsonl*"):
            # The first line is the plan.
            if path.read_bytes().count(b"\n") > 1:
                found.add(path.name.partition(".jsonl")[0])
        return sorted(found)

    def _clear(self, parts: Iterable[str]) -> None:
        for part in parts:
            for file in (self.path / part).glob("*"):
                file.unlink()

    def _hold(self) -> weakref.finalize[..., RunFolder]:
        """Holds the folder for this process, until it ends however it ends; calling what is
        returned lets go.

        Raises:
            RunFolderError: another process holds it; names its pid and host.
        """
        return weakref.finalize(self, os.close, hold(self.path, "--vlm-output"))

    def goes_on(self, description: dict[str, Any]) -> bool:
        """Whether a run of this description is going on in the folder, in whatever process."""
        if not (self.path / LOCK).is_file() or not _describes(self._read(), description):
            return False
        lock = os.open(self.path / LOCK, os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def write_identity(self, identity: dict[str, Any]) -> None:
        """Records which model answers."""
        self._write(self.path / "identity.json", json.dumps(identity, indent=2))

    def once(self, name: str, identity: dict[str, Any], make: Callable[[], Any]) -> Any:
        """A plain value of this run that is made once for a model: by the first process that needs
        it, for all others and for a resumed run."""
        path = self.path / "journal" / f"{name}.json"
        with Locks(path.with_suffix(".lock")) as locks:
            locks.take(0)
            known = _readable(path.read_bytes()) if path.is_file() else {}
            if known.get("identity") != identity:
                known = {"identity": identity, name: make()}
                self._write(path, json.dumps(known))
        return known[name]

    def cached(self) -> tuple[int, int]:
        """How many answers of the run's journals are an earlier run's, and how many there are."""
        lines = [
            line
            for path in (self.path / "journal").glob("*.jsonl")
            for line in path.read_bytes().split(b"\n")
        ]
        batches = [_readable(line) for line in lines if line.startswith(b'{"batch"')]
        counts = [(len(batch.get("answers", ())), bool(batch.get("cached"))) for batch in batches]
        return sum(count for count, cached in counts if cached), sum(count for count, _ in counts)

    def finish(self) -> None:
        """Marks the run finished, unless checks of the run that it went on with are left; the next
        run into a finished folder starts afresh."""
        run = self._read()
        run["finished"] = not run.get("pending")
        self._write(self.path / "run.json", json.dumps(run, indent=2))
        for lock in (self.path / "journal").glob("*.lock"):
            lock.unlink()
        if self._release:
            (self.path / LOCK).unlink(missing_ok=True)
            self._release()

    def note(self, **facts: Any) -> None:
        """Adds to what `run.json` says of the run."""
        run = {**self._read(), **facts}
        self._write(self.path / "run.json", json.dumps(run, indent=2))

    def missing(self) -> list[str]:
        """Checks of an unfinished run that have come to nothing: neither judged nor skipped."""
        run = self.read()
        if run.get("finished"):
            return []
        present = {result.check for result in self.results()}
        return [
            check
            for check in self.checks()
            if check not in present and check not in run.get("skipped", ())
        ]

    def write_extra(self, name: str, text: str) -> None:
        """Writes a file beside the results."""
        self._write(self.path / name, text)

    def journal(self, check: str) -> Path:
        """Where a check's journal is."""
        return self.path / "journal" / f"{check}.jsonl"

    def write_result(
        self, result: CheckResult, records: Sequence[Record], opener: ImageOpener
    ) -> None:
        """Writes a check's outcomes, its result, and the pictures of its shown cases."""
        self._write(
            self.path / "outcomes" / f"{result.check}.jsonl",
            "".join(record.model_dump_json() + "\n" for record in records),
        )
        self.write_pictures([record.outcome.case for record in result.shown], opener)
        self._write(
            self.path / "results" / f"{result.check}.json", result.model_dump_json(indent=1)
        )

    def write_pictures(self, cases: Iterable[Case], opener: ImageOpener) -> None:
        """Writes the pictures of cases that the report shows."""
        save_pictures(cases, opener, self.path)

    def checks(self) -> dict[str, dict[str, Any]]:
        """The checks of the run by id, in its order: `module`, `gated`, `anytime`, `levels`."""
        table: dict[str, dict[str, Any]] = self.read()["description"].get("checks", {})
        return table

    def results(self) -> list[CheckResult]:
        """The results in the folder, in the order that the run named its checks in."""
        paths = {
            path.name.removesuffix(".json"): path for path in (self.path / "results").glob("*.json")
        }
        named = [check for check in self.checks() if check in paths]
        order = named + sorted(set(paths) - set(named))
        return [parse_model(CheckResult, paths[c].read_bytes(), paths[c]) for c in order]

    def records(self) -> list[Record]:
        """Every recorded outcome in the folder, check by check."""
        self.read()
        paths = sorted((self.path / "outcomes").glob("*.jsonl"))
        return [record for path in paths for record in read_models(Record, path)]

    def records_of(self, check: str) -> list[Record]:
        """The outcomes of one check, as they were recorded; none if it left none."""
        self.read()
        path = self.path / "outcomes" / f"{check}.jsonl"
        return read_models(Record, path) if path.is_file() else []

    def write_gate(self, gate: CheckGate) -> None:
        """Writes how a check compares with its baseline."""
        self._write(self.path / "gates" / f"{gate.check}.json", gate.model_dump_json(indent=1))

    def gates(self) -> dict[str, CheckGate]:
        """The comparisons in the folder, by check."""
        self.read()
        return {
            gate.check: gate
            for path in sorted((self.path / "gates").glob("*.json"))
            for gate in [parse_model(CheckGate, path.read_bytes(), path)]
        }

    def read(self) -> dict[str, Any]:
        """What `run.json` says, and which model answered.

        Raises:
            RunFolderError: no run here, or one that another version wrote.
        """
        run = self._read()
        if run.get("schema") != SCHEMA:
            raise RunFolderError(
                f"run={str(self.path)!r} is of format {run.get('schema', 1)!r}, mimic_checks"
                f" {__version__} reads format {SCHEMA}; run the checks again with this version, or"
                " read a folder of 0.1 with mimic-checks==0.1.*"
            )
        identity = self.path / "identity.json"
        run["identity"] = json.loads(identity.read_bytes()) if identity.is_file() else {}
        return run

    def _read(self) -> dict[str, Any]:
        try:
            run = json.loads((self.path / "run.json").read_bytes())
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"run={str(self.path)!r} holds no run (run.json: {error}); give a --vlm-output"
                " folder"
            ) from error
        if not isinstance(run, dict):
            raise RunFolderError(
                f"run={str(self.path)!r} holds no run (run.json is no object); give a --vlm-output"
                " folder"
            )
        return run

    def require(self) -> None:
        """Stops a run whose folder was taken away under it.

        Raises:
            RunFolderError: what this process has written is not there any more.
        """
        if self._written and not self._written.exists():
            raise RunFolderError(
                f"output={str(self.path)!r} was removed while the run was going on"
                f" ({self._written.name} is missing); nothing more is asked: give the same command"
                " again to start afresh"
            )

    def _write(self, path: Path, text: str) -> None:
        # Writing makes folders: half a run would stand there, as if it had always been all.
        self.require()
        write_whole(path, text.encode())
        self._written = path


def _describes(run: Any, description: dict[str, Any]) -> bool:
    """Whether a `run.json` is of this description and format."""
    if not isinstance(run, dict):
        return False
    return run.get("schema") == SCHEMA and run.get("description") == _as_read(description)


def _as_read(description: dict[str, Any]) -> dict[str, Any]:
    """The description as `run.json` gives it back: with lists for tuples, say."""
    read: dict[str, Any] = json.loads(json.dumps(description))
    return read


def _readable(text: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one in place of what cannot be read."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
