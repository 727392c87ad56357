"""Changes inside a model while it answers: image tokens pooled, mask rules in windows of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from mimic_checks.attention import ImageLocal, LayerWindow, WindowedRule, read_adapter_mask
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.prompt import Prompt
from mimic_checks.models.vlm import Capabilities


@dataclass(frozen=True)
class Intervention:
    """What is changed inside a model while it answers: image tokens pooled, mask rules in windows
    of layers."""

    pooling: int = 1
    rules: tuple[WindowedRule, ...] = ()

    def then(self, more: Intervention) -> Intervention:
        """Both: pooling factors multiply, rules add up."""
        return Intervention(self.pooling * more.pooling, (*self.rules, *more.rules))

    def describe(self) -> list[str]:
        """The intervention as identities name it."""
        return ([f"pooling x{self.pooling}"] if self.pooling > 1 else []) + [
            rule.describe() for rule in self.rules
        ]


NO_INTERVENTION = Intervention()


def persistent_intervention(options: ModelOptions) -> Intervention:
    """What a model obeys always: `--vlm-pooling`, and the mask of `--vlm-mask` or of its adapter's
    record.

    Raises:
        AttentionError: a record that cannot be read, or a window that is none.
    """
    mask: WindowedRule | None = None
    if options.mask not in ("auto", "none"):
        mask = WindowedRule(ImageLocal(), LayerWindow.parse(options.mask))
    elif options.mask == "auto" and options.adapter:
        mask = read_adapter_mask(options.adapter)
    return Intervention(options.pooling, (mask,) if mask else ())


class Intervenable(Protocol):
    """A model that answers under an intervention."""

    @property
    def complete_identity(self) -> bool: ...

    def identity(self) -> dict[str, Any]: ...

    def image_tokens(self, prompt: Prompt) -> int: ...

    def answer_intervened(
        self, prompts: Sequence[Prompt], intervention: Intervention
    ) -> list[str]: ...


class IntervenedVLM:
    """A model under an intervention: it answers, and its identity names what was changed."""

    capabilities: ClassVar = Capabilities.of(
        "image_tokens", otherwise="a model under an intervention only answers"
    )

    def __init__(self, base: Intervenable, intervention: Intervention) -> None:
        self.base, self.intervention = base, intervention

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """As the base's `answer`, under the intervention."""
        return self.base.answer_intervened(prompts, self.intervention)

    def identity(self) -> dict[str, Any]:
        """The base's identity and the intervention."""
        return {**self.base.identity(), "intervention": self.intervention.describe()}

    @property
    def complete_identity(self) -> bool:
        """As the base's."""
        return self.base.complete_identity

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt, after pooling (to the next whole token)."""
        return -(-self.base.image_tokens(prompt) // self.intervention.pooling)
