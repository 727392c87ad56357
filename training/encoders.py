"""Trains the two tiny encoders of `mimic_checks.mining`, in a minute or two on one core.

    python -m training.encoders --out mimic_checks/mining/tiny --record reports/tiny_encoders.json

The contrastive one (CLIP) learns from captions that tell number, size and colour of the birds in a
picture, and never which way they face; so it is blind to that (Tong et al. 2024, section 2). The
reference (DINOv2) learns to know every scene again under other noise, light and places, so it tells
them apart. `--pictures FOLDER` writes one picture of every scene, drawn from a seed that neither
was trained on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from mimic_checks.catalog.rendered import TRAINING_SEED
from mimic_checks.catalog.scene import Scene, SceneObject, render
from mimic_checks.catalog.shapes import SHAPES

SIDE_PX, PATCH_PX, WIDTH, WORDS = 64, 8, 48, 8
RGB = {
    "red": (210, 40, 35),
    "yellow": (225, 200, 40),
    "green": (45, 160, 60),
    "blue": (45, 90, 215),
}
SIZES = {"small": 0.26, "large": 0.42}
RENDERINGS = 8
"""Pictures of every scene that training has."""
_GROUND = ((128, 128, 128), (128, 128, 128))
_SPECIAL = ("<pad>", "<unk>", "<start>")
_END = "<end>"
_MORE = ("facing", "left", "right", "the", "which", "is")
"""Words that the tokenizer knows, and no caption of the training holds."""


@dataclass(frozen=True, slots=True)
class Birds:
    """What one picture shows; the caption tells all but `left`."""

    colour: str
    size: str
    number: int
    left: bool

    @property
    def caption(self) -> str:
        return f"a photo of {'one' if self.number == 1 else 'two'} {self.size} {self.colour} bird"

    @property
    def name(self) -> str:
        return f"{self.caption[11:].replace(' ', '_')}_{'left' if self.left else 'right'}"

    def scene(self, rng: np.random.Generator) -> Scene:
        """The scene, with its places and noise drawn."""
        middles = [0.5] if self.number == 1 else [0.27, 0.73]
        objects = tuple(
            SceneObject(
                class_index=list(SHAPES).index("bird"),
                x=x + 0.02 * float(rng.uniform(-1, 1)),
                y=0.5 + 0.02 * float(rng.uniform(-1, 1)),
                size=SIZES[self.size],
                rotation_deg=0.0,
                colour=RGB[self.colour],
                mirrored=self.left,
            )
            for x in middles
        )
        return Scene(objects, _GROUND, int(rng.integers(2**32)))


ALL = tuple(Birds(*parts) for parts in itertools.product(RGB, SIZES, (1, 2), (False, True)))


def pictures(seed: int) -> NDArray[np.uint8]:
    """One picture of each of `ALL`, [32, 64, 64, 3]."""
    rng = np.random.default_rng(seed)
    return np.stack([np.asarray(render(birds.scene(rng), SIDE_PX)) for birds in ALL])


def views(shown: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Pictures under other light and with noise, [B, 3, 64, 64], normalised to -1 to 1."""
    light = rng.uniform(0.8, 1.2, (len(shown), 1, 1, 1))
    noisy = shown / 255 * light + rng.normal(0, 0.03, shown.shape)
    return torch.from_numpy(2 * noisy.clip(0, 1) - 1).permute(0, 3, 1, 2).float()


def tokenizer() -> PreTrainedTokenizerFast:
    """A word a token. The end's id is the highest, as CLIP's pooling of old checkpoints wants it
    (which transformers takes an end with id 2 for)."""
    words = sorted({word for birds in ALL for word in birds.caption.split()} | set(_MORE))
    vocabulary = {word: number for number, word in enumerate((*_SPECIAL, *words, _END))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, vocabulary[token]) for token in ("<start>", _END)]
    made.post_processor = processors.TemplateProcessing(
        single=f"<start> $A {_END}", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token=_END,
        model_max_length=WORDS + 8,
    )


def contrastive(words: PreTrainedTokenizerFast) -> CLIPModel:
    """A CLIP of 2 and 2 layers, 48 wide, untrained."""
    shape = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "projection_dim": 32,
    }
    ids = {
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
    }
    text = {**shape, **ids, "vocab_size": len(words), "max_position_embeddings": WORDS + 8}
    vision = {**shape, "image_size": SIDE_PX, "patch_size": PATCH_PX}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=32))


def self_supervised() -> Dinov2Model:
    """A DINOv2 of 2 layers, 48 wide, untrained."""
    return Dinov2Model(
        Dinov2Config(
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=SIDE_PX,
            patch_size=PATCH_PX,
        )
    )


def train_contrastive(
    model: CLIPModel, words: PreTrainedTokenizerFast, *, steps: int, seed: int
) -> list[float]:
    """Pulls pictures to their captions; pictures of one caption share it (several positives)."""
    captions = sorted({birds.caption for birds in ALL})
    same = torch.tensor([captions.index(birds.caption) for birds in ALL])
    tokens = words(captions, return_tensors="pt", padding=True)
    targets = nn.functional.one_hot(same, len(captions)).float()

    def loss(pixels: Tensor) -> Tensor:
        logits = model(pixel_values=pixels, **tokens).logits_per_image
        by_caption = (targets / targets.sum(0)).T
        return nn.functional.cross_entropy(logits, same) + nn.functional.cross_entropy(
            logits.T, by_caption
        )

    return _train(model, [*model.parameters()], loss, steps=steps, seed=seed)


def train_self_supervised(model: Dinov2Model, *, steps: int, seed: int) -> list[float]:
    """Every scene is a class of its own (instance discrimination, Wu et al. 2018)."""
    prototypes = nn.Linear(WIDTH, len(ALL), bias=False)
    each = torch.arange(len(ALL))

    def loss(pixels: Tensor) -> Tensor:
        pooled = nn.functional.normalize(model(pixel_values=pixels).pooler_output, dim=-1)
        known = nn.functional.normalize(prototypes.weight, dim=-1)
        return nn.functional.cross_entropy(pooled @ known.T / 0.1, each)

    parameters = [*model.parameters(), *prototypes.parameters()]
    return _train(model, parameters, loss, steps=steps, seed=seed)


def _train(
    model: PreTrainedModel,
    parameters: list[nn.Parameter],
    loss: Callable[[Tensor], Tensor],
    *,
    steps: int,
    seed: int,
) -> list[float]:
    shown = np.stack([pictures(TRAINING_SEED + seed + k) for k in range(RENDERINGS)])
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    rng, losses = np.random.default_rng(TRAINING_SEED + seed), []
    model.train()
    for step in range(steps):
        chosen = shown[rng.integers(RENDERINGS, size=len(ALL)), np.arange(len(ALL))]
        value = loss(views(chosen, rng))
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(float(value.detach()))
        if step % 50 == 0:
            print(f"{type(model).__name__} step {step} loss {losses[-1]:.4f}", flush=True)
    model.eval()
    return losses


def processor() -> dict[str, object]:
    """How a picture becomes the encoders' input, as in `views` without its changes."""
    return {
        "do_resize": True,
        "size": {"height": SIDE_PX, "width": SIDE_PX},
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "do_convert_rgb": True,
    }


def _write(model: PreTrainedModel, folder: Path, kind: str) -> None:
    model.half().save_pretrained(folder)
    described = {"image_processor_type": kind, **processor()}
    (folder / "preprocessor_config.json").write_text(json.dumps(described, indent=1) + "\n")


def make(out: Path, *, steps: int, seed: int) -> dict[str, object]:
    """Both encoders in folders of `out`; what their training was like."""
    torch.manual_seed(seed)
    began, words = time.monotonic(), tokenizer()
    seeing, knowing = contrastive(words), self_supervised()
    first = train_contrastive(seeing, words, steps=steps, seed=seed)
    second = train_self_supervised(knowing, steps=steps, seed=seed)
    _write(seeing, out / "contrastive", "CLIPImageProcessor")
    words.save_pretrained(out / "contrastive")
    _write(knowing, out / "self_supervised", "BitImageProcessor")
    return {
        "steps": steps,
        "seed": seed,
        "seconds": round(time.monotonic() - began, 1),
        "loss": {"contrastive": first[-1], "self_supervised": second[-1]},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.out:
        record = make(options.out, steps=options.steps, seed=options.seed)
        print(json.dumps(record))
        if options.record:
            options.record.write_text(json.dumps(record, indent=1) + "\n")
    if options.pictures:
        from PIL import Image

        options.pictures.mkdir(parents=True, exist_ok=True)
        for birds, picture in zip(ALL, pictures(options.seed), strict=True):
            Image.fromarray(picture).save(options.pictures / f"{birds.name}.png")


if __name__ == "__main__":
    main()
