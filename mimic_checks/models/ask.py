"""Asking a model about pictures at hand, outside any case."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from mimic_checks.catalog.images import open_image, pixel_bytes
from mimic_checks.catalog.pixels import as_rgb
from mimic_checks.errors import InvalidArgument
from mimic_checks.models.prompt import PromptImage, prompt_for
from mimic_checks.models.vlm import VLM, texts_of

Picture = Image.Image | str | os.PathLike[str]
"""A Pillow picture, or the path of a file."""


def ask_about(model: VLM, images: Sequence[Picture], question: str) -> str:
    """The model's answer to one question about `images`, shown in order before it.

    Raises:
        AnswerError: it failed.
        InvalidArgument: something that is no picture, or a file that cannot be opened.
    """
    if isinstance(images, str | os.PathLike | Image.Image):
        raise InvalidArgument("images", images, allowed="a list of pictures or paths")
    shown = [_prompt_image(_picture(image, k)) for k, image in enumerate(images)]
    return texts_of(model, [prompt_for(shown, question)])[0]


def _picture(image: Picture, number: int) -> Image.Image:
    name, allowed = f"images[{number}]", "a Pillow picture, or the path of a picture"
    try:
        if isinstance(image, Image.Image):
            return as_rgb(image)
        if isinstance(image, str | os.PathLike):
            return open_image(Path(image))
    except (OSError, ValueError) as error:
        raise InvalidArgument(name, image, allowed=allowed, hint=str(error)) from error
    raise InvalidArgument(name, image, allowed=allowed)


def _prompt_image(picture: Image.Image) -> PromptImage:
    # Features and answers are cached under an image's id, so the pixels have to make it.
    pixels = hashlib.sha256(pixel_bytes(picture)).hexdigest()
    return PromptImage(pixels, partial(_given, picture))


def _given(picture: Image.Image) -> Image.Image:
    return picture
