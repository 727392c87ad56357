"""Training questions of `builtin-choices`: lettered options, yes or no, about a scene or twins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimic_checks.cases.visual_patterns import inline_question
from mimic_checks.catalog.patterns import PATTERNS, Twin, twin
from mimic_checks.catalog.rendered import TRAINING_SEED
from mimic_checks.catalog.shapes import SHAPES
from mimic_checks.tasks.multiple_choice import MULTIPLE_CHOICE
from mimic_checks.tasks.short_text import SHORT_TEXT
from mimic_checks.tasks.task import MIXED_TEMPLATES, Template
from mimic_checks.tasks.truth import LETTERS
from mimic_checks.tasks.yes_no import YES_NO
from training.questions import QA

_NAMES = tuple(SHAPES)
_TWINS = 7
"""Keeps twins apart from all else that is drawn for training."""


def training_twin(rng: np.random.Generator) -> Twin:
    """Twins of any pattern; no evaluation draws them."""
    pattern = tuple(PATTERNS)[int(rng.integers(len(PATTERNS)))]
    number = int(rng.integers(2**31))
    return twin(pattern, np.random.default_rng([TRAINING_SEED, _TWINS, number]))


def about_twin(found: Twin, side: int, asked: int, rng: np.random.Generator) -> list[QA]:
    """`asked` wordings of the question of some twins about one of them, half of them without
    letters: what is seen is learnt there first, and which letter it has afterwards."""
    return [
        _choice(found.stem, list(found.options), side, rng)
        if rng.random() < 0.5
        else (SHORT_TEXT.question(_template(rng), stem=found.stem), found.options[side])
        for _ in range(asked)
    ]


def about_pair(found: Twin, asked: int, rng: np.random.Generator) -> list[QA]:
    """`asked` questions about both twins in one prompt: what the first shows, what the second does,
    in which of them it is so."""
    pairs = []
    for _ in range(asked):
        side = int(rng.integers(2))
        which = ("first", "second")[side]
        if rng.random() < 0.5:
            stem = f"{found.stem} Look at the {which} picture."
            pairs.append(_choice(stem, list(found.options), side, rng))
        else:
            stem = f"{found.stem} For which picture is the answer: {found.options[side]}?"
            pairs.append(_choice(stem, ["the first", "the second"], side, rng))
    return pairs


def about_scene(counts: NDArray[np.int16], asked: int, rng: np.random.Generator) -> list[QA]:
    """`asked` questions about what a scene shows: how many, which class, whether there is one."""
    kinds = (_how_many, _which_class, _is_there)
    return [kinds[int(rng.integers(len(kinds)))](counts, rng) for _ in range(asked)]


def _how_many(counts: NDArray[np.int16], rng: np.random.Generator) -> QA:
    index = _shown(counts, rng)
    right = int(counts[index])
    near = [number for number in range(max(0, right - 3), right + 4) if number != right]
    others = [near[k] for k in rng.permutation(len(near))[: int(rng.integers(1, 4))]]
    stem = f"How many {SHAPES[_NAMES[index]].plural} are in the picture?"
    return _choice(stem, [str(right), *map(str, others)], 0, rng)


def _which_class(counts: NDArray[np.int16], rng: np.random.Generator) -> QA:
    absent = np.flatnonzero(counts == 0)
    others = rng.permutation(absent)[: int(rng.integers(1, 4))]
    names = [_NAMES[_shown(counts, rng)], *(_NAMES[int(k)] for k in others)]
    return _choice("Which of these is in the picture?", names, 0, rng)


def _is_there(counts: NDArray[np.int16], rng: np.random.Generator) -> QA:
    there = bool(rng.integers(2))
    index = _shown(counts, rng) if there else int(rng.choice(np.flatnonzero(counts == 0)))
    article = "an" if _NAMES[index][0] in "aeiou" else "a"
    stem = f"Is there {article} {_NAMES[index]} in the picture?"
    return YES_NO.question(_template(rng), stem=stem), "yes" if there else "no"


def _choice(stem: str, options: list[str], right: int, rng: np.random.Generator) -> QA:
    """A lettered question with its options in any order, in either notation, and the letter."""
    order = rng.permutation(len(options)).tolist()
    texts = [options[k] for k in order]
    letter = LETTERS[order.index(right)]
    if rng.random() < 0.5:
        return inline_question(stem, texts), letter
    (question,) = MULTIPLE_CHOICE.question(_template(rng), stem=stem, options=texts)
    assert question is not None, "no option is an image"
    return question, letter


def _shown(counts: NDArray[np.int16], rng: np.random.Generator) -> int:
    return int(rng.choice(np.flatnonzero(counts)))


def _template(rng: np.random.Generator) -> Template:
    return MIXED_TEMPLATES[int(rng.integers(len(MIXED_TEMPLATES)))]
