"""What a proof asks: the behaviours that a remedy is to repair, and those that it must not break.

Data in: a catalog, numbers of cases, a seed. Data out: drawn cases by behaviour and level, from the
suite's own strategies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from mimic_checks.cases import (
    Case,
    common_sweep,
    counting_sweep,
    draw,
    listing_sweep,
    odd_one_sweep,
)
from mimic_checks.catalog import Catalog
from mimic_checks.errors import EmptyPool

Role = Literal["target", "kept", "guard"]


@dataclass(frozen=True)
class Behaviour:
    """One question family at the image counts of its sweep. `role` is of the last level: a `target`
    is to get better, what is `kept` and every `guard` (one image) must not get worse."""

    name: str
    role: Role
    levels: tuple[int, ...]
    strategy: Callable[[Catalog, tuple[int, ...]], Any]

    def level_names(self) -> tuple[str, ...]:
        """The levels as tables name them."""
        return tuple(
            f"{self.name} at {level} image{'s' if level > 1 else ''}" for level in self.levels
        )


BEHAVIOURS = (
    Behaviour(
        "counting",
        "target",
        (4, 8),
        lambda c, n: counting_sweep(c, factor="images", levels=n, instances=(1, 2)),
    ),
    Behaviour("listing", "target", (8,), lambda c, n: listing_sweep(c, levels=n)),
    Behaviour("odd-one", "target", (6,), lambda c, n: odd_one_sweep(c, levels=n)),
    Behaviour("common", "kept", (8,), lambda c, n: common_sweep(c, levels=n)),
    Behaviour(
        "counting",
        "guard",
        (1,),
        lambda c, n: counting_sweep(c, factor="images", levels=n, instances=(1, 4)),
    ),
    Behaviour("listing", "guard", (1,), lambda c, n: listing_sweep(c, levels=n)),
    Behaviour(
        "counting two classes",
        "guard",
        (1,),
        lambda c, n: counting_sweep(c, factor="distractors", levels=(0,), concepts=2),
    ),
)


def draw_cases(catalog: Catalog, cases: int, guard_cases: int, seed: int) -> dict[str, list[Case]]:
    """Cases by level name; guards have `guard_cases` each, everything else `cases`.

    Raises:
        EmptyPool: the catalog cannot give so many; names the behaviour.
    """
    found: dict[str, list[Case]] = {}
    for behaviour in BEHAVIOURS:
        number = guard_cases if behaviour.role == "guard" else cases
        own = int(
            hashlib.sha256(f"{behaviour.name} {behaviour.role} {seed}".encode()).hexdigest()[:8], 16
        )
        try:
            groups = draw(behaviour.strategy(catalog, behaviour.levels), number, own)
        except EmptyPool as error:
            raise EmptyPool(f"proof of {behaviour.level_names()[-1]!r}: {error}") from error
        for level, name in enumerate(behaviour.level_names()):
            found[name] = [group[level] for group in groups]
    return found


def role_of(level: str) -> Role | None:
    """The role of a level: that of its behaviour if it is the last one, else None (shown, not
    judged)."""
    return next((b.role for b in BEHAVIOURS if b.level_names()[-1] == level), None)
