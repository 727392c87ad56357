"""Multiple choice: which of the lettered options, each a text or an image?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks.option_reader import read_option
from mimic_checks.tasks.task import TEMPLATES, Task, Template, check_template
from mimic_checks.tasks.truth import LETTERS, Choice, Truth, of_type
from mimic_checks.tasks.unread import Unread
from mimic_checks.tasks.vocabulary import Vocabulary

_FRAMES: Mapping[Template, tuple[str, str]] = {
    "plain": ("", "\nAnswer with the option's letter."),
    "instruct": ("", "\nGive only the letter of the right option."),
    "singular": ("", "\nGive only the letter of the right option."),
    "mimic": ("Question: ", "\nAnswer with the option's letter."),
}
"""What stands before the stem, and after the options."""


class MultipleChoice(Task):
    """One of up to 26 options."""

    name = "multiple_choice"
    truth_type = Choice

    def question(
        self, template: Template, *, stem: str, options: Sequence[str | None]
    ) -> tuple[str | None, ...]:
        """The question in pieces; None where the image of an option stands. `options`: a text, or
        None for an image.

        Raises:
            InvalidArgument: unknown template; fewer than 2 options, more than there are letters, or
                one without text.
        """
        check_template(template, TEMPLATES)
        if not 2 <= len(options) <= len(LETTERS) or "" in options:
            raise InvalidArgument(
                "options",
                options,
                allowed=f"2 to {len(LETTERS)} texts (None: an image), none empty",
            )
        before, after = _FRAMES[template]
        pieces: list[str | None] = [before + stem]
        for letter, option in zip(LETTERS, options, strict=False):
            _add_text(pieces, f"\n{letter}. ")
            if option is None:
                pieces.append(None)
            else:
                _add_text(pieces, option)
        _add_text(pieces, after)
        return tuple(pieces)

    def read(
        self, answer: str, truth: Truth, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Choice | Unread:
        """The one option that it names by letter, by text, or by both alike."""
        options = of_type(truth, Choice).options
        place = read_option(answer, options)
        return place if isinstance(place, Unread) else Choice(place, options)

    def blind_answers(
        self, truth: Truth, images: int, offered: Sequence[str], vocabulary: Vocabulary
    ) -> Mapping[str, Choice]:
        """Each letter, the last option; the longest and the shortest, where all are texts."""
        options = of_type(truth, Choice).options[: len(LETTERS)]
        places = {LETTERS[place]: place for place in range(len(options))}
        places["last option"] = len(options) - 1
        if all(options):
            lengths = [len(option) for option in options]
            places["longest option"] = lengths.index(max(lengths))
            places["shortest option"] = lengths.index(min(lengths))
        return {name: Choice(place, options) for name, place in places.items()}

    def repeated(self, said: Truth, truth: Truth) -> Choice | None:
        """The same option under whatever letter; of an image, which has no name, the letter."""
        option, options = of_type(said, Choice), of_type(truth, Choice).options
        text = option.options[option.index]
        place = options.index(text) if text and text in options else option.index
        if place >= len(options) or options[place] != text:
            return None
        return Choice(place, options)


MULTIPLE_CHOICE = MultipleChoice()


def _add_text(pieces: list[str | None], text: str) -> None:
    """Text next to text is one piece."""
    last = pieces[-1]
    if last is None:
        pieces.append(text)
    else:
        pieces[-1] = last + text
