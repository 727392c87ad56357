"""Checks that a run's catalog cannot carry, and single levels at which its cases prove nothing:
what is left out, why, and what that does to the run.

Plain data: it travels from an xdist worker to its controller, and lies in `run.json`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mimic_checks.cases import Level
from mimic_checks.verdicts.levels import Verdict

KEY = "not_carried"
"""Of `run.json`."""


@dataclass(frozen=True, slots=True)
class NotCarried:
    """A check without cases enough, or (`level`) one of its levels that is untestable: even a
    perfect model is not proven better there than a blind answer. `has`: draws that the catalog
    carries, of `asked`; `because`: why the run is inconclusive without it ("": it is not)."""

    check: str
    reason: str
    has: int
    asked: int
    because: str = ""
    level: Level | None = None

    @property
    def name(self) -> str:
        """What is left out."""
        return f"{self.check} {self.level}" if self.level else self.check

    @property
    def status(self) -> str:
        """What is said of it."""
        return "inconclusive" if self.because else "skipped"

    @property
    def text(self) -> str:
        """Why, in a line."""
        because = f" (left open, not skipped, for it {self.because})" if self.because else ""
        what = "untestable" if self.level else self._carried
        return f"{what}{because}: {self.reason}"

    @property
    def problem(self) -> str:
        """The same as something that is wrong with the run."""
        return f"check {self.check!r}: {self.reason} ({self._carried})"

    @property
    def _carried(self) -> str:
        return f"the catalog carries {self.has} of {self.asked} draws"


def stored(items: Iterable[NotCarried]) -> list[dict[str, Any]]:
    """As JSON."""
    return [asdict(item) for item in items]


def not_carried(run: Mapping[str, Any]) -> list[NotCarried]:
    """What a `run.json` says of them."""
    return [
        NotCarried(**{**item, "level": Level(**item["level"]) if item.get("level") else None})
        for item in run.get(KEY, ())
    ]


def verdict_of(items: Sequence[NotCarried]) -> Verdict:
    """What they do to the run."""
    return "inconclusive" if any(item.because for item in items) else "pass"


def first_line(judged: int, items: Sequence[NotCarried]) -> str:
    """How many checks were judged and how many checks and levels not, in words; "" if the catalog
    carries all."""
    if not items:
        return ""
    checks = _counted([item for item in items if not item.level])
    levels = _counted([item for item in items if item.level])
    return "".join(
        [
            f"{judged} checks judged",
            *([f", {checks}, for which the catalog has too few cases"] if checks else []),
            *([f"; levels: {levels}, where a blind answer is as good as any"] if levels else []),
        ]
    )


def _counted(items: Sequence[NotCarried]) -> str:
    counts = {
        "skipped": sum(not item.because for item in items),
        "left open": sum(bool(item.because) for item in items),
    }
    return " and ".join(f"{number} {word}" for word, number in counts.items() if number)
