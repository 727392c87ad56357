"""Where stored cases and their images come from."""

from __future__ import annotations

from collections.abc import Collection
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
        records = run.records()
        stored = [(record.outcome.case, record.rows) for record in records]
        checks = [record.check for record in records if record.outcome.id == wanted]
        catalog = catalog_of(run, checks[:1])
    matching = [(case, rows) for case, rows in stored if case.id == wanted]
    if not matching:
        raise RunFolderError(
            f"case={wanted!r} is not among the {len(stored)} cases in {str(source)!r}; ids are in"
            " the report and the JSON Lines beside it"
        )
    case, rows = matching[0]
    refuse_other_images(case, rows, catalog, str(source))
    return case, catalog


def catalog_of(run: RunFolder, checks: Collection[str] | None = None) -> Catalog:
    """The catalog that a run's images come from, with those that its checks brought along.
    `checks`: of these alone (default: of all)."""
    from mimic_checks.catalog import load_catalog
    from mimic_checks.catalog.joined import with_others
    from mimic_checks.catalog.labels import labels_of

    described = run.read()["description"]
    if case_set := described.get("case_set"):
        return load_catalog(f"cases:{case_set}").called(labels_of(described.get("names")))
    specs = sorted(
        {
            facts["catalog"]
            for check, facts in run.checks().items()
            if "catalog" in facts and (checks is None or check in checks)
        }
    )
    catalog = load_catalog(described["catalog"]).called(labels_of(described.get("names")))
    return with_others(catalog, {spec: load_catalog(spec) for spec in specs})
