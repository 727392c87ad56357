"""A model under an edit: image tokens pooled, mask rules in windows of layers.

Data in: an open model and a `Intervention`. Data out: a model with the same two methods, whose
identity says what was edited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mimic_checks.attention import ImageLocal, LayerWindow, WindowedRule, read_adapter_mask
from mimic_checks.models.loading import ModelOptions
from mimic_checks.models.vlm import Prompt

if TYPE_CHECKING:
    from mimic_checks.models.transformers_vlm import TransformersVLM


@dataclass(frozen=True)
class Intervention:
    """What is changed inside a model while it answers: image tokens pooled, mask rules in windows
    of layers."""

    pooling: int = 1
    rules: tuple[WindowedRule, ...] = ()

    def then(self, more: Intervention) -> Intervention:
        """Both edits: pooling factors multiply, rules add up."""
        return Intervention(self.pooling * more.pooling, (*self.rules, *more.rules))

    def describe(self) -> list[str]:
        """The edit as identities name it."""
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
    if options.mask == "auto":
        mask = read_adapter_mask(options.adapter) if options.adapter else None
    else:
        mask = (
            None
            if options.mask == "none"
            else WindowedRule(ImageLocal(), LayerWindow.parse(options.mask))
        )
    return Intervention(options.pooling, (mask,) if mask else ())


class IntervenedVLM:
    """A `TransformersVLM` under an edit: the same two methods, an identity that says so."""

    def __init__(self, base: TransformersVLM, edit: Intervention) -> None:
        self.base, self.edit = base, edit

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """As `TransformersVLM.answer`, under the edit."""
        return self.base.answer_intervened(prompts, self.edit)

    def identity(self) -> dict[str, Any]:
        """The base's identity and the edit."""
        return {**self.base.identity(), "edit": self.edit.describe()}

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt, after pooling (to the next whole token)."""
        return -(-self.base.image_tokens(prompt) // self.edit.pooling)
