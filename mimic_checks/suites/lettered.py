"""Gold letters, and options as harnesses print them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mimic_checks.suites.folder import NO_ANSWER
from mimic_checks.suites.item import Piece, SuiteItem, Unusable
from mimic_checks.suites.prompts import IMAGE
from mimic_checks.tasks.truth import LETTERS


def place_of(gold: str, options: int) -> int:
    """The place of the option with this letter.

    Raises:
        Unusable: the gold is left out or is no letter of an option.
    """
    if not gold or gold == "hidden":
        raise Unusable(NO_ANSWER)
    if len(gold) != 1 or gold not in LETTERS[:options]:
        raise Unusable(f"its gold {gold!r} is not one of its {options} options")
    return LETTERS.index(gold)


def words_of(pieces: Sequence[Piece]) -> str:
    """The text with the placeholder of its images, as the file has it."""
    return "".join(IMAGE if isinstance(piece, int) else piece for piece in pieces)


def option_texts(item: SuiteItem) -> list[str]:
    """The options as the file has them."""
    return [words_of(option) for option in item.options]


def letter_and_dot(answer: str) -> str:
    """lmms-eval's: the letter that an answer begins with if a full stop follows it, else the whole
    answer."""
    found = re.match(r"\s*([A-Z])\.", answer)
    return found[1] if found else answer
