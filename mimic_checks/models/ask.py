"""Asking a model about pictures at hand, outside any case."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from PIL import Image

from mimic_checks.catalog.images import pixel_bytes
from mimic_checks.models.prompt import PromptImage, prompt_for
from mimic_checks.models.vlm import VLM, texts_of


def ask_about(model: VLM, images: Sequence[Image.Image], question: str) -> str:
    """The model's answer to one question about `images`, shown in order before it.

    Raises:
        AnswerError: it failed.
    """
    shown = [_prompt_image(picture.convert("RGB")) for picture in images]
    return texts_of(model, [prompt_for(shown, question)])[0]


def _prompt_image(picture: Image.Image) -> PromptImage:
    # Features and answers are cached under an image's id, so the pixels have to make it.
    return PromptImage(hashlib.sha256(pixel_bytes(picture)).hexdigest(), lambda: picture)
