"""Cases that somebody has looked at and left out, by id: a file with an id a line, as the contact
sheet of `mimic-checks cases --sheet` saves it. What follows the id, and lines that begin with "#",
are for people."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from mimic_checks.cases.group import Item, cases_of
from mimic_checks.errors import InvalidArgument, first_names

_ID = re.compile(r"[0-9a-f]{24}")


class LeaveOut:
    """Ids of cases or groups, and which of them have come up (`met`)."""

    def __init__(self, ids: Collection[str] = ()) -> None:
        self.ids, self.met = frozenset(ids), set[str]()

    def holds(self, items: Iterable[Item | None]) -> bool:
        """Whether one of a draw's items, or of their cases, is to be left out."""
        if not self.ids:
            return False
        parts = [part.id for item in items if item for part in (item, *cases_of([item]))]
        found = self.ids.intersection(parts)
        self.met |= found
        return bool(found)

    @property
    def unmet(self) -> list[str]:
        """Ids that no draw has had."""
        return sorted(self.ids - self.met)


def read_leave_out(path: Path | None) -> LeaveOut:
    """The ids in a file; none without one.

    Raises:
        InvalidArgument: it cannot be read, or has lines that begin with no id; names them.
    """
    if path is None:
        return LeaveOut()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgument(
            "vlm-leave-out", str(path), allowed=f"a file with a case id a line ({error})"
        ) from error
    words = {
        number: line.split()[0]
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.lstrip().startswith("#")
    }
    wrong = [
        f"line {number}: {word!r}" for number, word in words.items() if not _ID.fullmatch(word)
    ]
    if wrong:
        raise InvalidArgument(
            "vlm-leave-out",
            str(path),
            allowed="lines that begin with a case id (24 of 0-9a-f) or with #",
            hint=f"wrong are {first_names(wrong)}",
        )
    return LeaveOut(words.values())
