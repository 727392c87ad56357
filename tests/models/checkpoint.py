"""A tiny checkpoint on disk, to be broken, edited and asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mimic_checks.models import ModelOptions, Prompt, PromptImage, prompt_for
from mimic_checks.models.transformers_vlm import TransformersVLM
from tests.families.tiny import pictures, tiny


def save(folder: Path, family: str = "llava") -> Path:
    """A family's tiny model and its processor."""
    model, processor = tiny(family)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def edit(path: Path, **changes: Any) -> None:
    """Sets entries of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def opened(folder: Path, **options: Any) -> TransformersVLM:
    """The model of a folder, on the CPU, with answers of 8 tokens at most."""
    given = {"max_new_tokens": 8, "device": "cpu", **options}
    return TransformersVLM(str(folder), ModelOptions(**given), untouched=True)


def prompts() -> list[Prompt]:
    """Three prompts, of one, two and three noise pictures."""
    return [
        prompt_for(
            [
                PromptImage(f"{count}.{k}", lambda picture=picture: picture)
                for k, picture in enumerate(pictures(*[(32, 32)] * count, seed=count))
            ],
            "how many cats?",
            case_id=str(count),
        )
        for count in (1, 2, 3)
    ]
