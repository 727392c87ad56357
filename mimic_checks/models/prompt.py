"""Prompts: what a model is shown of a case; never its true answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from PIL import Image

from mimic_checks.cases.case import (
    Case,
    Content,
    ImageOpener,
    ImagePart,
    TextPart,
    chat_messages,
    question_text,
)
from mimic_checks.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class PromptImage:
    """A picture by its id, opened when it is needed. The id stands for the pixels: features and
    answers are cached under it."""

    id: str
    # Two openers of one picture are never equal; the id says all that matters.
    opener: Callable[[], Image.Image] = field(compare=False, repr=False)

    def open(self) -> Image.Image:
        """The decoded RGB picture."""
        return self.opener()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question as a model gets it: texts and pictures in the order shown. Pickles if its
    pictures' openers do."""

    case_id: str
    content: tuple[TextPart | PromptImage, ...]

    @property
    def images(self) -> tuple[PromptImage, ...]:
        """The pictures in order."""
        return tuple(part for part in self.content if isinstance(part, PromptImage))

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts in order."""
        return tuple(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def question(self) -> str:
        """The texts as one, with `[image 2]` where an image stands after the first words."""
        return question_text(self._parts)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as chat templates take it: one user turn, its parts in order."""
        return chat_messages(self._parts)

    @property
    def _parts(self) -> Content:
        return tuple(
            part if isinstance(part, TextPart) else ImagePart(part.id) for part in self.content
        )

    def with_images(self, images: Iterable[PromptImage]) -> Prompt:
        """The same texts around other pictures, one for each of this prompt's.

        Raises:
            InvalidArgument: another number of pictures.
        """
        others = list(images)
        if len(others) != len(self.images):
            raise InvalidArgument("images", len(others), allowed=f"{len(self.images)} pictures")
        order = iter(others)
        content = [part if isinstance(part, TextPart) else next(order) for part in self.content]
        return replace(self, content=tuple(content))


def prompt_of(case: Case, opener: ImageOpener) -> Prompt:
    """The prompt of a case; pictures are opened through `opener` when the model asks for them."""
    return Prompt(
        case.id,
        tuple(
            part
            if isinstance(part, TextPart)
            else PromptImage(part.image, partial(opener.open, part.image))
            for part in case.content
        ),
    )


def prompt_for(images: Sequence[PromptImage], question: str, case_id: str = "") -> Prompt:
    """A prompt of one's own, outside any case: the pictures in order, then the question."""
    return Prompt(case_id, (*images, TextPart(question)))
