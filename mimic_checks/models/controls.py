"""Control images: the same prompt with pictures blanked, degraded or stitched together.

Data in: a prompt. Data out: a prompt with the same case id and question over other pictures, whose
ids say what was done. Works for every model, also behind a server: nothing but pixels changes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from PIL import Image

from mimic_checks.models.vlm import Prompt, PromptImage, prompt_for

_GREY = (128, 128, 128)


def blanked(prompt: Prompt, keep: Collection[int] = ()) -> Prompt:
    """Grey pictures of the same sizes in place of all but the images `keep` (numbers from 0): more
    image tokens, less content."""
    images = [
        image if number in keep else _blank(image) for number, image in enumerate(prompt.images)
    ]
    return Prompt(prompt.case_id, tuple(images), prompt.messages)


def degraded(prompt: Prompt, factor: float) -> Prompt:
    """Every picture made smaller by `factor` a side and brought back to its size: as many image
    tokens, less information."""
    return Prompt(
        prompt.case_id, tuple(_degraded(image, factor) for image in prompt.images), prompt.messages
    )


def stitched(prompt: Prompt) -> Prompt:
    """All pictures in one grid, filled row by row, of the size of one picture: as many image tokens
    as one image."""
    return prompt_for([_stitched(prompt.images)], prompt.question, prompt.case_id)


def shown_in(image_id: str) -> list[str]:
    """The ids of the pictures that a control image was made of; none for a blank one."""
    if image_id.startswith("blank "):
        return []
    if image_id.startswith("degraded "):
        return [image_id.rpartition(" ")[2]]
    if image_id.startswith("stitched "):
        return image_id.removeprefix("stitched ").split("+")
    return [image_id]


def _blank(image: PromptImage) -> PromptImage:
    size = image.open().size
    return PromptImage(f"blank {size[0]}x{size[1]}", lambda: Image.new("RGB", size, _GREY))


def _degraded(image: PromptImage, factor: float) -> PromptImage:
    def make() -> Image.Image:
        picture = image.open()
        small = picture.resize(
            [max(1, round(side / factor)) for side in picture.size], Image.Resampling.BOX
        )
        return small.resize(picture.size, Image.Resampling.BILINEAR)

    return PromptImage(f"degraded {factor:g} {image.id}", make)


def _stitched(images: Sequence[PromptImage]) -> PromptImage:
    def make() -> Image.Image:
        pictures = [image.open() for image in images]
        side = math.ceil(math.sqrt(len(pictures)))
        width, height = pictures[0].size
        page = Image.new("RGB", (width, height), _GREY)
        for number, picture in enumerate(pictures):
            row, column = divmod(number, side)
            box = [
                round(column * width / side),
                round(row * height / side),
                round((column + 1) * width / side),
                round((row + 1) * height / side),
            ]
            page.paste(
                picture.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BOX),
                (box[0], box[1]),
            )
        return page

    return PromptImage("stitched " + "+".join(image.id for image in images), make)
