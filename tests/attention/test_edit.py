"""Rules inside a running model: a layer that no rule reaches, and the row that answers.

The model is a LLaVA with random weights and a batch made by hand: no processor, no file.
"""

from __future__ import annotations

import types

import pytest
import torch
from transformers import LlavaConfig, LlavaForConditionalGeneration

from mimic_checks.attention import ImageLocal, Knockout, LayerWindow, WindowedRule, edit_attention
from mimic_checks.errors import AttentionError

LAYERS, PAD, IMAGE = 4, 0, 1
IMAGE_TOKENS = 4
DEEP = WindowedRule(ImageLocal(), LayerWindow(2, 3))


@pytest.fixture
def model():
    """A model whose layers a test may break."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    vision = {"model_type": "siglip_vision_model", "num_hidden_layers": 1}
    text = {"model_type": "qwen2", "num_hidden_layers": LAYERS, "num_key_value_heads": 2}
    config = LlavaConfig(
        vision_config={**vision, **sizes, "image_size": 16, "patch_size": 8},
        text_config={**text, **sizes, "vocab_size": 32},
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        image_token_id=IMAGE,
    )
    made = LlavaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    return made


@pytest.fixture
def batch():
    """Rows of two and three images, left padded; text before, between and after them."""
    image = [IMAGE] * IMAGE_TOKENS
    rows = [[5, *image, 6, *image, 7, 8, 9], [5, *image, *image, 6, *image, 7, 8]]
    length = max(map(len, rows))
    ids = torch.tensor([[PAD] * (length - len(row)) + row for row in rows])
    pixels = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "pixel_values": pixels}


def logits(model, batch, rules, observer=None):
    # LLaVA's images are told apart by counting: its tokenizer is never asked for a word.
    with torch.no_grad(), edit_attention(model, rules, tokenizer=types.SimpleNamespace()) as editor:
        editor.observer = observer
        return model(**batch).logits


def bypass(model, *layers):
    """Replaces the attention of layers by one that does not go through transformers' interface."""
    for layer in layers:

        def forward(hidden_states, **kwargs):
            return hidden_states, None

        model.model.language_model.layers[layer].self_attn.forward = forward


class Seen:
    """An observer that wants to see every layer."""

    def observe(self, *args):
        pass


@pytest.mark.parametrize(("broken", "named"), [((2,), 2), ((3,), 3), ((3, 2), 2), ((1, 3), 3)])
def test_a_layer_of_the_window_that_no_rule_reaches_is_named(model, batch, broken, named):
    bypass(model, *broken)
    with pytest.raises(AttentionError, match=f"layer {named} of Qwen2Model bypasses"):
        logits(model, batch, [DEEP])


def test_a_layer_outside_every_window_may_do_what_it_likes(model, batch):
    bypass(model, 0, 1)
    assert logits(model, batch, [DEEP]).isfinite().all()


def test_who_observes_needs_every_layer(model, batch):
    assert logits(model, batch, [DEEP], observer=Seen()).isfinite().all()
    bypass(model, 1)
    with pytest.raises(AttentionError, match="layer 1 of Qwen2Model bypasses"):
        logits(model, batch, [DEEP], observer=Seen())


def test_every_call_is_looked_at_anew(model, batch):
    """A layer that obeyed once is missed when it no longer does."""
    with torch.no_grad(), edit_attention(model, [DEEP], tokenizer=types.SimpleNamespace()):
        model(**batch)
        bypass(model, 3)
        with pytest.raises(AttentionError, match="layer 3 of Qwen2Model bypasses"):
            model(**batch)


def test_what_is_cut_from_the_answer_changes_the_last_row_and_no_other(model, batch):
    plain = logits(model, batch, [])
    cut = logits(model, batch, [Knockout("images", "generated")])
    real = batch["attention_mask"].bool()[:, :-1]
    assert torch.allclose(cut[:, :-1][real], plain[:, :-1][real], atol=1e-4)
    assert ((cut[:, -1] - plain[:, -1]).abs().amax(-1) > 1e-3).all()
