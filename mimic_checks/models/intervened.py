"""A model under an intervention, as a model of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from mimic_checks.models.intervention import Intervention
from mimic_checks.models.prompt import Prompt
from mimic_checks.models.reply import Answered
from mimic_checks.models.vlm import Capabilities


class Intervenable(Protocol):
    """A model that answers under an intervention."""

    @property
    def complete_identity(self) -> bool: ...

    def identity(self) -> dict[str, Any]: ...

    def image_tokens(self, prompt: Prompt) -> int: ...

    def answer_intervened(
        self, prompts: Sequence[Prompt], intervention: Intervention
    ) -> list[Answered]: ...


class IntervenedVLM:
    """A model under an intervention: it answers, and its identity names what was changed."""

    capabilities: ClassVar = Capabilities.of(
        "image_tokens", otherwise="a model under an intervention only answers"
    )

    def __init__(self, base: Intervenable, intervention: Intervention) -> None:
        self.base, self.intervention = base, intervention

    def answer(self, prompts: Sequence[Prompt]) -> list[Answered]:
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
