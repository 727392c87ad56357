"""Where stored cases and their images come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimic_checks.cases import Case
    from mimic_checks.catalog import Catalog
    from mimic_checks.verdicts.run_folder import RunFolder


def stored_case(source: Path, wanted: str) -> tuple[Case, Catalog]:
    """A case by id from a run's output folder or from a case set, with the catalog that its images
    come from."""
    from mimic_checks.catalog import load_catalog
    from mimic_checks.errors import RunFolderError
    from mimic_checks.verdicts.case_set import read_case_set
    from mimic_checks.verdicts.record import refuse_other_images
    from mimic_checks.verdicts.run_folder import RunFolder

    if (source / "cases.jsonl").is_file():
        catalog = load_catalog(f"cases:{source}")
        stored = [(line.case, line.rows) for line in read_case_set(source, catalog).lines]
    else:
        run = RunFolder(source)
        catalog = catalog_of(run)
        stored = [(record.outcome.case, record.rows) for record in run.records()]
    matching = [(case, rows) for case, rows in stored if case.id == wanted]
    if not matching:
        raise RunFolderError(
            f"case={wanted!r} is not among the {len(stored)} cases in {str(source)!r}; ids are in"
            " the report and the JSON Lines beside it"
        )
    case, rows = matching[0]
    refuse_other_images(case, rows, catalog, str(source))
    return case, catalog


def catalog_of(run: RunFolder) -> Catalog:
    """The catalog that a run's images come from."""
    from mimic_checks.catalog import load_catalog
    from mimic_checks.catalog.labels import labels_of

    described = run.read()["description"]
    catalog = load_catalog(
        f"cases:{described['case_set']}" if described.get("case_set") else described["catalog"]
    )
    return catalog.called(labels_of(described.get("names")))
