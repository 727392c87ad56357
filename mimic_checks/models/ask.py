"""Asking a model about pictures at hand, outside any case.

Data in: Pillow pictures and a question. Data out: the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

from PIL import Image

from mimic_checks.catalog.images import pixel_bytes
from mimic_checks.models.vlm import VLM, PromptImage, prompt_for, texts_of


def ask_about(vlm: VLM, images: Sequence[Image.Image], question: str) -> str:
    """The model's answer to one question about `images`, shown in order before it."""
    shown = [picture.convert("RGB") for picture in images]
    prompt_images = [
        PromptImage(
            hashlib.sha256(pixel_bytes(picture)).hexdigest(), partial(Image.Image.copy, picture)
        )
        for picture in shown
    ]
    return texts_of(vlm, [prompt_for(prompt_images, question)])[0]
