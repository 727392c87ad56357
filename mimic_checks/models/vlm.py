"""What a model is to this suite: two methods.

Data in: prompts (case id, images, messages; never the answer). Data out: one text per prompt, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from mimic_checks.cases import Case, ImageOpener
from mimic_checks.cases.case import chat_messages


@dataclass(frozen=True, slots=True)
class PromptImage:
    """A picture by its id (SHA-256), opened when it is needed."""

    id: str
    opener: Callable[[], Image.Image] = field(compare=False, repr=False)

    def open(self) -> Image.Image:
        """The decoded RGB picture."""
        return self.opener()


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question as a model gets it: `messages` in the chat-template layout, `images` in the order of their
    placeholders."""

    case_id: str
    images: tuple[PromptImage, ...]
    messages: list[dict[str, Any]]

    @property
    def question(self) -> str:
        """The text part of the messages."""
        return "".join(part["text"] for message in self.messages for part in message["content"] if part["type"] == "text")


@runtime_checkable
class VLM(Protocol):
    """A vision-language model: `answer` and `identity`, nothing else is needed."""

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """The model's raw text for every prompt, in order."""

    def identity(self) -> dict[str, Any]:
        """What could change an answer: name, revision, adapter, dtype, device, library versions."""


@runtime_checkable
class ImageBlocks(Protocol):
    """A model that can tell where in its input the images' tokens stand (white-box models)."""

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """One block per image, in order of position."""


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """The image tokens of one image: `start` and `tokens` in the model's input, and `image`, which prompt image the
    features there belong to (-1: none of them)."""

    start: int
    tokens: int
    image: int


def prompt_of(case: Case, opener: ImageOpener) -> Prompt:
    """The prompt of a case; pictures are opened through `opener` when the model asks for them."""
    images = tuple(PromptImage(image_id, lambda image_id=image_id: opener.open(image_id)) for image_id in case.images)  # type: ignore[misc]
    return Prompt(case.id, images, case.messages)


def prompt_for(images: Sequence[PromptImage], question: str, case_id: str = "") -> Prompt:
    """A prompt of one's own, outside any case."""
    return Prompt(case_id, tuple(images), chat_messages(len(images), question))
