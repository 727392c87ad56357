"""Who answers: the VLM protocol, transformers models, stubs, the built-in model."""

from mimic_checks.models.loading import ModelOptions
from mimic_checks.models.spec import check_vlm, load_vlm
from mimic_checks.models.stubs import STUBS, StubVLM
from mimic_checks.models.vlm import (
    VLM,
    ImageBlock,
    ImageBlocks,
    Prompt,
    PromptImage,
    ShownInput,
    ShowsInput,
    TokenGrid,
    WhiteBoxVLM,
    prompt_for,
    prompt_of,
)

__all__ = [
    "STUBS",
    "VLM",
    "ImageBlock",
    "ImageBlocks",
    "ModelOptions",
    "Prompt",
    "PromptImage",
    "ShownInput",
    "ShowsInput",
    "StubVLM",
    "TokenGrid",
    "WhiteBoxVLM",
    "check_vlm",
    "load_vlm",
    "prompt_for",
    "prompt_of",
]
