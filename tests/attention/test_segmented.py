"""Segmented attention against a dense mask written out row by row.

Any layout, padding, batch, head grouping; gradients too.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from mimic_checks.attention import TokenMap, TokenType, layouts, segmented_attention
from mimic_checks.attention import segmented as segmented_module

PIECES = st.lists(
    st.tuples(st.sampled_from(["text", "image"]), st.integers(1, 12)), min_size=1, max_size=7
)


def token_map(rows, total):
    """A map of rows of (kind, length) pieces, left padded to `total`."""
    kinds, images = [], []
    for pieces in rows:
        kind, image, number = [], [], 0
        for what, length in pieces:
            kind += [int(TokenType.IMAGE if what == "image" else TokenType.BETWEEN)] * length
            image += [number if what == "image" else -1] * length
            number += what == "image"
        pad = total - len(kind)
        kinds.append([int(TokenType.PADDING)] * pad + kind)
        images.append([-1] * pad + image)
    image = torch.tensor(images)
    return TokenMap(
        torch.tensor(kinds),
        image,
        torch.where(image >= 0, 0, -1),
        torch.full((len(rows),), total - 1),
    )


def allowed(mapped, row):
    """Which key every query may see, by the definition, pair by pair."""
    kind, image = mapped.kind[row].tolist(), mapped.image[row].tolist()
    length = len(kind)
    return torch.tensor(
        [
            [
                k <= q and kind[k] != TokenType.PADDING and (image[q] < 0 or image[q] == image[k])
                for k in range(length)
            ]
            for q in range(length)
        ]
    )


def oracle(query, key, value, mapped):
    """Softmax attention in float64, row by row; padding rows left zero."""
    shared = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
    out = torch.zeros_like(query, dtype=torch.float64)
    for row in range(len(query)):
        scores = query[row].double() @ key[row].double().transpose(1, 2) / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~allowed(mapped, row), float("-inf"))
        real = mapped.kind[row] != TokenType.PADDING
        out[row][:, real] = torch.softmax(scores[:, real], -1) @ value[row].double()
    return out


@given(
    rows=st.lists(PIECES, min_size=1, max_size=3),
    extra=st.integers(0, 3),
    shared=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
def test_any_layout_equals_the_definition(rows, extra, shared, seed):
    total = max(sum(length for _, length in pieces) for pieces in rows) + extra
    mapped = token_map(rows, total)
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(len(rows), 2 * shared, total, 8, generator=generator)
    key, value = (torch.randn(len(rows), 2, total, 8, generator=generator) for _ in range(2))
    output = segmented_attention(query, key, value, layouts(mapped))
    torch.testing.assert_close(
        output.double(), oracle(query, key, value, mapped), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("length", [64, 300, 730])
def test_long_images_are_cut_into_pieces_that_fit_together(length):
    """Longer than the rows that a CPU computes at once; gradients too."""
    mapped = token_map(
        [[("text", 3), ("image", length), ("image", length), ("text", 140)]], 2 * length + 150
    )
    parts = [torch.randn(1, 2, mapped.length, 8, requires_grad=True) for _ in range(3)]
    mask = allowed_quickly(mapped)
    expected = scaled_dot_product_attention(*parts, attn_mask=mask)
    output = segmented_attention(*parts, layouts(mapped))
    real = mapped.kind[0] != TokenType.PADDING
    torch.testing.assert_close(output[:, :, real], expected[:, :, real], rtol=0, atol=1e-5)
    weight = torch.randn_like(output) * real[None, None, :, None]
    gradients = torch.autograd.grad((output * weight).sum(), parts)
    expected_gradients = torch.autograd.grad((expected * weight).sum(), parts)
    for a, b in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4)


def allowed_quickly(mapped):
    image, real = mapped.image[0], mapped.kind[0] != TokenType.PADDING
    causal = torch.ones(len(image), len(image), dtype=torch.bool).tril() & real
    return causal & ((image[:, None] < 0) | (image[:, None] == image[None, :]))


def test_masks_made_during_inference_serve_training_later():
    segmented_module._lower_right.cache_clear()
    mapped = token_map([[("image", 300), ("image", 300)]], 600)
    parts = [torch.randn(1, 2, 600, 8, requires_grad=True) for _ in range(3)]
    with torch.inference_mode():
        segmented_attention(*parts, layouts(mapped))
    segmented_attention(*parts, layouts(mapped)).sum().backward()
    assert parts[0].grad is not None


def test_no_tensor_of_length_squared_is_made(monkeypatch):
    """60 images of 400 tokens, 24,000 positions: a dense mask would hold 576 M booleans.

    The release leaves its mask out from there on.
    """
    mapped = token_map([[("text", 5), *[("image", 400)] * 60, ("text", 5)]], 24_010)
    parts = [torch.randn(1, 1, mapped.length, 8) for _ in range(3)]
    calls = []
    real = segmented_module.scaled_dot_product_attention

    def watched(query, key, value, **kwargs):
        calls.append((query.shape[2], key.shape[2], kwargs.get("attn_mask")))
        return real(query, key, value, **kwargs)

    monkeypatch.setattr(segmented_module, "scaled_dot_product_attention", watched)
    output = segmented_attention(*parts, layouts(mapped))
    assert output.shape == parts[0].shape
    assert max(0 if mask is None else mask.numel() for _, _, mask in calls) <= 128 * mapped.length
    assert max(q * k for q, k, _ in calls) <= 128 * mapped.length
