"""What a model is to this suite: something that answers prompts, and declares what else it can do.

`capabilities_of` is the one place that looks at a model; everything that needs more than answers
asks `white_box`, `gives_logits`, `image_blocks`, `shows_input`, `image_tokens` or `limited`, and
`why_not` for the reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args

from mimic_checks.errors import AttentionError, ExtensionError, message_of, refusing
from mimic_checks.models.intervention import Intervention
from mimic_checks.models.prompt import Prompt
from mimic_checks.models.reply import Answered, reply_texts

if TYPE_CHECKING:
    from torch import Tensor

    from mimic_checks.attention import Profile
    from mimic_checks.models.option_scores import OptionScore

Capability = Literal[
    "white_box", "image_blocks", "shows_input", "image_tokens", "logits", "option_scores", "limits"
]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do besides answering; `reasons`: why it lacks what it lacks, as skipped
    checks print it. A white box gives its logits, too."""

    provided: frozenset[Capability] = frozenset()
    reasons: Mapping[Capability, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "white_box" in self.provided:
            object.__setattr__(self, "provided", frozenset({*self.provided, "logits"}))

    @classmethod
    def of(cls, *provided: Capability, otherwise: str = "") -> Capabilities:
        """These capabilities, and one reason why there are no others."""
        missing = [name for name in CAPABILITIES if name not in provided]
        return cls(frozenset(provided), dict.fromkeys(missing, otherwise) if otherwise else {})


class VLM(Protocol):
    """A vision-language model: `answer` and `identity`, nothing else is needed.

    It may declare more: `capabilities`, a `Capabilities`, with the methods of the protocols below;
    and `complete_identity`, whether its identity tells it from all models that could answer
    otherwise, so that its answers may be cached."""

    def answer(self, prompts: Sequence[Prompt]) -> Sequence[Answered]:
        """The model's raw text for every prompt, in order; a `Reply` in the place of one from which
        nothing is to be read (cut off, refused), an `AnswerError` of one that failed alone."""

    def identity(self) -> dict[str, Any]:
        """What could change an answer: name, revision, adapter, dtype, device, library versions."""


class GivesLogits(VLM, Protocol):
    """A model that shows between which next tokens it chooses."""

    def logits(self, prompts: Sequence[Prompt]) -> Tensor:
        """Logits of the first generated token, [B, vocabulary]."""


class WhiteBoxVLM(VLM, Protocol):
    """A model that can be looked into, and changed while it answers; `masked_layers` always obey an
    image-local mask (an adapter's)."""

    masked_layers: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Layers of the language model."""

    def intervened(self, intervention: Intervention) -> VLM:
        """The model under an intervention; weights are shared."""

    def profiles(
        self, prompts: Sequence[Prompt], intervention: Intervention | None = None
    ) -> list[Profile]:
        """Attention by depth of every prompt."""

    def logits(
        self,
        prompts: Sequence[Prompt],
        intervention: Intervention | None = None,
        *,
        masked: bool = True,
    ) -> Tensor:
        """Logits of the first generated token, [B, vocabulary]; without `masked`, as if no mask
        were to be obeyed always."""

    def token_grids(self, prompt: Prompt) -> list[TokenGrid | None]:
        """Where each image's tokens stand, as rows and columns over the picture; None where they
        are no grid."""


class ImageBlocks(VLM, Protocol):
    """A model that can tell where in its input the images' tokens stand."""

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """One block per image, in order of position."""


class ShowsInput(VLM, Protocol):
    """A model that shows what it is fed, and how it knows that an answer is over.

    `context_tokens`: the longest input that it takes (None: not stated); `stop_ids`: tokens that
    end an answer; `closing_id`: the token that the chat template puts after an answer (None: none);
    `adapter_shift`: how far its adapter moved a logit when it was merged (None: no adapter)."""

    @property
    def context_tokens(self) -> int | None: ...
    @property
    def stop_ids(self) -> frozenset[int]: ...
    @property
    def closing_id(self) -> int | None: ...
    @property
    def adapter_shift(self) -> float | None: ...

    def shown(self, prompts: Sequence[Prompt]) -> list[ShownInput]:
        """What the prompts become as one batch."""


class CountsImageTokens(VLM, Protocol):
    """A model that knows how many image tokens a prompt has, by which batches are planned."""

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt."""


class ScoresOptions(VLM, Protocol):
    """A model that says how likely it finds each of several answers."""

    def option_scores(
        self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]
    ) -> list[list[OptionScore]]:
        """The scores of every prompt's options, in order; the prompts are asked as one batch."""


class Limited(VLM, Protocol):
    """A model that refuses prompts which are too large for it, and whose limits show only when it
    is asked: one behind a server."""

    def why_refused(self, prompt: Prompt) -> str:
        """Asks a prompt; why the model will not take it, "" if it answers.

        Raises:
            AnswerError: neither came of it.
        """

    def limit_images(self, most: int, why: str) -> None:
        """From now on, a prompt of more images is not asked: its answer is an `AnswerError` that
        says `why`."""


_PARTS: Mapping[Capability, tuple[str, ...]] = {
    "white_box": ("masked_layers", "depth", "intervened", "profiles", "logits", "token_grids"),
    "image_blocks": ("image_blocks",),
    "shows_input": ("shown", "context_tokens", "stop_ids", "closing_id", "adapter_shift"),
    "image_tokens": ("image_tokens",),
    "logits": ("logits",),
    "option_scores": ("option_scores",),
    "limits": ("why_refused", "limit_images"),
}


@dataclass(frozen=True, slots=True)
class ShownInput:
    """The text side of a prompt as a model is fed it in a batch: `text` decoded, image tokens and
    all, without padding; `tokens`, how many; and whether padding stands after it, where an answer
    would have to begin."""

    text: str
    tokens: int
    ends_in_padding: bool


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


def capabilities_of(model: VLM) -> Capabilities:
    """What a model declares.

    Raises:
        ExtensionError: it declares what does not exist, or what it has no method for.
    """
    name = type(model).__name__
    declared = getattr(model, "capabilities", None)
    if declared is None:
        return Capabilities.of(otherwise=f"{name} declares no capabilities: it only answers")
    if not isinstance(declared, Capabilities) or not declared.provided <= set(CAPABILITIES):
        raise ExtensionError(
            f"model {name}: capabilities={declared!r}; give a mimic_checks.models.Capabilities of"
            f" {', '.join(map(repr, CAPABILITIES))}"
        )
    for capability in (name for name in CAPABILITIES if name in declared.provided):
        # A property is looked for on the class, so that it is not computed here.
        missing = [
            part
            for part in _PARTS[capability]
            if not hasattr(type(model), part) and not hasattr(model, part)
        ]
        if missing:
            raise ExtensionError(
                f"model {name} declares {capability!r} and lacks {', '.join(map(repr, missing))}"
            )
    return declared


def check_model(model: object, origin: str) -> VLM:
    """A model that somebody else's code made, if it is one; `origin`: that code, in words.

    Raises:
        ExtensionError: it has no `answer` or `identity`, or declares what it cannot do.
    """
    if isinstance(model, type):
        raise ExtensionError(
            f"{origin} gave the class {model.__name__}, not a model; give an object of it:"
            f" {model.__name__}()"
        )
    missing = [part for part in ("answer", "identity") if not hasattr(model, part)]
    if missing:
        raise ExtensionError(
            f"{origin} made {type(model).__name__}, which lacks {', '.join(map(repr, missing))}"
        )
    capabilities_of(cast(VLM, model))
    _check_identity(cast(VLM, model), origin)
    return cast(VLM, model)


def _check_identity(model: VLM, origin: str) -> None:
    """An identity is written into every record of a run: it is looked at before any case is
    asked."""
    what = f"identity() of {type(model).__name__} ({origin})"
    with refusing(f"{what} raised"):
        identity: object = model.identity()
    if not isinstance(identity, dict) or not all(isinstance(key, str) for key in identity):
        problem = f"gave {identity!r:.200}"
    else:
        try:
            json.dumps(identity, sort_keys=True, allow_nan=False)
            return
        except (TypeError, ValueError, RecursionError) as error:
            problem = f"gave what JSON cannot hold ({message_of(error)})"
    raise ExtensionError(
        f"{what} {problem}; it owes a dict with texts as keys and texts, numbers, lists or dicts as"
        " values"
    )


def why_not(model: VLM, capability: Capability) -> str | None:
    """Why a model lacks a capability, in words that end a sentence; None if it has it."""
    capabilities = capabilities_of(model)
    if capability in capabilities.provided:
        return None
    default = f"{type(model).__name__} does not declare {capability!r}"
    return capabilities.reasons.get(capability) or default


def has_complete_identity(model: VLM) -> bool:
    """Whether a model's identity tells it from every model that could answer otherwise; only then
    may its answers be cached."""
    return bool(getattr(model, "complete_identity", False))


def white_box(model: VLM) -> WhiteBoxVLM | None:
    """The model, if it can be looked into."""
    return None if why_not(model, "white_box") else cast(WhiteBoxVLM, model)


def require_white_box(model: VLM) -> WhiteBoxVLM:
    """The model, which has to be one that can be looked into.

    Raises:
        AttentionError: it is not; with the reason.
    """
    if reason := why_not(model, "white_box"):
        raise AttentionError(f"the model cannot be looked into: {reason}")
    return cast(WhiteBoxVLM, model)


def gives_logits(model: VLM) -> GivesLogits | None:
    """The model, if it gives its logits."""
    return None if why_not(model, "logits") else cast(GivesLogits, model)


def scores_options(model: VLM) -> ScoresOptions | None:
    """The model, if it says how likely it finds an answer."""
    return None if why_not(model, "option_scores") else cast(ScoresOptions, model)


def image_blocks(model: VLM) -> ImageBlocks | None:
    """The model, if it can tell where its image tokens stand."""
    return None if why_not(model, "image_blocks") else cast(ImageBlocks, model)


def shows_input(model: VLM) -> ShowsInput | None:
    """The model, if it shows what it is fed."""
    return None if why_not(model, "shows_input") else cast(ShowsInput, model)


def limited(model: VLM) -> Limited | None:
    """The model, if its limits can be asked for."""
    return None if why_not(model, "limits") else cast(Limited, model)


def image_tokens(model: VLM, prompt: Prompt) -> int:
    """Image tokens of a prompt if the model can tell, else its number of images; at least 1."""
    # Never 0, also for a prompt without images: batches are planned by ratios of these numbers.
    if why_not(model, "image_tokens"):
        return max(1, len(prompt.images))
    return max(1, cast(CountsImageTokens, model).image_tokens(prompt))


def texts_of(model: VLM, prompts: Sequence[Prompt]) -> list[str]:
    """The answers to all prompts.

    Raises:
        AnswerError: one of them failed.
    """
    return reply_texts(model.answer(prompts))
