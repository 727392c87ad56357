"""Image-local attention computed image by image, against full attention and a dense mask.

    python -m bench.segmented [--device cpu|cuda] [--images 10] [--tokens 730] [--repeats 5]

One layer of LLaVA-OneVision 0.5B's shape (14 heads of 64), 10 text tokens before the images and 30
after. The methods run in turn, so that the machine's moods hit all alike; best time of each.
"limit" is the share of query-key pairs that the rule leaves. On CUDA in bfloat16 with FlexAttention
(block mask, compiled) beside it; on a CPU in float32 on two threads.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from bench.profile_memory import default_allocator
from mimic_checks.attention.flops import masked_scores
from mimic_checks.attention.segmented import Layout, segmented_attention

HEADS, WIDTH = 14, 64
Method = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries, keys and values to attention outputs."""


def layout_of(images: int, tokens: int) -> Layout:
    return Layout((10, *([tokens] * images), 30), ("text", *(["image"] * images), "text"))


def dense(layout: Layout, device: str) -> Tensor:
    """The rule as booleans, [L, L]."""
    owner = torch.cat(
        [
            torch.full((n,), k if kind == "image" else -1)
            for k, (n, kind) in enumerate(zip(layout.lengths, layout.kinds, strict=True))
        ]
    )
    owner = owner.to(device)
    causal = torch.ones(len(owner), len(owner), dtype=torch.bool, device=device).tril()
    return causal & ((owner[:, None] < 0) | (owner[:, None] == owner[None, :]))


def methods(layout: Layout, device: str) -> dict[str, Method]:
    """Every method by the name that the table gives it."""
    mask = dense(layout, device)
    by_name: dict[str, Method] = {
        "full causal SDPA": lambda q, k, v: sdpa(q, k, v, is_causal=True),
        "SDPA, dense mask": lambda q, k, v: sdpa(q, k, v, attn_mask=mask),
        "segmented (ours)": lambda q, k, v: segmented_attention(q, k, v, [layout]),
    }
    if device.startswith("cuda"):
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        block = create_block_mask(
            lambda b, h, q, k: mask[q, k], None, None, len(mask), len(mask), device=device
        )
        compiled = torch.compile(flex_attention)
        by_name["FlexAttention, block mask"] = lambda q, k, v: compiled(q, k, v, block_mask=block)
    return by_name


def timed(
    by_name: dict[str, Method], layout: Layout, device: str, repeats: int, backward: bool
) -> dict[str, float]:
    """Best seconds of every method, measured in turn."""
    length = sum(layout.lengths)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    q, k, v = (
        torch.randn(1, HEADS, length, WIDTH, device=device, dtype=dtype, requires_grad=backward)
        for _ in range(3)
    )
    gradient = torch.randn_like(q)
    best: dict[str, float] = {}
    for _ in range(repeats + 1):
        for name, method in by_name.items():
            _sync(device)
            began = time.perf_counter()
            out = method(q, k, v)
            if backward:
                out.backward(gradient)
                q.grad = k.grad = v.grad = None
            _sync(device)
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - began)
    return best


def _sync(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def extra_memory(images: int, tokens: int) -> float:
    """MiB that a forward call of segmented attention needs beyond its inputs.

    The high-water mark of a process of its own; a small call before takes what every first call
    takes.
    """
    code = f"""
import torch
from bench.profile_memory import high_water
from bench.segmented import *

layout, small = layout_of({images}, {tokens}), layout_of(1, 8)
inputs = [torch.randn(1, HEADS, sum(layout.lengths), WIDTH) for _ in range(3)]
segmented_attention(*(part[:, :, : sum(small.lengths)] for part in inputs), [small])
before = high_water()
segmented_attention(*inputs, [layout])
print(high_water() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=default_allocator(),
    )
    return float(done.stdout)


def main(arguments: Sequence[str] = ()) -> list[str]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--images", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=730)
    parser.add_argument("--repeats", type=int, default=8)
    options = parser.parse_args(arguments)
    torch.set_num_threads(2)
    layout = layout_of(options.images, options.tokens)
    length = sum(layout.lengths)
    limit = masked_scores(layout) / (length * (length + 1) / 2)
    where = (
        torch.cuda.get_device_name() if options.device.startswith("cuda") else "CPU, two threads"
    )
    lines = [
        f"image-local attention, {options.images} images x {options.tokens} tokens,"
        f" {HEADS} heads of {WIDTH}, {where};"
        f" arithmetic limit {limit:.3f} of full causal attention"
        " (target: at most 1.5 times that):",
        "",
        "| method | forward | of full | of the limit"
        " | forward + backward | of full | of the limit |",
        "|---|---|---|---|---|---|---|",
    ]
    by_name = methods(layout, options.device)
    forward, both = (
        timed(by_name, layout, options.device, options.repeats, backward)
        for backward in (False, True)
    )
    base = "full causal SDPA"
    for name in forward:
        a, b = forward[name] / forward[base], both[name] / both[base]
        lines.append(
            f"| {name} | {forward[name] * 1e3:.1f} ms | {a:.3f} | {a / limit:.2f}x"
            f" | {both[name] * 1e3:.1f} ms | {b:.3f} | {b / limit:.2f}x |"
        )
    if not options.device.startswith("cuda"):
        sizes = (5, 10, 20, 40)
        memory = ", ".join(f"{n} images {extra_memory(n, options.tokens):.0f} MiB" for n in sizes)
        lines += ["", f"memory beyond the inputs, forward: {memory}"]
    return lines


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1:])))
