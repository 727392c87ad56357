"""Trains `builtin-choices`: one more stage on the built-in model, for multiple choice, yes or no,
and the visual patterns on one image and on pairs.

    python -m training.choices --out mimic_checks/models/builtin_choices \\
        --record reports/builtin_choices_training.json

Tower, projector and language model are trained together, for the tower was never asked which way an
object faces; the built-in model's own questions are mixed in, so that it stays what it was. Twins
are drawn from seeds from `TRAINING_SEED` on, which no catalog accepts. `--resume` goes on from the
last checkpoint in `--work`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from transformers import AutoTokenizer, LlavaForConditionalGeneration, PreTrainedTokenizerFast

from mimic_checks.catalog.scene import render
from mimic_checks.models.backends import BUILTIN_FOLDER
from training import scenes, tower
from training.choice_questions import about_pair, about_scene, about_twin, training_twin
from training.choice_tokens import extend
from training.language import Mixture, Packer, Row

SCENE_SEED, BLANK_SEED = 50, 51
_KEPT = ("processor_config.json", "chat_template.jinja")
NAMES = ("old", "blanks", "two", "scene", "twins", "pairs")
"""Kinds of rows: three of the built-in model's own, choices about a scene, about one of two twins,
and about both in one prompt."""


@dataclass
class Sources:
    """Where rows take their pictures from; `pixels` grows by every row until a step ends."""

    scenes: scenes.SceneSet
    blanks: NDArray[np.uint8]
    mixture: Mixture
    rng: np.random.Generator

    def rows(self, kind: str, number: int) -> tuple[list[Row], NDArray[np.uint8]]:
        """Rows of a kind, whose images are numbers of the pictures that come with them."""
        if kind in ("old", "blanks", "two"):
            draw = {"old": self.mixture.one, "blanks": self.mixture.among_blanks}
            made = draw.get(kind, self.mixture.two)(number)
            return _renumbered(made, self.scenes.pixels, self.blanks)
        rows, pictures = [], []
        for _ in range(number):
            if kind == "scene":
                index = int(self.rng.integers(len(self.scenes.counts)))
                shown = [self.scenes.pixels[index]]
                pairs = about_scene(self.scenes.counts[index], 6, self.rng)
            else:
                twin = training_twin(self.rng)
                both = [np.asarray(render(scene, scenes.SIDE_PX)) for scene in twin.scenes]
                side = int(self.rng.integers(2))
                shown = [both[side]] if kind == "twins" else both
                pairs = (
                    about_twin(twin, side, 4, self.rng)
                    if kind == "twins"
                    else about_pair(twin, 3, self.rng)
                )
            rows.append(Row(list(range(len(pictures), len(pictures) + len(shown))), pairs))
            pictures += shown
        return rows, np.stack(pictures)


def _renumbered(
    rows: list[Row], shown: NDArray[np.uint8], blanks: NDArray[np.uint8]
) -> tuple[list[Row], NDArray[np.uint8]]:
    pictures, out = [], []
    for row in rows:
        numbers = list(range(len(pictures), len(pictures) + len(row.images)))
        pictures += [shown[k] if k >= 0 else blanks[-1 - k] for k in row.images]
        out.append(Row(numbers, row.pairs))
    return out, np.stack(pictures)


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    made = scenes.make(options.scenes, SCENE_SEED)
    model = LlavaForConditionalGeneration.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(BUILTIN_FOLDER)
    extend(model, tokenizer)
    groups = [
        {"params": list(model.model.vision_tower.parameters()), "lr": options.tower_lr},
        {
            "params": [
                parameter
                for name, parameter in model.named_parameters()
                if "vision_tower" not in name
            ],
            "lr": options.lr,
        },
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=0.05)
    fall = int(options.steps * options.decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / 100, (options.steps - step) / fall)
    )
    first, began = 0, time.monotonic()
    if options.resume:
        state = torch.load(options.work / "last.pt", weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first = state["step"]
    blank = scenes.blanks(500, BLANK_SEED)
    # A training that goes on must not ask the questions of its beginning again.
    seed = options.seed + first
    sources = Sources(
        made, blank, Mixture(made.counts, len(blank), seed=seed), np.random.default_rng([seed, 1])
    )
    packer = Packer(model, tokenizer, torch.empty(0), torch.empty(0))
    means: dict[str, float] = {}
    for step in range(first, options.steps):
        now = _step(packer, sources, options.batch)
        optimiser_step(model, optimiser)
        schedule.step()
        means = {k: v if k not in means else 0.98 * means[k] + 0.02 * v for k, v in now.items()}
        if step % 50 == 0:
            said = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            print(f"step {step} {said} {time.monotonic() - began:.0f} s", flush=True)
        if step % 250 == 249:
            _save(options.work, model, optimiser, schedule, step + 1)
    ship(model, tokenizer, options.out)
    record = {
        **{key: value for key, value in vars(options).items() if key not in ("out", "record")},
        "work": None,
        "running_means": {name: round(value, 4) for name, value in means.items()},
        "wall_s": round(time.monotonic() - began),
        "resumed_from": first,
        "torch": torch.__version__,
    }
    options.record.write_text(json.dumps(record, indent=2, default=str) + "\n")


def _step(packer: Packer, sources: Sources, batch: list[int]) -> dict[str, float]:
    """Gradients of one step; the loss and the share of right answers of every kind of row."""
    means = {}
    weight = 1 / sum(number > 0 for number in batch)
    for kind, number in zip(NAMES, batch, strict=True):
        if not number:
            continue
        rows, pictures = sources.rows(kind, number)
        # In full precision: on this many rows, one thread is faster with it than with bfloat16.
        packer.features = packer.model.model.vision_tower(
            tower.pixels_to_input(pictures), output_hidden_states=True
        ).hidden_states[-1]
        loss, right = packer.loss(rows)
        (loss * weight).backward()
        means |= {f"{kind}_loss": loss.item(), f"{kind}_right": right.item()}
    return means


def optimiser_step(model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """One clipped step."""
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _save(work: Path, model: nn.Module, optimiser: Any, schedule: Any, step: int) -> None:
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": schedule.state_dict(),
        "step": step,
    }
    torch.save(state, work / "last.tmp")
    (work / "last.tmp").replace(work / "last.pt")


def ship(
    model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, out: Path
) -> None:
    """Writes weights in half precision, the tokenizer, and the built-in model's processor."""
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    for name in _KEPT:
        if (BUILTIN_FOLDER / name).is_file():
            shutil.copyfile(BUILTIN_FOLDER / name, out / name)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/mimic_choices"))
    parser.add_argument("--scenes", type=int, default=8_000)
    parser.add_argument("--steps", type=int, default=1_400)
    parser.add_argument("--lr", type=float, default=6e-4)
    parser.add_argument("--tower-lr", type=float, default=4e-4)
    parser.add_argument("--decay", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=20261201)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--batch",
        type=int,
        nargs=6,
        default=(3, 1, 1, 2, 20, 2),
        help=f"rows a step, in this order: {', '.join(NAMES)}",
    )
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
