"""Questions about images that are already chosen, each only if the labels settle its answer: None
where they do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mimic_checks.catalog.states import ABSENT, PRESENT, States, believed
from mimic_checks.tasks.naming import NamingTask
from mimic_checks.tasks.task import MIXED_TEMPLATES, Template
from mimic_checks.tasks.truth import Choice, Counts, Names
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
    """How many instances there are of each of some classes."""
    from mimic_checks.tasks.counting import COUNTING, count

    counts = count(shown, classes)
    if counts is None:
        return None
    names = _names(pools, classes)
    question = COUNTING.question(_template(rng), classes=names, images=len(shown))
    answer = Counts(tuple(zip(names, counts, strict=True))).text
    return Turn(COUNTING.name, question, answer, tuple(classes))


def list_turn(
    pools: Pools, shown: States, group: str, rng: np.random.Generator, *, offer: bool, believe: bool
) -> Turn | None:
    """Which classes of a group there are. `offer`: of a few named ones, whose state is known;
    `believe`: what nobody verified may count as absent (training grade)."""
    from mimic_checks.tasks.listing import LISTING, listed

    members = list(pools.presence.groups[group])
    question = LISTING.question(_template(rng), category=group, images=len(shown))
    grade: Grade = "verified"
    if offer:
        present = (shown[:, members] >= PRESENT).any(axis=0)
        absent = (shown[:, members] == ABSENT).all(axis=0)
        known = rng.permutation(np.flatnonzero(present | absent))[:MOST_OPTIONS]
        members = [members[index] for index in known]
        if len(members) < 2:
            return None
        question += f" Choose from: {Names(tuple(_names(pools, members))).text}."
    answer = listed(shown, members)
    if answer is None and believe:
        answer, grade = listed(believed(shown), members), "training"
    if answer is None:
        return None
    text = Names(tuple(_names(pools, sorted(answer)))).text
    options = len(members) if offer else 0
    return Turn(LISTING.name, question, text, tuple(members), grade, options)


def name_turn(
    pools: Pools,
    part: Part,
    task: NamingTask,
    shown: States,
    asked: int,
    rule: Callable[[States], int | None],
    rng: np.random.Generator,
) -> Turn | None:
    """The open question of a `task` whose answer is one class, if that is `asked` by its `rule`."""
    grade: Grade = "verified"
    leaves = np.flatnonzero(pools.presence.leaves)  # a kind of object, not a kind of kinds
    answer = rule(shown[:, leaves])
    if answer is None and part.training_grade:
        answer, grade = rule(believed(shown[:, leaves])), "training"
    if answer is None or leaves[answer] != asked:
        return None
    question = task.question(_template(rng), images=len(shown))
    return Turn(task.name, question, pools.presence.class_names[asked], (asked,), grade)


def option_turn(
    pools: Pools,
    task: NamingTask,
    shown: States,
    asked: int,
    wrong: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Turn | None:
    """The question with lettered options; wrong ones that some image shows are preferred, they are
    the hard ones."""
    from mimic_checks.tasks.multiple_choice import MULTIPLE_CHOICE

    allowed = np.flatnonzero(wrong & ~pools.held_out[asked])
    shuffled = rng.permutation(allowed)
    seen = (shown[:, shuffled] >= PRESENT).any(axis=0)
    hardest_first = np.concatenate([shuffled[seen], shuffled[~seen]])
    chosen = [asked, *hardest_first[: MOST_OPTIONS - 1].tolist()]
    if len(chosen) < 2:
        return None
    order = rng.permutation(chosen).tolist()
    options = tuple(_names(pools, order))
    stem = task.stem(images=len(shown))
    (question,) = MULTIPLE_CHOICE.question("mimic", stem=stem, options=options)
    assert question is not None, "options without images are words alone"
    answer = Choice(order.index(asked), options).text
    return Turn(task.name, question, answer, tuple(order), options=len(order))


def countable_beside(
    pools: Pools, shown: States, classes: list[int], rng: np.random.Generator, number: int
) -> list[int]:
    """Further classes whose number the labels settle, mostly ones that are there; no held-out pair
    among all of them."""
    known = np.logical_or(shown > 0, shown == ABSENT)
    settled: NDArray[np.bool_] = known.all(axis=0)
    counted = settled & (shown > 0).any(axis=0)
    chosen: list[int] = []
    present, absent = (
        rng.permutation(np.flatnonzero(pool)).tolist() for pool in (counted, settled & ~counted)
    )
    while len(chosen) < number and (present or absent):
        candidate = (
            absent if not present or (absent and rng.random() < _ABSENT_SHARE) else present
        ).pop()
        if candidate not in classes and not meets(pools.held_out, [candidate], [*classes, *chosen]):
            chosen.append(candidate)
    return chosen


def _names(pools: Pools, classes: Sequence[int]) -> list[str]:
    return [pools.presence.class_names[c] for c in classes]


def _template(rng: np.random.Generator) -> Template:
    return MIXED_TEMPLATES[int(rng.integers(len(MIXED_TEMPLATES)))]
