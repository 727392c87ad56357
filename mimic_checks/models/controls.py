"""Controls: prompts whose pictures are blanked, degraded, stitched, resized, reversed or absent.

Nothing but pictures changes, so they work for every model, also behind a server. Every control is a
value: equal ones are equal, its `repr` says what is done, and both the control and the prompts it
makes can be sent to another process. The ids of what it makes say how it was made, and of what.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from PIL import Image

from mimic_checks.errors import InvalidArgument
from mimic_checks.models.prompt import Prompt, PromptImage, prompt_for

_GREY = (128, 128, 128)


class Control(Protocol):
    """What is done to the pictures of a prompt."""

    def __call__(self, prompt: Prompt) -> Prompt:
        """The changed prompt, of the same case."""


@dataclass(frozen=True)
class Blanked:
    """Grey pictures of the same sizes in place of all but those that a case keeps: more image
    tokens, less content. `keep`: the indices of the pictures kept, by case id; none for a case that
    is not in it."""

    # A mapping has no hash; equality still looks at it.
    keep: Mapping[str, Collection[int]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        # One form for whatever was given: equal controls are then equal, and print alike.
        kept = {case_id: tuple(sorted(set(self.keep[case_id]))) for case_id in sorted(self.keep)}
        object.__setattr__(self, "keep", kept)

    def __call__(self, prompt: Prompt) -> Prompt:
        kept = self.keep.get(prompt.case_id, ())
        return prompt.with_images(
            image if index in kept else _blank(image) for index, image in enumerate(prompt.images)
        )


@dataclass(frozen=True)
class Degraded:
    """Every picture made smaller by `factor` a side and brought back to its size: as many image
    tokens, less information.

    Raises:
        InvalidArgument: a factor below 1.
    """

    factor: float

    def __post_init__(self) -> None:
        # Not `< 1`, which NaN would pass.
        if not self.factor >= 1:
            raise InvalidArgument("factor", self.factor, allowed="numbers from 1")

    def __call__(self, prompt: Prompt) -> Prompt:
        return prompt.with_images(
            PromptImage(
                f"degraded {self.factor:g} {image.id}", partial(_degraded, image, self.factor)
            )
            for image in prompt.images
        )


@dataclass(frozen=True)
class Stitched:
    """All pictures in one grid, filled row by row, of the size of one picture: as many image tokens
    as one image. Pictures inside the text are named there by their number."""

    def __call__(self, prompt: Prompt) -> Prompt:
        if len(prompt.images) < 2:
            return prompt
        grid_id = "stitched " + "+".join(image.id for image in prompt.images)
        grid = PromptImage(grid_id, partial(_stitched, prompt.images))
        return prompt_for([grid], prompt.question, prompt.case_id)


@dataclass(frozen=True)
class InTurn:
    """One control after another."""

    controls: tuple[Callable[[Prompt], Prompt], ...]

    def __call__(self, prompt: Prompt) -> Prompt:
        for control in self.controls:
            prompt = control(prompt)
        return prompt


@dataclass(frozen=True)
class Reversed:
    """The pictures in the opposite order."""

    def __call__(self, prompt: Prompt) -> Prompt:
        return prompt.with_images(prompt.images[::-1])


@dataclass(frozen=True)
class Uneven:
    """Every other picture narrower by a third; with `low`, all of half their height."""

    low: bool = False

    def __call__(self, prompt: Prompt) -> Prompt:
        down = 0.5 if self.low else 1.0
        return prompt.with_images(
            _resized(image, 2 / 3 if index % 2 else 1.0, down)
            for index, image in enumerate(prompt.images)
        )


@dataclass(frozen=True)
class WithoutImages:
    """Without any picture: the texts alone."""

    def __call__(self, prompt: Prompt) -> Prompt:
        content = (part for part in prompt.content if not isinstance(part, PromptImage))
        return replace(prompt, content=tuple(content))


def shown_in(image_id: str) -> list[str]:
    """The ids of the pictures that a control picture was made of; none for a blank one."""
    if image_id.startswith("blank "):
        return []
    # Two words are the control's own; the id after them may be another control's, with spaces.
    if image_id.startswith(("degraded ", "resized ")):
        return shown_in(image_id.split(" ", 2)[2])
    if image_id.startswith("stitched "):
        return [
            shown
            for part in image_id.removeprefix("stitched ").split("+")
            for shown in shown_in(part)
        ]
    return [image_id]


def _blank(image: PromptImage) -> PromptImage:
    # Every opener here is a partial of a named function: prompts with a lambda would not pickle.
    size = image.open().size
    return PromptImage(f"blank {size[0]}x{size[1]}", partial(Image.new, "RGB", size, _GREY))


def _resized(image: PromptImage, across: float, down: float) -> PromptImage:
    width, height = image.open().size
    size = (max(1, round(width * across)), max(1, round(height * down)))
    return PromptImage(f"resized {size[0]}x{size[1]} {image.id}", partial(_at_size, image, size))


def _at_size(image: PromptImage, size: tuple[int, int]) -> Image.Image:
    return image.open().resize(size)


def _degraded(image: PromptImage, factor: float) -> Image.Image:
    picture = image.open()
    size = (max(1, round(picture.width / factor)), max(1, round(picture.height / factor)))
    # BOX averages over every pixel: detail is lost evenly, and none turns into a false pattern.
    small = picture.resize(size, Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BILINEAR)


def _stitched(images: Sequence[PromptImage]) -> Image.Image:
    pictures = [image.open() for image in images]
    side = math.ceil(math.sqrt(len(pictures)))
    width, height = pictures[0].size
    page = Image.new("RGB", (width, height), _GREY)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, side)
        # Edges are rounded, not sizes: neighbours share theirs, without a gap or an overlap.
        left, top = round(column * width / side), round(row * height / side)
        right, bottom = round((column + 1) * width / side), round((row + 1) * height / side)
        cell = picture.resize((right - left, bottom - top), Image.Resampling.BOX)
        page.paste(cell, (left, top))
    return page
