"""The vision tower of the built-in model, trained on per-patch labels, then frozen.

Two linear heads read every patch: which class covers it, and whether it is the anchor of an object,
and of which class. The second makes instances separable for the language model; both heads are
thrown away afterwards.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import SiglipVisionConfig, SiglipVisionModel

from mimic_checks.catalog.shapes import SHAPES
from training.scenes import PATCH_PX, SIDE_PX, SceneSet

MEAN, STD = 0.5, 0.5  # the processor's normalisation


def config() -> SiglipVisionConfig:
    """The tower's shape: 64 patches of 8 x 8 pixels, 96 wide."""
    return SiglipVisionConfig(
        hidden_size=96,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=3,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
        vision_use_head=False,
    )


def pixels_to_input(pixels: NDArray[np.uint8]) -> Tensor:
    """[B, 64, 64, 3] uint8 -> [B, 3, 64, 64] float, normalised as the processor does."""
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0 - MEAN) / STD


def train(
    scenes: SceneSet,
    *,
    steps: int,
    batch: int,
    lr: float,
    seed: int,
    start: SiglipVisionModel | None = None,
) -> tuple[SiglipVisionModel, dict[str, float]]:
    """Trains the tower, from `start` or from scratch.

    Returned with the accuracy on object patches of the last 50 steps, and the last loss.
    """
    torch.manual_seed(seed)
    tower = start or SiglipVisionModel(config())
    heads = nn.Linear(96, 2 * (len(SHAPES) + 1))
    parameters = [*tower.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.05)
    rng, right, seen, began = np.random.default_rng(seed), 0.0, 0, time.monotonic()
    for step in range(steps):
        rows = rng.integers(len(scenes.pixels), size=batch)
        patches = tower(pixels_to_input(scenes.pixels[rows])).last_hidden_state
        logits = heads(patches).unflatten(-1, (2, -1))
        truth = torch.stack(
            [
                torch.from_numpy(scenes.patch_class[rows]),
                torch.from_numpy(scenes.patch_anchor[rows]),
            ],
            -1,
        )
        loss = nn.functional.cross_entropy(logits.flatten(0, 2), truth.flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if step >= steps - 50:
            covered = truth > 0
            right += float((logits.argmax(-1) == truth)[covered].sum())
            seen += int(covered.sum())
        if step % 100 == 0:
            print(
                f"tower step {step} loss {loss.item():.4f} {time.monotonic() - began:.0f} s",
                flush=True,
            )
    return tower.eval(), {"object_patch_accuracy": right / seen, "loss": loss.item()}


@torch.no_grad()
def features(tower: SiglipVisionModel, pixels: NDArray[np.uint8]) -> Tensor:
    """What LLaVA's projector receives: [B, 64, 96] in half precision."""
    parts = [
        tower(pixels_to_input(pixels[start : start + 256]), output_hidden_states=True)
        .hidden_states[-1]
        .half()
        for start in range(0, len(pixels), 256)
    ]
    return torch.cat(parts)
