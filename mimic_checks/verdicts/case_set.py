"""Sets of drawn cases on disk (`mimic-checks cases`), complete in themselves: `cases.jsonl`, a head
and one case a line, beside the images and what they show (`catalog/stored.py`)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from mimic_checks import __version__
from mimic_checks.cases import Case, Draw, Item, Level, cases_of
from mimic_checks.catalog import Catalog
from mimic_checks.catalog.stored import write_stored
from mimic_checks.errors import RunFolderError
from mimic_checks.verdicts.files import SCHEMA, Stored, numbered_lines, parse_model, write_whole
from mimic_checks.verdicts.record import GroupMember, items_of, members_of, refuse_other_images


class CaseLine(Stored):
    """One case of a set, with the check and level that it belongs to; `rows` are its images' rows
    in the set's own catalog."""

    check: str
    level: Level
    case: Case
    rows: tuple[int, ...]
    group: GroupMember | None = None


@dataclass(frozen=True)
class CaseSet:
    """Stored cases of checks, in draw order."""

    lines: tuple[CaseLine, ...]
    path: Path

    def draws(self, check_id: str, levels: Sequence[Level], *, ragged: bool = False) -> list[Draw]:
        """The draws of a check, an item per level; `ragged`: levels may have any number of items.

        Raises:
            RunFolderError: the set has no such check, not just these levels, or part of a group.
        """
        lines: dict[Level, list[tuple[Case, GroupMember | None]]] = defaultdict(list)
        for line in self.lines:
            if line.check == check_id:
                lines[line.level].append((line.case, line.group))
        items = {level: items_of(found) for level, found in lines.items()}
        if set(items) != set(levels) or (
            not ragged and len({len(column) for column in items.values()}) != 1
        ):
            stored = ", ".join(sorted(map(str, items))) or "none"
            raise RunFolderError(
                f"case-set={str(self.path)!r} has for check {check_id!r} the levels: {stored};"
                f" needed: {', '.join(map(str, levels))}; write it with the same --vlm-profile, or"
                " select its checks with -k"
            )
        return list(zip_longest(*(items[level] for level in levels)))


def write_case_set(
    folder: Path, items: Sequence[tuple[str, Level, Item]], catalog: Catalog
) -> None:
    """Writes (check id, level, case or group) with all images.

    Raises:
        RunFolderError: the folder already holds a case set.
    """
    path = folder / "cases.jsonl"
    if path.exists():
        raise RunFolderError(f"out={str(folder)!r} already holds cases.jsonl; give a new folder")
    cases = cases_of(item for _, _, item in items)
    images = dict.fromkeys(image_id for case in cases for image_id in case.images)
    write_stored(catalog, [catalog.manifest.row(image_id) for image_id in images], folder)
    row = {image_id: number for number, image_id in enumerate(images)}
    lines = [
        CaseLine(
            check=check_id,
            level=level,
            case=case,
            rows=tuple(row[image_id] for image_id in case.images),
            group=member,
        )
        for check_id, level, item in items
        for case, member in zip(cases_of([item]), members_of(item), strict=True)
    ]
    head = json.dumps({"schema": SCHEMA, "suite": __version__})
    text = "\n".join([head, *(line.model_dump_json() for line in lines)]) + "\n"
    write_whole(path, text.encode())


def read_case_set(folder: Path, catalog: Catalog) -> CaseSet:
    """Reads a case set; `catalog` is the set's own (`cases:<folder>`).

    Raises:
        RunFolderError: no case set, one of another version, a broken line, or a picture that is not
            the case's any more.
    """
    path = folder / "cases.jsonl"
    if not path.is_file():
        raise RunFolderError(
            f"case-set={str(folder)!r} has no cases.jsonl; write one with: mimic-checks cases --out"
            f" {folder}"
        )
    numbered = numbered_lines(path.read_bytes())
    _refuse_other_format(folder, numbered[0][1] if numbered else b"")
    lines = tuple(parse_model(CaseLine, line, f"{path}:{n}") for n, line in numbered[1:])
    for line in lines:
        refuse_other_images(line.case, line.rows, catalog, str(folder))
    return CaseSet(lines, folder)


def _refuse_other_format(folder: Path, head: bytes) -> None:
    try:
        found = json.loads(head)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise RunFolderError(
            f"case-set={str(folder)!r} is not of format {SCHEMA}, which mimic_checks {__version__}"
            " reads; write it again with: mimic-checks cases, or use a set of 0.1 with"
            " mimic-checks==0.1.*"
        )
