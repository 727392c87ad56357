"""That training never sees an image of the evaluation: compared by content, not by file name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mimic_checks.cases import Case
from mimic_checks.catalog import load_catalog
from mimic_checks.errors import RemedyError
from mimic_checks.verdicts.case_set import read_case_set
from mimic_checks.verdicts.run_folder import RunFolder


def evaluation_ids(sources: Iterable[str]) -> frozenset[str]:
    """The ids of all images of run folders, case sets and catalogs.

    A source is a folder, or a catalog's spec such as `coco:/data/val`.

    Raises:
        InvalidArgument, CatalogError, RunFolderError: a source that is none of these, or cannot be
            read.
    """
    ids: set[str] = set()
    for source in sources:
        folder = Path(source)
        if (folder / "run.json").is_file():
            cases = [record.outcome.case for record in RunFolder(folder).records()]
            ids.update(image for case in cases for image in case.images)
        elif (folder / "cases.jsonl").is_file():
            lines = read_case_set(folder, load_catalog(f"cases:{folder}")).lines
            ids.update(image for line in lines for image in line.case.images)
        else:
            # `digest` reads bytes alone; `id` would decode every picture of the catalog.
            catalog = load_catalog(source)
            ids.update(catalog.manifest.digest(row) for row in range(len(catalog)))
    return frozenset(ids)


def training_ids(data: Any) -> frozenset[str]:
    """The ids of all images in training data."""
    ids: set[str] = set()
    for batch in data.select_columns(["image_ids"]).iter(batch_size=1000):
        for sample_ids in batch["image_ids"]:
            ids.update(sample_ids)
    return frozenset(ids)


def refuse_shared(trained: frozenset[str], cases: Iterable[Case], data: Path) -> None:
    """Stops a proof that would ask about what was trained on.

    Raises:
        RemedyError: names how many images, and the way out.
    """
    shared = {image for case in cases for image in case.images} & trained
    if shared:
        raise RemedyError(
            f"data={str(data)!r}: {len(shared)} images of the evaluation cases were trained on,"
            f" first {sorted(shared)[0][:12]}; prove on another catalog or seed,"
            " or make the data again with --keep-out <the evaluation catalog>"
        )
