"""Baselines as syrupy snapshots: `--snapshot-update` records them, a review is a diff, unused ones
are reported.

Data in: the `snapshot` fixture of a check and this run's baseline text. Data out: the recorded
text. syrupy knows equal and different only; a verdict has three values, so outside of recording a
snapshot that can be read is taken as it is, and the gate says the rest. Files lie in the user's
folder (`--vlm-baseline`), never beside the installed check, and are named by check id.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, ClassVar

from syrupy.assertion import SnapshotAssertion
from syrupy.data import SnapshotCollection
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation

from mimic_checks.verdicts.baseline import SUFFIX
from mimic_checks.verdicts.files import write_whole


class BaselineSnapshots(SingleFileSnapshotExtension):
    """One file per check in the folder that `--vlm-baseline` names (`folder`, set once per process:
    syrupy asks its extensions for their folder where no test is at hand, in an xdist
    controller)."""

    folder: ClassVar[Path]
    _write_mode = WriteMode.TEXT
    file_extension = SUFFIX

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(cls.folder)

    @classmethod
    def discovery_dirname(cls, *, test_location: PyTestLocation) -> str:
        return cls.dirname(test_location=test_location)

    @classmethod
    def write_snapshot_collection(
        cls, *, snapshot_collection: SnapshotCollection, name_order: dict[str, int] | None = None
    ) -> None:
        # syrupy writes over the file at hand: a kill would leave half of the new one.
        for snapshot in snapshot_collection:
            write_whole(Path(snapshot_collection.location), str(snapshot.data).encode())

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: Any = 0) -> str:
        # Noted by the fixture of the check: one test function may stand for many.
        return str(test_location.item.vlm_check_id)  # type: ignore[attr-defined]

    @classmethod
    def get_file_basename(cls, *, test_location: PyTestLocation, index: Any) -> str:
        return cls.get_snapshot_name(test_location=test_location, index=index)


class RecordedBaselines(BaselineSnapshots):
    """The same files, read: whatever is recorded stands, and the gate compares it."""

    def matches(self, *, serialized_data: Any, snapshot_data: Any) -> bool:
        return True


def load_baseline(snapshot: SnapshotAssertion, text: str) -> str | None:
    """The recorded text of this check, or None; with `--snapshot-update`, records `text`."""
    extension = BaselineSnapshots if snapshot.update_snapshots else RecordedBaselines
    assertion = snapshot.use_extension(extension)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=r"\s*Can not relate snapshot"
        )  # named by check id, not by test file: on purpose
        assertion == text  # noqa: B015  (the comparison is syrupy's way to read and write)
    found = assertion.executions[0]
    if found.exception:
        raise found.exception
    return str(found.final_data) if found.final_data is not None else None
