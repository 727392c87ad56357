"""One training step at 10 images x 730 tokens: segmented attention, full attention, dense mask.

    python -m bench.training_step [--device cpu|cuda] [--layers 2] [--images 10] [--tokens 730]
        [--repeats 3]

The language model of LLaVA-OneVision 0.5B (896 wide, 14 heads of 64, 2 key-value heads, 4864 in the
MLP, 151,936 words) with random weights and as many layers as asked for (24 on CUDA), LoRA of rank
128 on every linear layer, bf16 autocast, loss on 32 answer tokens; the image-local mask on the deep
half of the layers (MIMIC's remedy) or on all. "nothing" computes everything but the scores
(attention hands its values through): what remains of a step outside attention. Every way has a
process of its own, so that peak memory is its own; best step of `repeats`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from bench.profile_memory import default_allocator, high_water

ANSWER = 32
WAYS = (
    "full",
    "dense, deep half",
    "segmented, deep half",
    "dense, all",
    "segmented, all",
    "nothing",
)


def model_of(layers: int, implementation: str) -> Any:
    """The language model's shape inside a LLaVA whose tower nobody calls, with LoRA on it."""
    from transformers import (
        LlavaConfig,
        LlavaForConditionalGeneration,
        Qwen2Config,
        SiglipVisionConfig,
    )

    from remedies.lora import LoraOptions, with_lora

    text = Qwen2Config(
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=layers,
        num_attention_heads=14,
        num_key_value_heads=2,
        vocab_size=151_936,
        tie_word_embeddings=True,
        max_position_embeddings=32_768,
    )
    tower = SiglipVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    config = LlavaConfig(
        vision_config=tower, text_config=text, image_token_index=151_646, tie_word_embeddings=True
    )
    torch.manual_seed(0)
    model = with_lora(LlavaForConditionalGeneration(config), LoraOptions(mask="none"))
    model.get_base_model().set_attn_implementation({"text_config": implementation})
    return model.train()


def nothing(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kwargs: Any
) -> tuple[Tensor, None]:
    """Attention without scores: every head hands its values through."""
    values = value.repeat_interleave(query.shape[1] // value.shape[1], 1)
    return values.transpose(1, 2).contiguous(), None


def token_map(images: int, tokens: int, text: int) -> Any:
    from mimic_checks.attention import TokenMap, TokenType

    image = torch.cat(
        [
            torch.full((10,), -1),
            *[torch.full((tokens,), k) for k in range(images)],
            torch.full((text,), -1),
        ]
    )[None]
    kind = torch.where(image >= 0, int(TokenType.IMAGE), int(TokenType.AFTER))
    kind[:, :10] = int(TokenType.BEFORE)
    return TokenMap(kind, image, image.clone(), torch.tensor([image.shape[1] - 1]))


def measure(way: str, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the best step and peak memory in MiB of one way."""
    from contextlib import nullcontext

    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    from mimic_checks.attention import ImageLocal, LayerWindow, WindowedRule, edit_attention

    AttentionInterface.register("bench_nothing", nothing)
    AttentionMaskInterface.register("bench_nothing", sdpa_mask)
    cuda = options.device.startswith("cuda")
    model = model_of(options.layers, "bench_nothing" if way == "nothing" else "sdpa")
    model.to(options.device)
    row = token_map(options.images, options.tokens, ANSWER + 30)
    embeds = torch.randn(1, row.length, 896, device=options.device)
    labels = torch.randint(0, 151_936, (ANSWER,), device=options.device)
    keep = torch.arange(row.length - ANSWER - 1, row.length - 1, device=options.device)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    masked = way.startswith(("dense", "segmented"))
    rule = WindowedRule(ImageLocal(), LayerWindow.parse("all" if way.endswith("all") else "deep"))
    context = (
        edit_attention(model, [rule], token_map=row, segmented=way.startswith("segmented"))
        if masked
        else nullcontext()
    )
    best = float("inf")
    with context:
        for _ in range(options.repeats + 1):
            _sync(cuda)
            began = time.perf_counter()
            with torch.autocast(options.device.split(":")[0], torch.bfloat16):
                logits = model(inputs_embeds=embeds, use_cache=False, logits_to_keep=keep).logits
            torch.nn.functional.cross_entropy(logits[0].float(), labels).backward()
            optimiser.step()
            optimiser.zero_grad()
            _sync(cuda)
            best = min(best, time.perf_counter() - began)
    return {
        "seconds": best,
        "mib": torch.cuda.max_memory_allocated() / 2**20 if cuda else high_water(),
    }


def _sync(cuda: bool) -> None:
    if cuda:
        torch.cuda.synchronize()


def main(arguments: Sequence[str] = ()) -> list[str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=730)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--way", choices=WAYS)
    options = parser.parse_args(arguments)
    cuda = options.device.startswith("cuda")
    options.layers = options.layers or (24 if cuda else 2)
    if options.way:
        return [json.dumps(measure(options.way, options))]
    measured = {}
    for way in WAYS:
        command = [sys.executable, "-m", "bench.training_step", *arguments]
        command += ["--device", options.device, "--way", way]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env=None if cuda else default_allocator(),
        )
        measured[way] = json.loads(done.stdout.strip().splitlines()[-1])
    length = options.images * options.tokens + ANSWER + 40
    full_s, outside_s = measured["full"]["seconds"], measured["nothing"]["seconds"]
    where = torch.cuda.get_device_name() if cuda else "CPU, two threads"
    lines = [
        f"training step, {options.images} images x {options.tokens} tokens,"
        f" {options.layers} layers of the 0.5B shape, LoRA r 128, bf16, {where}:",
        "",
        "| attention | step | tokens/s | of full | attention alone | of full | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, step in measured.items():
        step_s = step["seconds"]
        attention_s, full_attention_s = step_s - outside_s, full_s - outside_s
        lines.append(
            f"| {way} | {step_s:.2f} s | {length / step_s:.0f} | {step_s / full_s:.2f}"
            f" | {attention_s:.2f} s | {attention_s / full_attention_s:.2f}"
            f" | {step['mib']:,.0f} MiB |"
        )
    saved = 1 - measured["segmented, deep half"]["seconds"] / full_s
    lines += [
        "",
        f"outside attention: {outside_s:.2f} s of {full_s:.2f} s;"
        f" masking the deep half saves {saved:.0%} of a step",
    ]
    return lines


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1:])))
