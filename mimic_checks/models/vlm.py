"""What a model is to this suite: two methods.

Data in: prompts (case id, images, messages; never the answer). Data out: one text per prompt, in
order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from PIL import Image

from mimic_checks.cases import Case, ImageOpener
from mimic_checks.cases.case import chat_messages
from mimic_checks.errors import AnswerError

if TYPE_CHECKING:
    from torch import Tensor

    from mimic_checks.attention import Profile
    from mimic_checks.models.intervention import Intervention


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
    """One question as a model gets it: `messages` in the chat-template layout, `images` in the
    order of their placeholders."""

    case_id: str
    images: tuple[PromptImage, ...]
    messages: list[dict[str, Any]]

    @property
    def question(self) -> str:
        """The text part of the messages."""
        return "".join(
            part["text"]
            for message in self.messages
            for part in message["content"]
            if part["type"] == "text"
        )


@runtime_checkable
class VLM(Protocol):
    """A vision-language model: `answer` and `identity`, nothing else is needed."""

    def answer(self, prompts: Sequence[Prompt]) -> Sequence[str | AnswerError]:
        """The model's raw text for every prompt, in order; an `AnswerError` in the place of one
        that failed alone."""

    def identity(self) -> dict[str, Any]:
        """What could change an answer: name, revision, adapter, dtype, device, library versions."""


@runtime_checkable
class ImageBlocks(Protocol):
    """A model that can tell where in its input the images' tokens stand (white-box models)."""

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """One block per image, in order of position."""


@runtime_checkable
class WhiteBoxVLM(Protocol):
    """A model that can be looked into and edited while it answers; `white_box` is false where its
    family is not known; `masked_layers` obey an image-local mask always (an adapter's)."""

    white_box: bool
    masked_layers: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Layers of the language model."""

    def answer(self, prompts: Sequence[Prompt]) -> Sequence[str | AnswerError]:
        """As a `VLM`."""

    def identity(self) -> dict[str, Any]:
        """As a `VLM`."""

    def intervened(self, edit: Intervention) -> VLM:
        """The model under an edit."""

    def profiles(
        self, prompts: Sequence[Prompt], edit: Intervention | None = None
    ) -> list[Profile]:
        """Attention by depth of every prompt."""

    def logits(
        self, prompts: Sequence[Prompt], edit: Intervention | None = None, *, masked: bool = True
    ) -> Tensor:
        """Logits of the first generated token, [B, vocabulary]; without `masked`, as if no mask
        were to be obeyed always."""

    def token_grids(self, prompt: Prompt) -> list[TokenGrid | None]:
        """Where each image's tokens stand, as rows and columns over the picture; None where they
        are no token_grid."""


@dataclass(frozen=True, slots=True)
class ShownInput:
    """The text side of a prompt as a model is fed it in a batch: `text` decoded, image tokens and
    all, without padding; `tokens`, how many; and whether padding stands after it, where an answer
    would have to begin."""

    text: str
    tokens: int
    ends_in_padding: bool


@runtime_checkable
class ShowsInput(Protocol):
    """A model that shows what it is fed, and how it knows that an answer is over.

    `context_tokens`: the longest input that it takes (None: not said); `stop_ids`: tokens that end
    an answer; `closing_id`: the token that the chat template puts after an answer (None: none);
    `adapter_shift`: how far its adapter moved a logit when it was merged (None: no adapter)."""

    context_tokens: int | None
    stop_ids: frozenset[int]
    closing_id: int | None
    adapter_shift: float | None

    def shown(self, prompts: Sequence[Prompt]) -> list[ShownInput]:
        """What the prompts become as one batch."""


@dataclass(frozen=True, slots=True)
class TokenGrid:
    """Image tokens that cover their picture as `rows` x `columns` equal cells, row by row: their
    positions."""

    rows: int
    columns: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImageBlock:
    """The image tokens of one image: `start` and `tokens` in the model's input, and `image`, which
    prompt image the features there belong to (-1: none of them)."""

    start: int
    tokens: int
    image: int


def texts_of(vlm: VLM, prompts: Sequence[Prompt]) -> list[str]:
    """The answers to all prompts.

    Raises:
        AnswerError: one of them failed.
    """
    found = vlm.answer(prompts)
    for text in found:
        if isinstance(text, AnswerError):
            raise text
    return [str(text) for text in found]


def prompt_of(case: Case, opener: ImageOpener) -> Prompt:
    """The prompt of a case; pictures are opened through `opener` when the model asks for them."""
    images = tuple(
        PromptImage(image_id, partial(opener.open, image_id)) for image_id in case.images
    )
    return Prompt(case.id, images, case.messages)


def prompt_for(images: Sequence[PromptImage], question: str, case_id: str = "") -> Prompt:
    """A prompt of one's own, outside any case."""
    return Prompt(case_id, tuple(images), chat_messages(len(images), question))
