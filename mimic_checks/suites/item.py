"""One question of a suite as its file has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mimic_checks.suites.pictures import Picture
from mimic_checks.tasks.truth import Choice, Truth

Piece = str | int
"""Text, or the number (from 0) of one of the item's images where it stands between the words."""


@dataclass(frozen=True, slots=True)
class SuiteItem:
    """One question with its answer key.

    `id`: the suite's own, unique in it. `category`: what its results are reported by. `question`:
    the words of the file with images where its placeholders stand (without any placeholder: all
    images first), without options and instructions. `options`: without their letters; none of an
    open question. `images`: in the order of the file; every one stands somewhere in question or
    options. `group`: items that are scored together as well as alone ("": none), each by its
    `role`. `raw`: further columns, as texts, that official prompts and scorers need.
    """

    id: str
    category: str
    question: tuple[Piece, ...]
    truth: Truth
    images: tuple[Picture, ...]
    options: tuple[tuple[Piece, ...], ...] = ()
    group: str = ""
    role: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that has no answer as its file has it, and why ("its gold 'J' is not an option").
    Counted by name, never asked."""

    id: str
    reason: str


class Unusable(Exception):
    """Raised while an item is read: it cannot be asked, for this reason; it is `Refused`."""


def entry(name: str, made: Callable[[], SuiteItem]) -> SuiteItem | Refused:
    """The item, or why it cannot be asked."""
    try:
        return made()
    except Unusable as error:
        return Refused(name, str(error))


def choice_of(index: int, options: Sequence[Sequence[Piece]]) -> Choice:
    """The true answer of a multiple choice item; an option with an image in it has no text.

    Raises:
        InvalidArgument: no such option.
    """
    texts = (
        "" if any(isinstance(piece, int) for piece in option) else "".join(map(str, option))
        for option in options
    )
    return Choice(index, tuple(texts))
