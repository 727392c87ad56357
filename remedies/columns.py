"""The columns of training data."""

from __future__ import annotations

from typing import Any

FACTORS = ("spread", "distractors", "concepts", "instances")


def features() -> Any:
    """The columns of the data. `length` (images) lets a trainer batch samples of like size."""
    from datasets import Features, List, Value

    text, number = Value("string"), Value("int32")
    content = List({"type": text, "text": text})
    return Features(
        {
            "id": text,
            "part": text,
            "images": List(text),
            "image_ids": List(text),
            "messages": List({"role": text, "content": content}),
            "length": number,
            "grade": text,
            "asked": List(List(number)),
            "tasks": List(text),
            "options": number,
            **dict.fromkeys(FACTORS, number),
        }
    )
