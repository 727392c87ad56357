"""A case: one question over images, with its true answer and its factors.

An immutable value whose id hashes everything a model is shown and what counts as right. A case
never holds pixels; pictures are opened by image id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, Protocol

from PIL import Image

from mimic_checks.errors import InvalidArgument
from mimic_checks.tasks.truth import Truth

RULE_VERSION = 2
"""Raised whenever the meaning of a question or its answer changes, so that old and new outcomes are
never compared."""

FactorValue = int | float | str | bool


class ImageOpener(Protocol):
    """Opens pictures by image id (SHA-256): a catalog's manifest, or a folder of stored cases."""

    def open(self, image_id: str) -> Image.Image:
        """The decoded RGB picture."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words between images."""

    text: str
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by its id."""

    image: str
    type: Literal["image"] = "image"


Content = tuple[TextPart | ImagePart, ...]
"""What is shown, in order: text and images may alternate in any way."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its answer; make it with `make_case`, which fills in `id` and `cluster`.

    `task`: the name of its kind of question. `offered`: names that the question offers or stands
    for (options, members of a listed category). `needles`: which images, from 0, hold what is asked
    for. `factors`: the controlled variables and their values. `cluster`: shared by all cases that
    come from one draw.
    """

    id: str
    cluster: str
    task: str
    template: str
    content: Content
    truth: Truth
    offered: tuple[str, ...] = ()
    needles: tuple[int, ...] = ()
    factors: Mapping[str, FactorValue] = field(default_factory=dict)

    @property
    def images(self) -> tuple[str, ...]:
        """Image ids in the order shown."""
        return tuple(part.image for part in self.content if isinstance(part, ImagePart))

    @property
    def question(self) -> str:
        """The text, with `[image 2]` where an image stands after the first words."""
        return question_text(self.content)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as chat templates take it: one user turn, its parts in order."""
        return chat_messages(self.content)


def images_first(images: Sequence[str], question: str) -> Content:
    """The images in order, then the question: how MIMIC asks."""
    return (*(ImagePart(image) for image in images), TextPart(question))


def question_text(content: Content) -> str:
    """The words of a question as one text. Images before the first words are left out, later ones
    stand as `[image 2]`."""
    words, number = [], 0
    for part in content:
        if isinstance(part, TextPart):
            words.append(part.text)
        else:
            number += 1
            if words:
                words.append(f"[image {number}]")
    return "".join(words)


def chat_messages(content: Content) -> list[dict[str, Any]]:
    """One user turn: image placeholders and texts in order."""
    parts = [
        {"type": "text", "text": part.text} if isinstance(part, TextPart) else {"type": "image"}
        for part in content
    ]
    return [{"role": "user", "content": parts}]


def make_case(
    *,
    task: str,
    template: str,
    content: Content,
    truth: Truth,
    offered: Sequence[str] = (),
    needles: Sequence[int] = (),
    factors: Mapping[str, FactorValue],
) -> Case:
    """A case with its content hash as id, in a cluster of its own.

    Raises:
        InvalidArgument: a needle that is no image of the content, or a text with half a character
            (a lone surrogate), which no file can hold.
    """
    shown = [
        (part.type, part.text if isinstance(part, TextPart) else part.image) for part in content
    ]
    images = sum(kind == "image" for kind, _ in shown)
    if wrong := [number for number in needles if not 0 <= number < images]:
        raise InvalidArgument("needles", wrong, allowed=f"image numbers from 0 to {images - 1}")
    right = {part.name: getattr(truth, part.name) for part in fields(truth)}
    asked = [task, shown, right, list(offered)]
    try:
        json.dumps([*asked, dict(factors)], ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise InvalidArgument("content", asked, allowed="texts of whole characters") from error
    hashed = json.dumps([*asked, RULE_VERSION])
    case_id = hashlib.sha256(hashed.encode()).hexdigest()[:24]
    return Case(
        id=case_id,
        cluster=case_id,
        task=task,
        template=template,
        content=tuple(content),
        truth=truth,
        offered=tuple(offered),
        needles=tuple(needles),
        factors=dict(factors),
    )


def in_cluster(case: Case, cluster: str) -> Case:
    """The same case, marked as derived from a draw."""
    return replace(case, cluster=cluster)
