"""What a prefill costs, with and without the image-local mask.

Floating-point operations, a multiply and an add counted as two. Linear layers and attention are
counted apart, because a saving in attention is not a saving of the whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mimic_checks.attention.segmented import Layout


@dataclass(frozen=True, slots=True)
class PrefillFlops:
    """Operations of one row's prefill.

    `linear` and `attention`: of all decoder layers; `head`: the output head for one position.
    """

    linear: int
    attention: int
    head: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.linear + self.attention + self.head


def prefill_flops(
    config: Any, layout: Layout, masked_layers: Collection[int] = (), *, whole_squares: bool = False
) -> PrefillFlops:
    """The cost of one row's prefill.

    `config`: the language model's. `whole_squares`: count what a kernel without causal skipping
    computes, as PyTorch's FLOP counter does, instead of the scores that causality needs.
    """
    positions = sum(
        length
        for length, kind in zip(layout.lengths, layout.kinds, strict=True)
        if kind != "padding"
    )
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    # Query and output projections have all heads, key and value projections the shared ones; the
    # gated feed-forward has three matrices.
    per_position = (
        2 * config.hidden_size * width * (2 * heads + 2 * config.num_key_value_heads)
        + 6 * config.hidden_size * config.intermediate_size
    )
    depth = config.num_hidden_layers
    # Per score: one product with the key, one with the value, `width` multiply-adds each.
    full = 4 * heads * width * (positions**2 if whole_squares else positions * (positions + 1) // 2)
    cut = 4 * heads * width * masked_scores(layout, whole_squares=whole_squares)
    masked = len(set(masked_layers) & set(range(depth)))
    return PrefillFlops(
        depth * positions * per_position,
        (depth - masked) * full + masked * cut,
        2 * config.hidden_size * config.vocab_size,
    )


def masked_scores(layout: Layout, *, whole_squares: bool = False) -> int:
    """Query-key pairs per head that image-local attention needs.

    T (T + 1) / 2 in an image of T tokens; for a text row, all positions up to itself.
    """
    scores, end = 0, 0
    for length, kind in zip(layout.lengths, layout.kinds, strict=True):
        if kind == "padding":
            continue
        end += length
        if kind == "image":
            scores += length**2 if whole_squares else length * (length + 1) // 2
        else:
            scores += length * end if whole_squares else length * end - length * (length - 1) // 2
    return scores


def paper_flops(text: float, image: float, images: float, width: int) -> tuple[float, float]:
    """The paper's operations for one layer's attention, without constants: (unmasked, masked).

    (N_t + N_v)^2 d, and (N_t^2 + N_t N_v + N_v^2 / M) d. Its 58 G and 11.2 G come out for about 950
    text tokens, 7,100 image tokens, M = 10.4 images and d = 896: the order of one masked layer's
    attention, not of the model.

    Source: MIMIC, appendix, table 7.
    """
    return (text + image) ** 2 * width, (text**2 + text * image + image**2 / images) * width
