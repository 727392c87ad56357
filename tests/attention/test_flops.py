"""FLOPs against PyTorch's own counter; the paper's numbers from the inputs that give them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers import Qwen2Config, Qwen2ForCausalLM

from mimic_checks.attention.flops import masked_scores, paper_flops, prefill_flops
from mimic_checks.attention.segmented import Layout, segmented_attention

CONFIG = Qwen2Config(
    vocab_size=50,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
)
LAYOUT = Layout((3, 20, 20, 20, 7), ("text", "image", "image", "image", "text"))
LENGTH = 70


def counted(work):
    """What PyTorch's counter sees of some work; never zero."""
    # Of flash attention on a CPU it sees nothing, hence MATH.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    total = counter.get_total_flops()
    assert total > 0
    return total


def test_the_whole_prefill_equals_the_counter():
    model, ids = Qwen2ForCausalLM(CONFIG), torch.zeros(1, LENGTH, dtype=torch.long)
    for how in ("eager", "sdpa"):
        model.set_attn_implementation(how)
        assert (
            counted(lambda: model(ids, use_cache=False, logits_to_keep=1))
            == prefill_flops(CONFIG, LAYOUT, whole_squares=True).total
        )


def test_segmented_attention_equals_the_counter():
    query = torch.empty(1, 4, LENGTH, 8, device="meta")
    key = torch.empty(1, 2, LENGTH, 8, device="meta")
    work = counted(lambda: segmented_attention(query, key, key, [LAYOUT]))
    assert work == 4 * 4 * 8 * masked_scores(LAYOUT, whole_squares=True)
    saved = (
        prefill_flops(CONFIG, LAYOUT, whole_squares=True).attention
        - prefill_flops(CONFIG, LAYOUT, range(1, 3), whole_squares=True).attention
    )
    assert saved == 2 * (4 * 4 * 8 * LENGTH**2 - work)


def test_scores_equal_those_of_the_rule_pair_by_pair():
    owner = [-1] * 3 + [0] * 20 + [1] * 20 + [2] * 20 + [-1] * 7
    assert masked_scores(LAYOUT) == sum(
        k <= q and owner[q] in (-1, owner[k]) for q in range(LENGTH) for k in range(LENGTH)
    )
    padded = Layout((9, *LAYOUT.lengths), ("padding", *LAYOUT.kinds))
    assert masked_scores(padded) == masked_scores(LAYOUT)


def test_the_papers_numbers():
    full, masked = paper_flops(text=952, image=7094, images=10.4, width=896)
    assert full == pytest.approx(58.0e9, rel=0.01)
    assert masked == pytest.approx(11.2e9, rel=0.01)
    assert 1 - masked / full == pytest.approx(0.81, abs=0.01)


def test_masking_the_deep_half_saves_less_than_the_81_percent_of_a_layer():
    """What the paper's number is in the whole prefill of its 0.5B model."""
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
    )
    layout = Layout((476, *[709] * 10, 476), ("text", *["image"] * 10, "text"))
    plain, deep = prefill_flops(config, layout), prefill_flops(config, layout, range(12, 24))
    assert 1 - deep.attention / plain.attention == pytest.approx(0.405, abs=0.03)
    assert 0.05 < 1 - deep.total / plain.total < 0.20
