"""A case: one question over an ordered list of images, with its true answer and its factors.

Data in: what a task module has decided (image ids, question, truth, factors). Data out: an
immutable `Case` whose id hashes everything a model is shown and what counts as right. A case never
holds pixels; pictures are opened by image id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from PIL import Image

from mimic_checks.cases.wording import Task, Template, counts_text, names_text

RULE_VERSION = 1
"""Raised whenever the meaning of a question or its answer changes, so that old and new outcomes are
never compared."""

Factors = Mapping[str, int | str]


class ImageOpener(Protocol):
    """Opens pictures by image id (SHA-256): a catalog's manifest, or a folder of stored cases."""

    def open(self, image_id: str) -> Image.Image:
        """The decoded RGB picture."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The true answer: `counts` (class, instances) in the order asked, or `names` (any order for
    listing, else one)."""

    counts: tuple[tuple[str, int], ...] = ()
    names: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The answer as a model should write it."""
        return counts_text(dict(self.counts)) if self.counts else names_text(self.names)


@dataclass(frozen=True, slots=True)
class Case:
    """One question with its answer; make it with `make_case`, which fills in `id` and `cluster`.

    `images`: image ids in the order shown. `factors`: the controlled variables and their values.
    `cluster`: shared by all cases that come from one draw."""

    id: str
    cluster: str
    task: Task
    template: Template
    images: tuple[str, ...]
    question: str
    truth: Truth
    factors: Factors

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation as chat templates take it: the images in order, then the question."""
        return chat_messages(len(self.images), self.question)


def chat_messages(images: int, question: str) -> list[dict[str, Any]]:
    """One user turn: `images` placeholders, then the question."""
    content: list[dict[str, str]] = [{"type": "image"}] * images + [
        {"type": "text", "text": question}
    ]
    return [{"role": "user", "content": content}]


def make_case(
    *,
    task: Task,
    template: Template,
    images: Sequence[str],
    question: str,
    truth: Truth,
    factors: Factors,
) -> Case:
    """A case with its content hash as id, in a cluster of its own."""
    content = [list(images), chat_messages(len(images), question), truth.text, RULE_VERSION]
    case_id = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
    return Case(case_id, case_id, task, template, tuple(images), question, truth, dict(factors))


def clustered(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The same cases, marked as derived from one draw; one case alone is its own cluster
    already."""
    if len(cases) == 1:
        return tuple(cases)
    cluster = hashlib.sha256("".join(case.id for case in cases).encode()).hexdigest()[:24]
    return tuple(replace(case, cluster=cluster) for case in cases)
