"""One value of a controlled variable."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from mimic_checks.errors import InvalidArgument

LevelValue = int | float | str
VERDICT = "verdict"
"""The parameter id of a check's last pytest node; no level may have it."""


@dataclass(frozen=True, slots=True)
class Level:
    """A value of `factor`; a value may be a name. `label` is what people read, "spread=2" if left
    out; two levels are the same if factor and value are.

    Raises:
        InvalidArgument: a value that is no number and no name, or a factor or value that leaves no
            word for `-k`.
    """

    factor: str
    value: LevelValue
    label: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float | str) or value != value:
            raise InvalidArgument("level", value, allowed="a number or a name")
        if isinstance(value, float) and value.is_integer():
            object.__setattr__(self, "value", int(value))
        if not self.label:
            object.__setattr__(self, "label", f"{self.factor}={self.value}")
        for name, word in (("factor", self.factor), ("level", str(value))):
            if not re.search(r"[^\W_]", word) or re.search(r"[\ud800-\udfff]", word):
                raise InvalidArgument(name, word, allowed="a name with a letter or digit in it")

    @property
    def node_id(self) -> str:
        """The level as a pytest parameter id: a word, so that `-k` takes it (`spread2`)."""
        return re.sub(r"\W+", "_", f"{self.factor}{self.value}").strip("_")

    def __str__(self) -> str:
        return self.label


def refuse_alike(levels: Sequence[Level], owner: str) -> None:
    """Stops levels that `-k`, results and baselines could not tell apart; `owner`: whose they are,
    in words.

    Raises:
        InvalidArgument: none, two with one node id, or one whose id is that of the verdict.
    """
    ids = [level.node_id for level in levels]
    if not ids or len(set(ids)) != len(ids) or VERDICT in ids:
        raise InvalidArgument(
            f"{owner}: levels",
            tuple(level.value for level in levels),
            allowed=(
                f"one or more values whose node ids differ and are not {VERDICT!r} (here:"
                f" {', '.join(ids) or 'none'}); name them in letters and digits"
            ),
        )
