"""Checks that a run's catalog cannot carry: what is left out, why, and what that does to the run.

Plain data: it travels from an xdist worker to its controller, and lies in `run.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mimic_checks.verdicts.levels import Verdict

KEY = "not_carried"
"""Of `run.json`."""


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A check without cases enough. `has`: draws that the catalog carries of it, of `asked`;
    `because`: why the run is inconclusive without it ("": it is not)."""

    check: str
    reason: str
    has: int
    asked: int
    because: str = ""

    @property
    def status(self) -> str:
        """What is said of it."""
        return "inconclusive" if self.because else "skipped"

    @property
    def text(self) -> str:
        """Why, in a line."""
        because = f" (left open, not skipped, for it {self.because})" if self.because else ""
        return f"the catalog carries {self.has} of {self.asked} draws{because}: {self.reason}"

    @property
    def problem(self) -> str:
        """The same as something that is wrong with the run."""
        carried = f"the catalog carries {self.has} of {self.asked} draws"
        return f"check {self.check!r}: {self.reason} ({carried})"


def stored(items: Iterable[NotCarried]) -> list[dict[str, Any]]:
    """As JSON."""
    return [asdict(item) for item in items]


def not_carried(run: Mapping[str, Any]) -> list[NotCarried]:
    """What a `run.json` says of them."""
    return [NotCarried(**item) for item in run.get(KEY, ())]


def verdict_of(items: Sequence[NotCarried]) -> Verdict:
    """What they do to the run."""
    return "inconclusive" if any(item.because for item in items) else "pass"


def first_line(judged: int, items: Sequence[NotCarried]) -> str:
    """How many checks were judged and how many not, in words; "" if the catalog carries all."""
    if not items:
        return ""
    counts = {
        "skipped": sum(not item.because for item in items),
        "left open": sum(bool(item.because) for item in items),
    }
    said = " and ".join(f"{number} {word}" for word, number in counts.items() if number)
    return f"{judged} checks judged, {said}, for which the catalog has too few cases"
