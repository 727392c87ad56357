"""Who answers: prompts, the VLM protocol and its capabilities, backends, stubs, the built-in model.

Names are imported when they are used: `mimic_checks.models.backend` and `.device` must stay free of
numpy, Pillow and torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mimic_checks.models.backend import BACKENDS, Backend, backend_of
    from mimic_checks.models.options import ModelOptions
    from mimic_checks.models.prompt import Prompt, PromptImage, prompt_for, prompt_of
    from mimic_checks.models.reply import Answered, Reply
    from mimic_checks.models.spec import check_vlm, load_vlm
    from mimic_checks.models.stubs import STUBS, StubVLM
    from mimic_checks.models.vlm import (
        VLM,
        Capabilities,
        Capability,
        GivesLogits,
        ImageBlock,
        ImageBlocks,
        ShownInput,
        ShowsInput,
        TokenGrid,
        WhiteBoxVLM,
        capabilities_of,
        gives_logits,
        has_complete_identity,
        image_blocks,
        image_tokens,
        require_white_box,
        shows_input,
        white_box,
        why_not,
    )

__all__ = [
    "BACKENDS",
    "STUBS",
    "VLM",
    "Answered",
    "Backend",
    "Capabilities",
    "Capability",
    "GivesLogits",
    "ImageBlock",
    "ImageBlocks",
    "ModelOptions",
    "Prompt",
    "PromptImage",
    "Reply",
    "ShownInput",
    "ShowsInput",
    "StubVLM",
    "TokenGrid",
    "WhiteBoxVLM",
    "backend_of",
    "capabilities_of",
    "check_vlm",
    "gives_logits",
    "has_complete_identity",
    "image_blocks",
    "image_tokens",
    "load_vlm",
    "prompt_for",
    "prompt_of",
    "require_white_box",
    "shows_input",
    "white_box",
    "why_not",
]

_HOMES = {
    "backend": ("BACKENDS", "Backend", "backend_of"),
    "options": ("ModelOptions",),
    "prompt": ("Prompt", "PromptImage", "prompt_for", "prompt_of"),
    "reply": ("Answered", "Reply"),
    "spec": ("check_vlm", "load_vlm"),
    "stubs": ("STUBS", "StubVLM"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'vlm')}"), name)
