"""What a proof asks: the behaviours that a remedy is to repair, and those that it must not break.

The cases come from the suite's own strategies, so a proof asks what the checks ask.
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
    """One kind of question at the image counts of its sweep.

    `role` is of the last level: a `target` is to get better; what is `kept`, and every `guard` (one
    image), must not get worse.
    """

    name: str
    role: Role
    levels: tuple[int, ...]
    strategy: Callable[[Catalog, tuple[int, ...]], Any]

    def level_names(self) -> tuple[str, ...]:
        """The levels as tables name them."""
        return tuple(f"{self.name} at {n} image{'s' if n > 1 else ''}" for n in self.levels)


# Only the last level of each is judged; those before it show from where on it is broken. One class
# and one image are what a remedy for several images most easily unlearns, hence the guards.
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
    by_level: dict[str, list[Case]] = {}
    for behaviour in BEHAVIOURS:
        number = guard_cases if behaviour.role == "guard" else cases
        # A seed of its own, so that adding a behaviour leaves the cases of the others as they are.
        key = f"{behaviour.name} {behaviour.role} {seed}"
        behaviour_seed = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16)
        try:
            draws = draw(behaviour.strategy(catalog, behaviour.levels), number, behaviour_seed)
        except EmptyPool as error:
            raise EmptyPool(f"proof of {behaviour.level_names()[-1]!r}: {error}") from error
        for level, name in enumerate(behaviour.level_names()):
            by_level[name] = [cases_of_draw[level] for cases_of_draw in draws]
    return by_level


def role_of(level: str) -> Role | None:
    """The role of a level: its behaviour's for the last level, else None (shown, not judged)."""
    return next((b.role for b in BEHAVIOURS if b.level_names()[-1] == level), None)
