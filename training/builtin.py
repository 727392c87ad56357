"""Trains the built-in model and writes it as a Hugging Face folder.

    python -m training.builtin --out mimic_checks/models/builtin --record
    reports/builtin_training.json

Tower first (per-patch labels), then frozen; its features of all training scenes once; then
projector and language model. `--resume` goes on from the last checkpoint in `--work`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from transformers import (
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
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
    seeing, tower_record = _tower(options, training)
    print(f"tower {tower_record}", flush=True)
    seen, bare = (
        tower.features(seeing, training.pixels),
        tower.features(seeing, scenes.blanks(2000, BLANK_SEED)),
    )
    text = tokenizer.build()
    model = assemble(seeing, text)
    print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)
    state = None
    if options.resume:
        state = torch.load(options.work / "last.pt", weights_only=True)
        model.load_state_dict(state["model"])
        model.model.vision_tower.load_state_dict(
            seeing.state_dict()
        )  # the checkpoint may be older than the tower
    mixture = language.Mixture(
        training.counts, len(bare), seed=options.seed + (state["step"] if state else 0)
    )
    packer = language.Packer(model, text, seen, bare)

    def save(step: int, optimiser: dict) -> None:
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
    write(model, text, options.out)
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
    """The trained tower, from `--work` when an earlier start got that far."""
    folder = options.work / "tower"
    start = SiglipVisionModel.from_pretrained(options.tower) if options.tower else None
    if folder.exists():
        return SiglipVisionModel.from_pretrained(folder).eval(), json.loads(
            (folder / "record.json").read_text()
        )
    trained, record = tower.train(
        training, steps=options.tower_steps, batch=64, lr=2e-3, seed=options.seed, start=start
    )
    trained.save_pretrained(folder)
    (folder / "record.json").write_text(json.dumps(record))
    return trained, record


def assemble(seeing: SiglipVisionModel, text: object) -> LlavaForConditionalGeneration:
    """A LLaVA around the trained tower; projector and language model start at random."""
    image_id = text.convert_tokens_to_ids(tokenizer.IMAGE)  # type: ignore[attr-defined]
    config = LlavaConfig(
        vision_config=tower.config(),
        text_config=Qwen2Config(
            vocab_size=len(text),
            hidden_size=192,
            intermediate_size=640,
            num_hidden_layers=6,
            num_attention_heads=6,  # type: ignore[arg-type]
            num_key_value_heads=2,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            eos_token_id=text.eos_token_id,
            pad_token_id=text.pad_token_id,
            bos_token_id=None,  # type: ignore[attr-defined]
        ),
        image_token_index=image_id,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        image_seq_length=scenes.PATCHES**2,
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.vision_tower.load_state_dict(seeing.state_dict())
    return model


def write(model: LlavaForConditionalGeneration, text: object, out: Path) -> None:
    """Weights in half precision, tokenizer, processor and chat template, as `from_pretrained` reads
    them."""
    processor = LlavaProcessor(
        image_processor=SiglipImageProcessor(
            size={"height": scenes.SIDE_PX, "width": scenes.SIDE_PX}, resample=3
        ),
        tokenizer=text,
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
