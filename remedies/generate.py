"""Samples from a catalog: which images, which questions, and nothing that its labels do not settle.

They are class-balanced: the asked class is drawn uniformly, counting totals and spread too. A shard
of a part has a generator of its own, so shards can be made anywhere, in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from mimic_checks.catalog.states import ABSENT, PRESENT, States
from mimic_checks.errors import EmptyPool
from remedies.mixture import Part
from remedies.pools import Pools
from remedies.sample import Sample, Turn
from remedies.turns import (
    count_turn,
    countable_beside,
    follow_ups,
    list_turn,
    name_turn,
    option_turn,
)

MOST_TRIES = 400
"""Attempts at one sample before the part counts as impossible."""


class Draft(NamedTuple):
    """Images and the first turn about them."""

    rows: list[int]
    shown: States
    turn: Turn
    factors: dict[str, int]


def samples(
    pools: Pools,
    part: Part,
    number: int,
    rng: np.random.Generator,
    *,
    allowed: Callable[[list[int]], bool] = lambda rows: True,
) -> Iterator[Sample]:
    """`number` samples of a part over `allowed` images, no two with the same images and first
    question.

    Raises:
        EmptyPool: the catalog cannot give one more; names the part, and what to change.
    """
    seen: set[tuple[object, ...]] = set()
    for _ in range(number):
        draft = _new_draft(pools, part, rng, seen, allowed)
        wanted = int(rng.integers(part.turns[0], part.turns[1] + 1))
        turns = (draft.turn, *follow_ups(pools, draft.shown, draft.turn, wanted - 1, rng))
        yield Sample(part.name, tuple(draft.rows), turns, draft.factors)


def _new_draft(
    pools: Pools,
    part: Part,
    rng: np.random.Generator,
    seen: set[tuple[object, ...]],
    allowed: Callable[[list[int]], bool],
) -> Draft:
    """A draft that is none of `seen`, which it joins."""
    make_draft = _DRAFTS[part.family]
    for _ in range(MOST_TRIES):
        draft = make_draft(pools, part, rng)
        if draft is None:
            continue
        key = (*draft.rows, draft.turn.question)
        if key not in seen and allowed(draft.rows):
            seen.add(key)
            return draft
    sparse_hint = "; with few verified negatives, set options = true or training_grade = true"
    raise EmptyPool(
        f"part={part.name!r} (family={part.family!r}, images={part.images},"
        f" options={part.options}): no further sample in {MOST_TRIES} tries on"
        f" catalog={pools.presence.name!r}; ask for fewer images or samples, or use a"
        f" larger catalog{'' if pools.presence.exhaustive else sparse_hint}"
    )


def _counting(pools: Pools, part: Part, rng: np.random.Generator) -> Draft | None:
    """Spread and total drawn uniformly, then needles with a random composition of the total, then
    distractors."""
    images = _uniform(rng, part.images)
    asked = pools.countable[rng.integers(len(pools.countable))]
    spread = int(rng.integers(1, images + 1))
    total = int(rng.integers(spread, max(spread, part.most_instances) + 1))
    rows: list[int] = []
    for needed in composition(total, spread, rng):
        needle = pools.pick(pools.presence.exactly(asked, needed), rng, rows)
        if needle is None:
            return None
        rows.append(needle)
    distractors = pools.absent(asked, images - spread, rng, rows)
    if distractors is None:
        return None
    rows = rng.permutation(rows + distractors).tolist()
    shown = pools.presence.of(rows)
    classes = [asked]
    wanted = _uniform(rng, part.concepts) - 1
    if wanted:
        others = countable_beside(pools, shown, classes, rng, wanted)
        if len(others) < wanted:
            return None
        classes = rng.permutation(classes + others).tolist()
    turn = count_turn(pools, shown, classes, rng)
    factors = {
        "images": images,
        "spread": spread,
        "distractors": images - spread,
        "concepts": len(classes),
        "instances": total,
    }
    return Draft(rows, shown, turn, factors) if turn else None


def _listing(pools: Pools, part: Part, rng: np.random.Generator) -> Draft | None:
    """Half of the time, and always where labels are sparse, all images are drawn among those that
    lack one class of the group: otherwise a long list would be right for many images."""
    images = _uniform(rng, part.images)
    group = pools.listable[rng.integers(len(pools.listable))]
    members = pools.presence.groups[group]
    exhaustive = pools.presence.exhaustive
    member = members[rng.integers(len(members))]
    if exhaustive:
        first = pools.pick(pools.presence.showing(member), rng, [])
        lacking = (
            []
            if first is None
            else [c for c in members if pools.presence.state(first, c) == ABSENT]
        )
    else:
        first, lacking = _verified_without(pools, member, members, rng)
    if first is None:
        return None
    if exhaustive and (not lacking or rng.random() < 0.5):
        rest = pools.any(images - 1, rng, [first])
    elif lacking:
        rest = pools.absent(lacking[rng.integers(len(lacking))], images - 1, rng, [first])
    else:
        return None
    if rest is None:
        return None
    rows = rng.permutation([first, *rest]).tolist()
    shown = pools.presence.of(rows)
    turn = list_turn(pools, shown, group, rng, offer=part.options, believe=part.training_grade)
    return (
        Draft(rows, shown, turn, {"images": images, "instances": turn.answer.count(",") + 1})
        if turn
        else None
    )


def _verified_without(
    pools: Pools, member: int, members: tuple[int, ...], rng: np.random.Generator
) -> tuple[int | None, list[int]]:
    """An image that shows a class, and a class of its group that was verified to be absent from
    it."""
    kinds, groups, _ = pools.absent_beside(member)
    fitting = np.flatnonzero(np.isin(kinds, members))
    if not len(fitting):
        return None, []
    chosen = int(fitting[rng.integers(len(fitting))])
    return pools.pick(groups[chosen], rng, []), [int(kinds[chosen])]


def _common(pools: Pools, part: Part, rng: np.random.Generator) -> Draft | None:
    from mimic_checks.tasks.common_object import COMMON, common, common_wrong

    images = _uniform(rng, part.images)
    asked = int(rng.integers(len(pools.presence.class_names)))
    rows = pools.several(pools.common(asked), images, rng)
    if rows is None:
        return None
    shown = pools.presence.of(rows)
    if part.options:
        turn = option_turn(pools, COMMON, shown, asked, common_wrong(shown, asked), rng)
    else:
        turn = name_turn(pools, part, COMMON, shown, asked, common, rng)
    return Draft(rows, shown, turn, {"images": images}) if turn else None


def _odd_one(pools: Pools, part: Part, rng: np.random.Generator) -> Draft | None:
    from mimic_checks.tasks.odd_one import ODD_ONE, in_most, is_odd, odd_one

    images = _uniform(rng, part.images)
    chosen = pools.odd_one(images, rng, open_form=not part.options)
    if chosen is None:
        return None
    asked, rows = chosen
    rows = rng.permutation(rows).tolist()
    shown = pools.presence.of(rows)
    if pools.held_out[asked][(shown >= PRESENT).any(axis=0)].any():
        return None
    if part.options:
        turn = (
            option_turn(pools, ODD_ONE, shown, asked, in_most(shown), rng)
            if is_odd(shown, asked)
            else None
        )
    else:
        turn = name_turn(pools, part, ODD_ONE, shown, asked, odd_one, rng)
    return Draft(rows, shown, turn, {"images": images}) if turn else None


_DRAFTS: dict[str, Callable[[Pools, Part, np.random.Generator], Draft | None]] = {
    "counting": _counting,
    "listing": _listing,
    "common": _common,
    "odd_one": _odd_one,
}


def composition(total: int, parts: int, rng: np.random.Generator) -> list[int]:
    """A random way to write `total` as `parts` positive whole numbers, all ways equally likely."""
    cuts = (
        np.sort(rng.choice(total - 1, size=parts - 1, replace=False) + 1)
        if parts > 1
        else np.empty(0, dtype=np.int64)
    )
    return np.diff(np.concatenate([[0], cuts, [total]])).tolist()  # type: ignore[no-any-return]


def _uniform(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    return int(rng.integers(bounds[0], bounds[1] + 1))
