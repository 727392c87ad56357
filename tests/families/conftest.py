"""One batch per family: rows of two, three and one images of unequal sizes, left padded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from mimic_checks.attention import TokenMap, TokenMapper
from mimic_checks.models.backends import BUILTIN_FOLDER
from tests.families.tiny import BUILDABLE, batch, pictures, tiny

SIZES = [[(32, 32), (64, 32)], [(48, 64), (32, 32), (64, 64)], [(64, 64)]]


@dataclass
class Subject:
    """A model, its processor, a batch of its processor, and the batch's map."""

    name: str
    model: Any
    processor: Any
    rows: list[list[Any]]
    batch: dict[str, Any]
    map: TokenMap

    @property
    def mapper(self) -> TokenMapper:
        return TokenMapper(self.model.config, self.processor.tokenizer)

    @property
    def real(self) -> torch.Tensor:
        """[B, L]: positions that are not padding."""
        return self.map.kind != 0


def subject_of(name: str, sizes: list[list[tuple[int, int]]] = SIZES) -> Subject:
    """A family's tiny model (or the built-in one) with a batch of noise pictures."""
    if name == "builtin":
        from transformers import AutoModelForImageTextToText, AutoProcessor

        model = AutoModelForImageTextToText.from_pretrained(
            BUILTIN_FOLDER, dtype=torch.float32
        ).eval()
        processor = AutoProcessor.from_pretrained(BUILTIN_FOLDER)
        processor.tokenizer.padding_side = "left"
    else:
        model, processor = tiny(name)
    rows = [pictures(*row, seed=number) for number, row in enumerate(sizes)]
    made = batch(processor, rows)
    mapped = TokenMapper(model.config, processor.tokenizer).map(made, [len(row) for row in rows])
    return Subject(name, model, processor, rows, made, mapped)


@pytest.fixture(scope="module", params=[*BUILDABLE, "builtin"])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Every family in turn."""
    return subject_of(request.param)
