"""Memory of the streamed attention profile, against a forward call without and with attentions.

    python -m bench.profile_memory [--device cpu|cuda] [--layers 2]

The language-model shape of LLaVA-OneVision 0.5B (width 896, 14 heads, 2 key heads, feed-forward
4864) with random weights, as many layers as asked for, in a LLaVA with 10 images x 730 tokens.
Every way runs in a process of its own; on a CPU the number is the high-water mark of resident
memory over the loaded model, on CUDA the allocator's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

IMAGES, TOKENS = 10, 730
WAYS = ("plain", "profile", "output_attentions")


def high_water() -> float:
    """Most resident memory of this process so far, in MiB."""
    # Not `ru_maxrss`: after a fork it starts from what the parent had.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def default_allocator() -> dict[str, str]:
    """The environment of a process whose allocator gives memory back."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}


def language_model(layers: int, device: str) -> Any:
    """A Qwen2 of the 0.5B shape inside a LLaVA that gets its image features given."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    text = {
        "model_type": "qwen2",
        "vocab_size": 1000,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": layers,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
    }
    vision = {
        "model_type": "siglip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 27 * 8,
        "patch_size": 8,
    }
    config = LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=999,
        vision_feature_select_strategy="full",
    )
    torch.manual_seed(0)
    return LlavaForConditionalGeneration(config).eval().to(device)


def measure(way: str, layers: int, device: str) -> tuple[float, float]:
    """(MiB over the loaded model, seconds) of one prefill."""
    import torch

    from mimic_checks.attention import Profiler, TokenMap, TokenType, edit_attention

    model = language_model(layers, device)
    row = torch.cat([torch.arange(10), torch.full((IMAGES * TOKENS,), 5), torch.arange(30)])
    ids = row[None].to(device)
    image_of = torch.arange(IMAGES).repeat_interleave(TOKENS)
    image = torch.cat([torch.full((10,), -1), image_of, torch.full((30,), -1)])[None]
    kind = torch.where(image >= 0, int(TokenType.IMAGE), int(TokenType.AFTER))
    token_map = TokenMap(
        kind, image, torch.where(image >= 0, 0, -1), torch.tensor([ids.shape[1] - 1])
    )
    if way == "output_attentions":
        model.set_attn_implementation({"text_config": "eager"})

    def forward() -> None:
        with torch.inference_mode():
            if way == "profile":
                with edit_attention(model, [], token_map=token_map.to(device)) as editor:
                    editor.observer = Profiler()
                    model(input_ids=ids, logits_to_keep=1, use_cache=False)
            else:
                model(
                    input_ids=ids,
                    logits_to_keep=1,
                    use_cache=False,
                    output_attentions=way == "output_attentions",
                )

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        began = time.perf_counter()
        forward()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20, time.perf_counter() - began
    loaded = high_water()
    began = time.perf_counter()
    forward()
    return high_water() - loaded, time.perf_counter() - began


def main(arguments: Sequence[str] = ()) -> list[str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--way", choices=WAYS)
    options = parser.parse_args(arguments)
    if options.way:
        return ["{} {}".format(*measure(options.way, options.layers, options.device))]
    measured = {}
    for way in WAYS:
        size = ["--layers", str(options.layers), "--device", options.device]
        command = [sys.executable, "-m", "bench.profile_memory", "--way", way, *size]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=default_allocator()
        )
        measured[way] = [float(word) for word in done.stdout.split()]
    lines = [
        f"attention profile, {IMAGES} images x {TOKENS} tokens, {options.layers} layers"
        f" of the 0.5B shape, {options.device}:",
        "",
        "| way | memory over the loaded model | beyond plain | seconds |",
        "|---|---|---|---|",
    ]
    plain = measured["plain"][0]
    for way, (mib, seconds) in measured.items():
        lines.append(f"| {way} | {mib:.0f} MiB | {(mib - plain) / plain:+.0%} | {seconds:.1f} |")
    return [*lines, "", "Target: the profile under +10 %."]


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1:])))
