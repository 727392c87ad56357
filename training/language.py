"""The training of the built-in model's projector and language model, on one scene or two.

Several questions share the images of a row: each question is a block that sees the images and
itself, never another block, at the positions it would have alone. One row is therefore exactly as
many single-question samples, at a third of the cost:

    keys     images  Q1  Q2          B rows, L positions, D model width, V vocabulary
    images   causal  .   .
    Q1       all     c.  .
    Q2       all     .   c.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from mimic_checks.tasks.common_object import COMMON
from mimic_checks.tasks.odd_one import ODD_ONE
from training import questions
from training.questions import QA, Pairs
from training.tokenizer import ASSISTANT, USER

IGNORE = -100


@dataclass(frozen=True)
class Row:
    """One training row.

    `images`: feature rows of its images, a negative one for a blank image (-1 - index); `pairs`:
    its questions with their answers.
    """

    images: list[int]
    pairs: list[QA]


class Mixture:
    """Draws rows: one scene, one scene among blanks at any position, two scenes.

    `asked` counts the questions about one scene and about two; at most 20 % are about two.
    """

    def __init__(
        self, counts: NDArray[np.int16], blanks: int, *, seed: int, longest: int = 8
    ) -> None:
        self.counts, self.blanks, self.longest = counts, blanks, longest
        self.pairs, self.rng = Pairs(counts), np.random.default_rng(seed)
        self.asked = {"one": 0, "two": 0}

    def one(self, number: int) -> list[Row]:
        rows = []
        for row in self.rng.integers(len(self.counts), size=number).tolist():
            rows.append(Row([row], questions.about_counts(self.counts[row], 1, 8, self.rng)))
            self.asked["one"] += 8
        return rows

    def among_blanks(self, number: int) -> list[Row]:
        """All rows of one batch have the same number of images: no padding."""
        images = int(self.rng.integers(2, self.longest + 1))
        rows = []
        for row in self.rng.integers(len(self.counts), size=number).tolist():
            shown = [-1 - int(blank) for blank in self.rng.integers(self.blanks, size=images)]
            shown[int(self.rng.integers(images))] = row
            rows.append(Row(shown, questions.about_counts(self.counts[row], images, 6, self.rng)))
            self.asked["one"] += 6
        return rows

    def two(self, number: int) -> list[Row]:
        rows = []
        for kind in self.rng.integers(3, size=number).tolist():
            extra: list[QA] = []
            if kind == 0:
                shown = self.pairs.any(self.rng)
            else:
                shown, index = (
                    self.pairs.common(self.rng) if kind == 1 else self.pairs.odd(self.rng)
                )
                task = COMMON if kind == 1 else ODD_ONE
                extra = [questions.about_identity(task, index, self.rng)]
            counting = questions.about_counts(
                self.counts[shown].sum(axis=0), 2, 5 if kind == 0 else 3, self.rng
            )
            rows.append(Row(shown, extra + counting))
            self.asked["two"] += len(rows[-1].pairs)
        return rows


class Packer:
    """Turns rows into tensors, and a model's loss on them."""

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        tokenizer: PreTrainedTokenizerFast,
        features: Tensor,
        blanks: Tensor,
    ):
        self.model, self.features, self.blanks = model, features, blanks
        self.user, self.assistant = tokenizer.convert_tokens_to_ids([USER, ASSISTANT])
        self.end, self.pad = tokenizer.eos_token_id, tokenizer.pad_token_id
        self.tokens: Callable[[str], list[int]] = lru_cache(maxsize=100_000)(
            lambda text: tokenizer(text)["input_ids"]
        )

    def loss(self, rows: list[Row]) -> tuple[Tensor, Tensor]:
        """Mean loss over answer tokens, and the share of answers whose every token is right.

        Right means predicted with the true answer so far as input (teacher forcing).
        """
        patches, images = self.features.shape[1], len(rows[0].images)
        prefix = 1 + patches * images  # the user tag, then the images
        packed = [self._blocks(row, prefix) for row in rows]
        width = max(len(ids) for ids, *_ in packed)
        ids, labels, positions, blocks = (
            torch.tensor([list(values) + [fill] * (width - len(values)) for values in column])
            for column, fill in zip(
                zip(*packed, strict=True), (self.pad, IGNORE, 0, -1), strict=True
            )
        )
        inner = self.model.model
        embeds = inner.language_model.embed_tokens(ids)  # [B, L, D]
        features = torch.stack(
            [torch.cat([self._features_of(image) for image in row.images]) for row in rows]
        )
        projected = inner.multi_modal_projector(features)
        length = prefix + width
        start = inner.language_model.embed_tokens(torch.full((len(rows), 1), self.user))
        embeds = torch.cat([start, projected, embeds], dim=1)
        block = torch.cat([torch.zeros(len(rows), prefix, dtype=torch.long), blocks], dim=1)
        position = torch.cat([torch.arange(prefix).expand(len(rows), -1), positions], dim=1)
        # Block 0 is the images, which all may see; every other block is seen by itself alone.
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        same_block = block[:, None, :] == block[:, :, None]
        mask = causal & ((block[:, None, :] == 0) | same_block)  # [B, L, L]
        hidden = inner.language_model(
            inputs_embeds=embeds,
            attention_mask=mask[:, None],
            position_ids=position,
            use_cache=False,
        ).last_hidden_state
        target = labels != IGNORE  # label t is predicted at position t
        logits = self.model.lm_head(hidden[:, prefix:][target])
        loss = nn.functional.cross_entropy(logits.float(), labels[target])
        with torch.no_grad():
            wrong = torch.zeros_like(labels, dtype=torch.float)
            wrong[target] = (logits.argmax(-1) != labels[target]).float()
            wrong_in_block = torch.zeros(len(rows), int(blocks.max()) + 1).scatter_add_(
                1, blocks.clamp(min=0), wrong
            )
            shares = [
                (wrong_in_block[i, 1 : 1 + len(row.pairs)] == 0).float().mean()
                for i, row in enumerate(rows)
            ]
        return loss, torch.stack(shares).mean()

    def _features_of(self, image: int) -> Tensor:
        return (self.features[image] if image >= 0 else self.blanks[-1 - image]).float()

    def _blocks(self, row: Row, prefix: int) -> tuple[list[int], list[int], list[int], list[int]]:
        """Token ids, labels, positions and block numbers of a row's questions."""
        ids: list[int] = []
        labels: list[int] = []
        positions: list[int] = []
        blocks: list[int] = []
        for number, (question, answer) in enumerate(row.pairs, start=1):
            question_ids, answer_ids = self.tokens(question), self.tokens(answer)
            block = [*question_ids, self.assistant, *answer_ids]
            ids += block
            # Shifted: the label at position t is the token to predict there.
            labels += [IGNORE] * len(question_ids) + [*answer_ids, self.end]
            positions += range(prefix, prefix + len(block))
            blocks += [number] * len(block)
        return ids, labels, positions, blocks


def train(
    packer: Packer,
    mixture: Mixture,
    *,
    steps: int,
    lr: float,
    warm_up: int,
    decay: float,
    save: Callable[[int, dict[str, Any]], None],
    state: dict[str, Any] | None = None,
    batch: tuple[int, int, int] = (12, 2, 3),
) -> dict[str, float]:
    """Trains projector and language model; returns running means of losses and right answers.

    `batch`: rows of (one scene, one among blanks, two scenes) in a step. The rate rises over
    `warm_up` steps, stays, and falls linearly to zero over the last `decay` share of the steps.
    """
    model = packer.model
    model.model.vision_tower.requires_grad_(False)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.95), weight_decay=0.05)
    fall = max(1, int(steps * decay))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / warm_up, (steps - step) / fall)
    )
    first = 0
    if state:
        optimiser.load_state_dict(state["optimiser"])
        first = state["step"]
        for _ in range(first):
            schedule.step()
    draws = (mixture.one, mixture.among_blanks, mixture.two)
    began = time.monotonic()
    means: dict[str, float] = {}
    for step in range(first, steps):
        parts = []
        for draw, number, weight in zip(draws, batch, (0.7, 0.1, 0.2), strict=True):
            with torch.autocast("cpu", torch.bfloat16):
                loss, right = packer.loss(draw(number))
            (loss * weight).backward()
            parts += [loss.item(), right.item()]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        schedule.step()
        names = ("one_loss", "one_right", "blanks_loss", "blanks_right", "two_loss", "two_right")
        means = {
            name: value if step == first else 0.98 * means[name] + 0.02 * value
            for name, value in zip(names, parts, strict=True)
        }
        if step % 50 == 0:
            numbers = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            print(f"step {step} {numbers} {time.monotonic() - began:.0f} s", flush=True)
        if step % 500 == 499:
            save(step + 1, optimiser.state_dict())
    asked = mixture.asked
    return {
        **means,
        "seconds": time.monotonic() - began,
        "two_image_share": asked["two"] / (asked["one"] + asked["two"]),
    }
