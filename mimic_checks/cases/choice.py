"""Multiple-choice cases, whose options may be images, and groups of them.

A model that likes one letter is right by luck on some order of the options, never on all of them:
`rotations` asks one question with every option once under every letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mimic_checks.cases.case import Case, Content, FactorValue, ImagePart, TextPart, make_case
from mimic_checks.cases.group import Group, clustered
from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks.multiple_choice import MULTIPLE_CHOICE
from mimic_checks.tasks.task import Template
from mimic_checks.tasks.truth import LETTERS, Choice


@dataclass(frozen=True, slots=True)
class ChoiceQuestion:
    """A question whose options have no letters yet. `images`: ids of what is shown before the
    question; `right`: which of `options`, texts or images, from 0.

    Raises:
        InvalidArgument: fewer than two options, too many, one twice, or none of them right.
    """

    stem: str
    options: tuple[TextPart | ImagePart, ...]
    right: int
    images: tuple[str, ...] = ()
    template: Template = "plain"
    factors: Mapping[str, FactorValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        number = len(self.options)
        if not 2 <= number <= len(LETTERS) or len(set(self.options)) != number:
            raise InvalidArgument(
                "options", self.options, allowed=f"2 to {len(LETTERS)} different ones"
            )
        if not 0 <= self.right < number:
            raise InvalidArgument("right", self.right, allowed=f"0 to {number - 1}")

    def case(self, first: int = 0) -> Case:
        """The case whose option A is option number `first`; the others follow in their order."""
        number = len(self.options)
        order = [(first + step) % number for step in range(number)]
        options = [self.options[index] for index in order]
        texts = [option.text if isinstance(option, TextPart) else None for option in options]
        offered = tuple(text or "" for text in texts)
        return make_case(
            task=MULTIPLE_CHOICE.name,
            template=self.template,
            content=(*(ImagePart(image) for image in self.images), *self._asked(options, texts)),
            truth=Choice(order.index(self.right), offered),
            offered=offered,
            factors=self.factors,
        )

    def _asked(self, options: list[TextPart | ImagePart], texts: list[str | None]) -> Content:
        pictures = iter(option for option in options if isinstance(option, ImagePart))
        pieces = MULTIPLE_CHOICE.question(self.template, stem=self.stem, options=texts)
        return tuple(next(pictures) if piece is None else TextPart(piece) for piece in pieces)


def rotations(question: ChoiceQuestion) -> Group:
    """The question with its options in every rotation; right if every member is."""
    cases = tuple(question.case(first) for first in range(len(question.options)))
    (group,) = clustered([Group(cases)])
    return group
