"""How likely a model finds each option of a question, by feeding it the option token by token.

Options are forced on the model as it generates: whatever happens to a prompt when it is answered
(features used again, masks, pooling) happens here too, in every family.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from mimic_checks.models.intervention import NO_INTERVENTION

if TYPE_CHECKING:
    from mimic_checks.models.prompt import Prompt
    from mimic_checks.models.transformers_vlm import TransformersVLM


@dataclass(frozen=True, slots=True)
class OptionScore:
    """The natural logarithm of an option's probability after the prompt (the end of the answer not
    included), and its length in tokens."""

    log_probability: float
    tokens: int


class Forced(LogitsProcessor):  # type: ignore[misc]
    """Has every row say its own tokens, and sums up how likely each was: `sums` [B]."""

    def __init__(self, rows: Sequence[Sequence[int]], fill: int) -> None:
        self.rows, self.fill, self.step = rows, fill, 0
        self.sums = [0.0] * len(rows)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        # In double precision, so that long options do not lose to rounding.
        likely = torch.log_softmax(scores.double(), dim=-1)  # [B, V]
        forced = torch.full_like(scores, float("-inf"))
        for row, tokens in enumerate(self.rows):
            inside = self.step < len(tokens)
            token = tokens[self.step] if inside else self.fill
            if inside:
                self.sums[row] += float(likely[row, token])
            forced[row, token] = 0.0
        self.step += 1
        return forced


@torch.inference_mode()
def option_scores(
    model: TransformersVLM, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]
) -> list[list[OptionScore]]:
    """The scores of every prompt's options, all in one batch: a row for each prompt and option."""
    fed = [prompt for prompt, own in zip(prompts, options, strict=True) for _ in own]
    tokens = [
        model.tokenizer(option, add_special_tokens=False)["input_ids"]
        for own in options
        for option in own
    ]
    sums: dict[int, float] = {}
    for company in model.companies(fed) if fed else ():
        own = [tokens[k] for k in company]
        sums |= zip(company, _sums(model, [fed[k] for k in company], own), strict=True)
    scores = iter(OptionScore(sums[k], len(text)) for k, text in enumerate(tokens))
    return [[next(scores) for _ in own] for own in options]


def _sums(
    model: TransformersVLM, prompts: Sequence[Prompt], tokens: Sequence[Sequence[int]]
) -> list[float]:
    """The log-probability of a text in tokens after each prompt, [B]."""
    force = Forced(tokens, model.tokenizer.pad_token_id or 0)
    settings = copy.deepcopy(model.model.generation_config)
    # No end before the longest of them is said: the token that ends answers may be in one.
    settings.update(max_new_tokens=max(map(len, tokens)), eos_token_id=None)
    with model.prepared(prompts, NO_INTERVENTION) as inputs:
        model.model.generate(
            **inputs, generation_config=settings, logits_processor=LogitsProcessorList([force])
        )
    return force.sums
