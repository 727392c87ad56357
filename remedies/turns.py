"""Questions about images that are already chosen, each only if the labels settle its answer.

Data in: the states of all classes in the images (`truths.py`). Data out: a `Turn`, or None.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mimic_checks.cases.wording import TEMPLATES, Task, Template, counts_text, names_text, question
from mimic_checks.catalog.presence import ABSENT, PRESENT, States
from remedies import truths
from remedies.held_out import meets
from remedies.mixture import Part
from remedies.pools import Pools
from remedies.sample import Grade, Turn

MOST_OPTIONS = 4
_ABSENT_SHARE = 0.15
"""Counting follow-ups that ask for a class that is not there."""


def follow_ups(
    pools: Pools, shown: States, first: Turn, number: int, rng: np.random.Generator
) -> list[Turn]:
    """Up to `number` further questions about the same images, each settled by the labels, none
    asked twice."""
    turns: list[Turn] = []
    asked = {first.question}
    for _ in range(4 * number):
        if len(turns) == number:
            break
        kind = rng.integers(3)
        if kind == 0 and pools.listable:
            group = pools.listable[rng.integers(len(pools.listable))]
            turn = list_turn(
                pools, shown, group, rng, offer=not pools.presence.exhaustive, believe=False
            )
        else:
            classes = countable_beside(pools, shown, [], rng, int(kind))
            turn = count_turn(pools, shown, classes, rng) if classes else None
        if turn and turn.question not in asked:
            asked.add(turn.question)
            turns.append(turn)
    return turns


def count_turn(
    pools: Pools, shown: States, classes: list[int], rng: np.random.Generator
) -> Turn | None:
    counts = truths.count(shown, classes)
    if counts is None:
        return None
    names = [pools.presence.class_names[c] for c in classes]
    text = question(task="counting", template=_template(rng), images=len(shown), classes=names)
    return Turn(
        "counting", text, counts_text(dict(zip(names, counts, strict=True))), tuple(classes)
    )


def list_turn(
    pools: Pools, shown: States, group: str, rng: np.random.Generator, *, offer: bool, believe: bool
) -> Turn | None:
    members = list(pools.presence.groups[group])
    text = question(task="listing", template=_template(rng), images=len(shown), supercategory=group)
    grade: Grade = "verified"
    if offer:
        there = (shown[:, members] >= PRESENT).any(axis=0)
        gone = (shown[:, members] == ABSENT).all(axis=0)
        members = [
            members[at] for at in rng.permutation(np.flatnonzero(there | gone))[:MOST_OPTIONS]
        ]
        if len(members) < 2:
            return None
        text += f" Choose from: {names_text([pools.presence.class_names[c] for c in members])}."
    found = truths.listed(shown, members)
    if found is None and believe:
        found, grade = truths.listed(truths.believed(shown), members), "training"
    if found is None:
        return None
    names = names_text([pools.presence.class_names[c] for c in sorted(found)])
    return Turn("listing", text, names, tuple(members), grade, len(members) if offer else 0)


def name_turn(
    pools: Pools,
    part: Part,
    task: Task,
    shown: States,
    asked: int,
    truth: Callable[[States], int | None],
    rng: np.random.Generator,
) -> Turn | None:
    grade: Grade = "verified"
    leaves = np.flatnonzero(pools.presence.leaves)  # a kind of object, not a kind of kinds
    found = truth(shown[:, leaves])
    if found is None and part.training_grade:
        found, grade = truth(truths.believed(shown[:, leaves])), "training"
    if found is None or leaves[found] != asked:
        return None
    text = question(task=task, template=_template(rng), images=len(shown))
    return Turn(task, text, pools.presence.class_names[asked], (asked,), grade)


def option_turn(
    pools: Pools,
    part: Part,
    task: Task,
    shown: States,
    asked: int,
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Turn | None:
    """The question with lettered options; wrong ones that some image shows are preferred, they are
    the hard ones."""
    allowed = np.flatnonzero(wrong & ~pools.held[asked])
    shuffled = rng.permutation(allowed)
    seen = (shown[:, shuffled] >= PRESENT).any(axis=0)
    chosen = [
        asked,
        *np.concatenate([shuffled[seen], shuffled[~seen]])[: MOST_OPTIONS - 1].tolist(),
    ]
    if len(chosen) < 2:
        return None
    order = rng.permutation(chosen).tolist()
    letters = [chr(ord("A") + place) for place in range(len(order))]
    lines = "".join(
        f"\n{letter}. {pools.presence.class_names[c]}"
        for letter, c in zip(letters, order, strict=True)
    )
    text = (
        f"{question(task=task, template='mimic', images=len(shown)).split(chr(10))[0]}{lines}"
        "\nAnswer with the option's letter."
    )
    return Turn(task, text, letters[order.index(asked)], tuple(order), options=len(order))


def countable_beside(
    pools: Pools, shown: States, classes: list[int], rng: np.random.Generator, number: int
) -> list[int]:
    """Further classes whose number the labels settle, mostly ones that are there; no held-out pair
    among all of them."""
    known = np.logical_or(shown > 0, shown == ABSENT)
    settled: NDArray[np.bool_] = known.all(axis=0)
    there = settled & (shown > 0).any(axis=0)
    chosen: list[int] = []
    present, absent = (
        rng.permutation(np.flatnonzero(pool)).tolist() for pool in (there, settled & ~there)
    )
    while len(chosen) < number and (present or absent):
        candidate = (
            absent if not present or (absent and rng.random() < _ABSENT_SHARE) else present
        ).pop()
        if candidate not in classes and not meets(pools.held, [candidate], [*classes, *chosen]):
            chosen.append(candidate)
    return chosen


def _template(rng: np.random.Generator) -> Template:
    return TEMPLATES[int(rng.integers(len(TEMPLATES)))]
