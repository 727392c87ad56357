"""What the prompts of several suites share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mimic_checks.suites.item import Piece, SuiteItem, Unusable
from mimic_checks.tasks.multiple_choice import MULTIPLE_CHOICE
from mimic_checks.tasks.number import NUMBER
from mimic_checks.tasks.short_text import SHORT_TEXT
from mimic_checks.tasks.truth import LETTERS, Choice, Number, ShortText, YesNo
from mimic_checks.tasks.yes_no import YES_NO

IMAGE = "<image>"
"""Where an image stands in the words of most suites."""
LETTER_DIRECTLY = "Answer with the option's letter from the given choices directly."
_STEM_TASKS = {YesNo: YES_NO, Number: NUMBER, ShortText: SHORT_TEXT}
# Characters of private use: no question holds them.
_STAND_IN = re.compile("\ue000(\\d+)\ue001")


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The same pieces, text next to text as one, none empty."""
    out: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return tuple(out)


def option_pieces(options: Sequence[Sequence[Piece]], before: str, after: str = "") -> list[Piece]:
    """All options, each between two texts; `{}` in the first is its letter."""
    pieces: list[Piece] = []
    for letter, option in zip(LETTERS, options, strict=False):
        pieces += [before.format(letter), *option, after]
    return pieces


def led(texts: Sequence[str], images: int) -> list[tuple[Piece, ...]]:
    """The texts with images at their `<image>` marks, in order over all of them; images for which
    no mark is left lead the first text, as Mantis's benchmark has it.

    Raises:
        Unusable: more marks than images.
    """
    marks = sum(text.count(IMAGE) for text in texts)
    if marks > images:
        raise Unusable(f"{marks} placeholders {IMAGE} and {images} images")
    following = images - marks
    found: list[tuple[Piece, ...]] = []
    for text in texts:
        first, *rest = text.split(IMAGE)
        pieces: list[Piece] = [first]
        for part in rest:
            pieces += [following, part]
            following += 1
        found.append(joined(pieces))
    return [(*range(images - marks), *found[0]), *found[1:]]


def ours(item: SuiteItem) -> tuple[Piece, ...]:
    """The question as this project's own checks word their questions."""
    sequences = [item.question, *item.options]
    stand_ins = [f"\ue000{number}\ue001" for number in range(len(sequences))]
    if isinstance(item.truth, Choice):
        asked = MULTIPLE_CHOICE.question("plain", stem=stand_ins[0], options=stand_ins[1:])
        text = "".join(piece or "" for piece in asked)
    else:
        task = _STEM_TASKS[type(item.truth)]
        text = task.question("plain", stem=stand_ins[0])
    pieces: list[Piece] = []
    for place, part in enumerate(_STAND_IN.split(text)):
        pieces += sequences[int(part)] if place % 2 else [part]
    return joined(pieces)


def vlmevalkit(item: SuiteItem) -> tuple[Piece, ...]:
    """VLMEvalKit's prompt for multiple choice: images, hint if there is one, question, options."""
    hint = f"Hint: {item.raw['hint']}\n" if item.raw.get("hint") else ""
    images = [piece for piece in item.question if isinstance(piece, int)]
    words = [piece for piece in item.question if isinstance(piece, str)]
    return joined(
        [
            *images,
            f"{hint}Question: ",
            *words,
            "\nOptions:\n",
            *option_pieces(item.options, "{}. ", "\n"),
            "Please select the correct answer from the options above. \n",
        ]
    )
