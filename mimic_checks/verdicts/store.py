"""Folders on disk: what a run writes, and sets of drawn cases.

Data in: results, outcomes, cases. Data out: the same, read back. A case set (`mimic-checks cases`)
is self-contained: `cases.jsonl`, one `{"check", "level", "case"}` a line, beside the images and
what they show (`catalog/stored.py`).
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import socket
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import BaseModel, ValidationError

from mimic_checks.cases import Case, ImageOpener
from mimic_checks.catalog import Catalog
from mimic_checks.catalog.stored import write_stored
from mimic_checks.errors import RunFolderError
from mimic_checks.runs.locks import Locks
from mimic_checks.runs.whole_file import replace_file
from mimic_checks.verdicts.gate_result import CheckGate
from mimic_checks.verdicts.result import CheckResult, OutcomeLine, StoredCase

LOCK = "run.lock"
"""Held while a run goes on, and left behind only by one that was killed."""
SHOWN_PX = 288
"""Longest side of a picture in the report."""


class RunFolder:
    """The output folder of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._release: weakref.finalize[..., RunFolder] | None = None

    def prepare(self, description: dict[str, Any]) -> None:
        """Makes the folder ready: an unfinished run of the same description is taken up, a finished
        one replaced.

        Raises:
            RunFolderError: the folder cannot be written, or holds something that is not a run.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._release = self._hold()
            marker = self.path / "run.json"
            old = json.loads(marker.read_text()) if marker.is_file() else None
        except (OSError, json.JSONDecodeError) as error:
            raise RunFolderError(
                f"output={str(self.path)!r} cannot be used: {error}; give another --vlm-output"
            ) from error
        if old is None and any(
            path.name != LOCK and not path.match("run.json.*.part") for path in self.path.iterdir()
        ):
            raise RunFolderError(
                f"output={str(self.path)!r} holds other files and no run; give an empty or new"
                " --vlm-output"
            )
        if old is not None and (old.get("finished") or old.get("description") != description):
            for part in ("journal", "outcomes", "results", "gates", "images"):
                for file in (self.path / part).glob("*"):
                    file.unlink()
        for cut_off in self.path.rglob("*.part"):
            cut_off.unlink()
        self._write(marker, json.dumps({"description": description, "finished": False}, indent=2))

    def _hold(self) -> weakref.finalize[..., RunFolder]:
        """Holds the folder for this process, until it ends however it ends; calling what is
        returned lets go.

        Raises:
            RunFolderError: another process holds it; names its pid and host.
        """
        lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        release = weakref.finalize(self, os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode(errors="replace").strip() or "another process"
            release()
            raise RunFolderError(
                f"output={str(self.path)!r} is in use by {holder}; wait for it, stop it, or give"
                " another --vlm-output"
            ) from None
        os.truncate(lock, 0)
        os.write(lock, f"pid {os.getpid()} on host {socket.gethostname()}\n".encode())
        return release

    def goes_on(self, description: dict[str, Any]) -> bool:
        """Whether a run of this description is going on in the folder, in whatever process."""
        if not (self.path / LOCK).is_file() or self.read()["description"] != description:
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

    def once(self, name: str, identity: dict[str, Any], make: Callable[[], int]) -> int:
        """A number of this run that is made once for a model: by the first process that needs it,
        for all others and for a resumed run."""
        path = self.path / "journal" / f"{name}.json"
        with Locks(path.with_suffix(".lock")) as locks:
            locks.take(0)
            known = _readable(path.read_bytes()) if path.is_file() else {}
            if known.get("identity") != identity:
                known = {"identity": identity, name: make()}
                self._write(path, json.dumps(known))
        return int(known[name])

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
        """Marks the run finished; the next run into this folder starts afresh."""
        self._write(self.path / "run.json", json.dumps({**self.read(), "finished": True}, indent=2))
        for lock in (self.path / "journal").glob("*.lock"):
            lock.unlink()
        if self._release:
            (self.path / LOCK).unlink(missing_ok=True)
            self._release()

    def write_extra(self, name: str, text: str) -> None:
        """Writes a file beside the results."""
        self._write(self.path / name, text)

    def journal(self, check: str) -> Path:
        """Where a check's journal is."""
        return self.path / "journal" / f"{check}.jsonl"

    def write_result(
        self, result: CheckResult, lines: Sequence[OutcomeLine], opener: ImageOpener
    ) -> None:
        """Writes a check's outcomes, its result, and the pictures of its shown cases."""
        self._write(
            self.path / "outcomes" / f"{result.check}.jsonl",
            "".join(line.model_dump_json() + "\n" for line in lines),
        )
        self.write_pictures([line.case for line in result.shown], opener)
        self._write(
            self.path / "results" / f"{result.check}.json", result.model_dump_json(indent=1)
        )

    def write_pictures(self, cases: Sequence[StoredCase], opener: ImageOpener) -> None:
        """Writes the pictures of cases that the report shows."""
        for image_id in dict.fromkeys(image_id for case in cases for image_id in case.images):
            save_picture(opener.open(image_id), self.path / "images" / f"{image_id}.png", SHOWN_PX)

    def results(self) -> list[CheckResult]:
        """The results in the folder, in the order that the run named its checks in."""
        order = self.read()["description"].get("checks", [])
        found = {
            path.name.removesuffix(".json"): path for path in (self.path / "results").glob("*.json")
        }
        known = [check for check in order if check in found] + sorted(set(found) - set(order))
        return [_parse(CheckResult, found[check].read_text(), found[check]) for check in known]

    def outcomes(self) -> list[OutcomeLine]:
        """Every outcome line in the folder."""
        return [
            line
            for path in sorted((self.path / "outcomes").glob("*.jsonl"))
            for line in _lines(OutcomeLine, path)
        ]

    def outcomes_of(self, check: str) -> list[OutcomeLine]:
        """The outcome lines of one check, as they were recorded; none if it left none."""
        path = self.path / "outcomes" / f"{check}.jsonl"
        return _lines(OutcomeLine, path) if path.is_file() else []

    def write_gate(self, gate: CheckGate) -> None:
        """Writes how a check compares with its baseline."""
        self._write(self.path / "gates" / f"{gate.check}.json", gate.model_dump_json(indent=1))

    def gates(self) -> dict[str, CheckGate]:
        """The comparisons in the folder, by check."""
        return {
            gate.check: gate
            for path in sorted((self.path / "gates").glob("*.json"))
            for gate in [_parse(CheckGate, path.read_text(), path)]
        }

    def read(self) -> dict[str, Any]:
        """What `run.json` says.

        Raises:
            RunFolderError: no run here.
        """
        try:
            data: dict[str, Any] = json.loads((self.path / "run.json").read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise RunFolderError(
                f"run={str(self.path)!r} holds no run (run.json: {error}); give a --vlm-output"
                " folder"
            ) from error
        identity = self.path / "identity.json"
        data["identity"] = json.loads(identity.read_text()) if identity.is_file() else {}
        return data

    def _write(self, path: Path, text: str) -> None:
        write_whole(path, text.encode())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all, whenever this process is stopped.

    Raises:
        RunFolderError: it cannot be written.
    """
    try:
        replace_file(path, data)
    except OSError as error:
        raise RunFolderError(
            f"{str(path)!r} cannot be written: {error.strerror}; free the disk, or make the folder"
            " writable, and run again with the same output folder: answered batches are kept"
        ) from error


class CaseLine(BaseModel):
    """One case of a case set, with the check and level that it belongs to."""

    check: str
    level: str
    case: StoredCase


@dataclass(frozen=True)
class CaseSet:
    """Stored cases of checks, in draw order."""

    lines: tuple[CaseLine, ...]
    path: Path

    def draws(self, check: str, levels: Sequence[str]) -> list[tuple[Case, ...]]:
        """The draws of a check: one tuple of cases, a case per level, for every cluster.

        Raises:
            RunFolderError: the set has no such check, or not just these levels.
        """
        by_level: dict[str, list[Case]] = defaultdict(list)
        for line in self.lines:
            if line.check == check:
                by_level[line.level].append(line.case.case())
        if set(by_level) != set(levels) or len({len(found) for found in by_level.values()}) != 1:
            there = ", ".join(sorted(by_level)) or "none"
            raise RunFolderError(
                f"case-set={str(self.path)!r} has for check {check!r} the levels: {there}; needed:"
                f" {', '.join(levels)}; write it with the same --vlm-profile, or select its checks"
                " with -k"
            )
        return list(zip(*(by_level[name] for name in levels), strict=True))


def write_case_set(folder: Path, cases: Sequence[tuple[str, str, Case]], catalog: Catalog) -> None:
    """Writes (check, level, case) lines with their images.

    Raises:
        RunFolderError: the folder already holds a case set.
    """
    if (folder / "cases.jsonl").exists():
        raise RunFolderError(f"out={str(folder)!r} already holds cases.jsonl; give a new folder")
    rows = list(
        dict.fromkeys(
            catalog.manifest.row(image_id) for _, _, case in cases for image_id in case.images
        )
    )
    write_stored(catalog, rows, folder)
    new_row = {catalog.manifest.id(row): number for number, row in enumerate(rows)}
    lines = [
        CaseLine(
            check=check, level=level, case=StoredCase.of(case, [new_row[i] for i in case.images])
        )
        for check, level, case in cases
    ]
    (folder / "cases.jsonl").write_text("".join(line.model_dump_json() + "\n" for line in lines))


def read_case_set(folder: Path, catalog: Catalog) -> CaseSet:
    """Reads a case set; `catalog` is the set's own (`cases:<folder>`).

    Raises:
        RunFolderError: no case set, a broken line, or a picture that is not the case's any more.
    """
    path = folder / "cases.jsonl"
    if not path.is_file():
        raise RunFolderError(
            f"case-set={str(folder)!r} has no cases.jsonl; write one with: mimic-checks cases --out"
            f" {folder}"
        )
    lines = tuple(_lines(CaseLine, path))
    for line in lines:
        resolve_case(line.case, catalog, str(folder))
    return CaseSet(lines, folder)


def resolve_case(case: StoredCase, catalog: Catalog, source: str) -> Case:
    """A stored case whose images are opened from the catalog.

    Raises:
        RunFolderError: a row of the catalog is not the image that the case names.
    """
    for image_id, row in zip(case.images, case.rows, strict=True):
        if (
            not 0 <= row < len(catalog)
            or not catalog.manifest.readable(row)
            or catalog.manifest.id(row) != image_id
        ):
            raise RunFolderError(
                f"{source!r}: case {case.id!r} shows image {image_id[:12]}, which is not row {row}"
                f" of catalog={catalog.name!r}; name the catalog that the cases were drawn from"
            )
    return case.case()


def save_picture(picture: Image.Image, path: Path, longest_px: int | None = None) -> None:
    """Saves a picture as PNG, once; made smaller if a longest side is given."""
    if path.exists():
        return
    if longest_px:
        picture.thumbnail((longest_px, longest_px))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    write_whole(path, stream.getvalue())


def _readable(text: bytes) -> dict[str, Any]:
    """A JSON object, or an empty one in place of what cannot be read."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _lines(kind: type[Any], path: Path) -> list[Any]:
    return [
        _parse(kind, line, f"{path}:{number}")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if line
    ]


def _parse(kind: type[Any], text: str, where: object) -> Any:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunFolderError(
            f"{str(where)!r} is not a {kind.__name__}: {first['loc']}: {first['msg']}"
        ) from error
