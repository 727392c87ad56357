"""A training sample: images and one or more turns about them, in LLaVA's and in chat form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Grade = Literal["verified", "training"]
"""`verified`: the labels prove the answer. `training`: it is right if what nobody verified is
absent."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer; `task` is what it asks for, in open form or with `options`
    lettered ones; `asked` are the classes that it is about, as columns of the catalog."""

    task: str
    question: str
    answer: str
    asked: tuple[int, ...]
    grade: Grade = "verified"
    options: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """Images (rows of the catalog, in the order shown) and turns; `factors` are those of the first
    turn."""

    part: str
    rows: tuple[int, ...]
    turns: tuple[Turn, ...]
    factors: dict[str, int] = field(default_factory=dict)

    @property
    def grade(self) -> Grade:
        """`training` if any turn is."""
        return "training" if any(turn.grade == "training" for turn in self.turns) else "verified"


def conversation(turns: Sequence[tuple[str, str]], images: int) -> list[dict[str, Any]]:
    """Chat messages of a sample: all images before the first question, then question and answer in
    turn."""
    messages: list[dict[str, Any]] = []
    for number, (question, answer) in enumerate(turns):
        shown = [{"type": "image"}] * (images if number == 0 else 0)
        messages.append({"role": "user", "content": [*shown, {"type": "text", "text": question}]})
        messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    return messages


def llava_record(
    identity: str, images: Sequence[str], turns: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The sample as LLaVA's training code reads it: image paths, and turns with `<image>` once per
    image."""
    conversations = []
    for number, (question, answer) in enumerate(turns):
        shown = "<image>\n" * (len(images) if number == 0 else 0)
        conversations += [
            {"from": "human", "value": shown + question},
            {"from": "gpt", "value": answer},
        ]
    return {"id": identity, "image": list(images), "conversations": conversations}
