"""Trains the built-in model and writes it as a Hugging Face folder.

    python -m training.builtin --out mimic_checks/models/builtin \\
        --record reports/builtin_training.json

The tower comes first, trained on per-patch labels and then frozen. Its features of all training
scenes are made once; projector and language model are trained on them. `--resume` goes on from the
last checkpoint in `--work`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2Config,
    SiglipImageProcessor,
    SiglipVisionModel,
)

from training import language, scenes, tokenizer, tower

SCENE_SEED, BLANK_SEED = 0, 1


def main() -> None:
    options = _options()
    torch.manual_seed(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    training = scenes.make(options.scenes, SCENE_SEED)
    print(f"{options.scenes} scenes rendered in {time.monotonic() - began:.0f} s", flush=True)
    trained_tower, tower_record = _tower(options, training)
    print(f"tower {tower_record}", flush=True)
    scene_features = tower.features(trained_tower, training.pixels)
    blank_features = tower.features(trained_tower, scenes.blanks(2000, BLANK_SEED))
    text_tokenizer = tokenizer.build()
    model = assemble(trained_tower, text_tokenizer)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    state = None
    if options.resume:
        state = torch.load(options.work / "last.pt", weights_only=True)
        model.load_state_dict(state["model"])
        # The checkpoint may be older than the tower.
        model.model.vision_tower.load_state_dict(trained_tower.state_dict())
    # A training that goes on must not ask the questions of its beginning again.
    mixture = language.Mixture(
        training.counts, len(blank_features), seed=options.seed + (state["step"] if state else 0)
    )
    packer = language.Packer(model, text_tokenizer, scene_features, blank_features)

    def save(step: int, optimiser: dict[str, Any]) -> None:
        torch.save(
            {"model": model.state_dict(), "optimiser": optimiser, "step": step},
            options.work / "last.tmp",
        )
        (options.work / "last.tmp").replace(options.work / "last.pt")

    trained = language.train(
        packer,
        mixture,
        steps=options.steps,
        lr=options.lr,
        warm_up=200,
        decay=options.decay,
        save=save,
        state=state,
        batch=tuple(options.batch),
    )
    write(model, text_tokenizer, options.out)
    record = {
        "seed": options.seed,
        "scenes": options.scenes,
        "steps": options.steps,
        "lr": options.lr,
        "decay": options.decay,
        "tower_steps": options.tower_steps,
        "tower": tower_record,
        "language": trained,
        "wall_s": round(time.monotonic() - began),
        "resumed_from": state["step"] if state else 0,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    options.record.parent.mkdir(parents=True, exist_ok=True)
    options.record.write_text(json.dumps(record, indent=2) + "\n")


def _tower(
    options: argparse.Namespace, training: scenes.SceneSet
) -> tuple[SiglipVisionModel, dict[str, float]]:
    """The trained tower with its record, from `--work` when an earlier start got that far."""
    folder = options.work / "tower"
    start = SiglipVisionModel.from_pretrained(options.tower) if options.tower else None
    if folder.exists():
        record = json.loads((folder / "record.json").read_text())
        return SiglipVisionModel.from_pretrained(folder).eval(), record
    trained, record = tower.train(
        training, steps=options.tower_steps, batch=64, lr=2e-3, seed=options.seed, start=start
    )
    trained.save_pretrained(folder)
    (folder / "record.json").write_text(json.dumps(record))
    return trained, record


def assemble(
    trained_tower: SiglipVisionModel, text_tokenizer: PreTrainedTokenizerFast
) -> LlavaForConditionalGeneration:
    """A LLaVA around the trained tower; projector and language model start at random."""
    image_id = text_tokenizer.convert_tokens_to_ids(tokenizer.IMAGE)
    config = LlavaConfig(
        vision_config=tower.config(),
        text_config=Qwen2Config(
            vocab_size=len(text_tokenizer),
            hidden_size=192,
            intermediate_size=640,
            num_hidden_layers=6,
            num_attention_heads=6,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            eos_token_id=text_tokenizer.eos_token_id,
            pad_token_id=text_tokenizer.pad_token_id,
            bos_token_id=None,
        ),
        image_token_index=image_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=scenes.PATCHES**2,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(trained_tower.state_dict())
    return model


def write(
    model: LlavaForConditionalGeneration, text_tokenizer: PreTrainedTokenizerFast, out: Path
) -> None:
    """Writes what `from_pretrained` reads: weights in half precision, tokenizer, processor."""
    processor = LlavaProcessor(
        image_processor=SiglipImageProcessor(
            size={"height": scenes.SIDE_PX, "width": scenes.SIDE_PX}, resample=3
        ),
        tokenizer=text_tokenizer,
        patch_size=scenes.PATCH_PX,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        image_token=tokenizer.IMAGE,
        chat_template=tokenizer.CHAT_TEMPLATE,
    )
    model.generation_config.max_new_tokens = 32
    model.half().save_pretrained(out)
    processor.save_pretrained(out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("/tmp/mimic_builtin"))
    parser.add_argument("--scenes", type=int, default=40_000)
    parser.add_argument("--tower", type=Path, help="go on from this trained tower")
    parser.add_argument("--tower-steps", type=int, default=4_500)
    parser.add_argument("--steps", type=int, default=5_500)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.4)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument(
        "--batch",
        type=int,
        nargs=3,
        default=(12, 2, 3),
        help="rows a step: one scene, among blanks, two scenes",
    )
    parser.add_argument("--resume", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
