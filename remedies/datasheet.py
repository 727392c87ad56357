"""What is in a folder of training data, counted from the finished samples themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from remedies.records import write_record, write_text

COUNTED = ("length", "spread", "distractors", "concepts", "instances", "options")
_NAMES = {"length": "images"}
_MOST_VALUES = 12


class Counts:
    """Samples, turns, distinct images and grades; per part, how often each value of a factor is."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.images: set[str] = set()
        self.parts: dict[str, dict[str, Counter[Any]]] = {}

    def add(self, row: Mapping[str, Any], class_names: Sequence[str]) -> None:
        """Counts one sample, as it is stored."""
        self.images.update(row["image_ids"])
        self.totals.update({"samples": 1, "turns": len(row["tasks"]), f"grade {row['grade']}": 1})
        count = partial(self._count, row["part"])
        for name in COUNTED:
            if row[name] is not None:
                count(_NAMES.get(name, name), [row[name]])
        count("turns", [len(row["tasks"])])
        count("first answer", [row["messages"][1]["content"][0]["text"]])
        count(
            "asked class", [class_names[c] for c in (row["asked"][0] if not row["options"] else ())]
        )
        count("task of a turn", row["tasks"])

    def merge(self, other: Counts) -> None:
        """Adds what another shard holds."""
        self.totals.update(other.totals)
        self.images |= other.images
        for part, factors in other.parts.items():
            for name, values in factors.items():
                self.parts.setdefault(part, {}).setdefault(name, Counter()).update(values)

    def sheet(self) -> dict[str, Any]:
        """Everything as JSON has it, the most frequent value first."""
        # Ties go by the value's text, so that the same data gives the same file.
        return {
            "totals": {**self.totals, "distinct images": len(self.images)},
            "parts": {
                part: {
                    name: dict(sorted(values.items(), key=lambda i: (-i[1], str(i[0]))))
                    for name, values in factors.items()
                }
                for part, factors in self.parts.items()
            },
        }

    def _count(self, part: str, name: str, values: Iterable[Any]) -> None:
        self.parts.setdefault(part, {}).setdefault(name, Counter()).update(values)


def write_datasheet(sheet: dict[str, Any], about: dict[str, Any], folder: Path) -> None:
    """Writes the two files."""
    write_record(folder / "datasheet.json", sheet)
    write_text(folder / "datasheet.md", _text(sheet, about))


def _text(sheet: dict[str, Any], about: dict[str, Any]) -> str:
    totals = ", ".join(f"{name} {number:,}" for name, number in sheet["totals"].items())
    pairs = "; ".join(f"{a} and {b}" for a, b in about["held_out_pairs"]) or "none"
    lines = [
        "# Datasheet",
        "",
        f"Made by mimic_checks {about['suite']} from `{about['catalog']}`: {totals}.",
        "",
        f"Evaluation images kept out, by id: {about['evaluation']['images']:,}."
        " Class pairs held out of multi-concept, common and odd-one"
        f" (set `{about['mixture']['held_out']}`): {pairs}.",
        "",
        "`verified`: the labels prove the answer. `training`: right if what nobody verified"
        " is absent; never to be evaluated on.",
        "",
    ]
    for part, factors in sheet["parts"].items():
        lines += [f"## {part}", "", "| factor | distribution |", "|---|---|"]
        lines += [f"| {name} | {_shares(values)} |" for name, values in factors.items() if values]
        lines.append("")
    return "\n".join(lines)


def _shares(values: dict[Any, int]) -> str:
    total = sum(values.values())
    shown = sorted(values.items(), key=lambda i: -i[1])[:_MOST_VALUES]
    # The most frequent values, but in their own order; padded with zeros, 10 comes after 9.
    text = ", ".join(
        f"{_cell(value)}: {number / total:.1%}"
        for value, number in sorted(shown, key=lambda i: str(i[0]).zfill(4))
    )
    return text + (f", {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else "")


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
