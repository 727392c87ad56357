"""Pooling: averages by an independent loop, positions, the tail, what is refused."""

from __future__ import annotations

import pytest
import torch

from mimic_checks.attention import FAMILIES, TokenType, pooled
from mimic_checks.errors import AttentionError
from tests.families.conftest import subject_of
from tests.families.test_token_map import embeddings
from tests.families.tiny import BUILDABLE


def shortest_tile(subject):
    return min(
        int((subject.map.tile[r][subject.map.positions(r, i)] == t).sum())
        for r in range(3)
        for i in range(subject.map.images[r])
        for t in subject.map.tile[r][subject.map.positions(r, i)].unique()
    )


def expected_row(subject, before, row, factor):
    """Embeddings of a pooled row, by a loop: images averaged piece by piece, everything else
    kept."""
    out, group, key = [], [], None
    for place in range(before.shape[1]):
        kind, own = (
            int(subject.map.kind[row, place]),
            (int(subject.map.image[row, place]), int(subject.map.tile[row, place])),
        )
        if group and (kind != TokenType.IMAGE or own != key or len(group) == factor):
            out.append(torch.stack(group).mean(0))
            group = []
        if kind == TokenType.IMAGE:
            key = own
            group.append(before[row, place])
        elif kind != TokenType.PADDING:
            out.append(before[row, place])
    return torch.stack(out)


@pytest.mark.parametrize("factor", [2, 3])
def test_image_tokens_are_averaged_and_nothing_else_changes(subject, factor):
    with torch.no_grad():
        short, token_map = (
            pooled(subject.model, subject.batch, subject.map, factor)
            if factor <= shortest_tile(subject)
            else (None, None)
        )
    if short is None:
        pytest.skip(f"a tile of {shortest_tile(subject)} tokens cannot be pooled by {factor}")
    before, after = embeddings(subject.model, subject.batch), embeddings(subject.model, short)
    for row in range(3):
        there = token_map.kind[row] != TokenType.PADDING
        torch.testing.assert_close(
            after[row][there], expected_row(subject, before, row, factor), rtol=0, atol=1e-6
        )
        assert torch.equal(there, short["attention_mask"][row].bool())
    assert token_map.images == [2, 3, 1]


def test_positions(subject):
    seen = []
    inner = subject.model.model
    name = FAMILIES.get(subject.model.config.model_type).language_model.split(".")[-1]
    with torch.no_grad():
        short, token_map = pooled(subject.model, subject.batch, subject.map, 2)
        getattr(inner, name).register_forward_pre_hook(
            lambda m, a, kw: seen.append(kw["position_ids"]), with_kwargs=True
        )
        subject.model.generate(**short, max_new_tokens=3, do_sample=False)
    getattr(inner, name)._forward_pre_hooks.popitem()
    first = seen[0]
    if not FAMILIES.get(subject.model.config.model_type).grid_positions:
        for row in range(3):
            there = token_map.kind[row] != TokenType.PADDING
            assert first[row][there].tolist() == list(range(int(there.sum())))
        return
    full = inner.get_rope_index(
        subject.batch["input_ids"],
        mm_token_type_ids=subject.batch["mm_token_type_ids"],
        image_grid_thw=subject.batch["image_grid_thw"],
        attention_mask=subject.batch["attention_mask"],
    )[0]
    for row in range(3):
        firsts = {
            int(p)
            for i in range(subject.map.images[row])
            for p in subject.map.positions(row, i)[::2]
        }
        kinds = subject.map.kind[row].tolist()
        starts = [
            p
            for p, kind in enumerate(kinds)
            if kind != TokenType.PADDING and (kind != TokenType.IMAGE or p in firsts)
        ]
        there = token_map.kind[row] != TokenType.PADDING
        assert torch.equal(first[-3:, row][:, there], full[:, row, starts])
        assert (seen[1][-3:, row, -1] == full[:, row, -1] + 1).all(), (
            "later text keeps its unpooled position"
        )


def test_factor_one_gives_the_batch_back(subject):
    short, token_map = pooled(subject.model, subject.batch, subject.map, 1)
    assert token_map is subject.map
    assert short.keys() == subject.batch.keys()
    assert all(short[key] is subject.batch[key] for key in short)


def test_too_large_a_factor_is_refused(subject):
    with pytest.raises(
        AttentionError,
        match=(
            r"pooling=999 is larger than image 0 of row 0, which has a tile of \d+ tokens; allowed:"
            r" 1 to"
        ),
    ):
        pooled(subject.model, subject.batch, subject.map, 999)
    with pytest.raises(AttentionError, match=r"pooling=0 is not allowed"):
        pooled(subject.model, subject.batch, subject.map, 0)


@pytest.mark.skipif("qwen3_vl" not in BUILDABLE, reason="needs torchvision (make test-families)")
def test_features_injected_deeper_down_are_pooled_alike():
    """Qwen3-VL adds features of middle vision layers to the first layers of its language model."""
    subject = subject_of("qwen3_vl")
    seen = []
    handle = subject.model.model.language_model.register_forward_pre_hook(
        lambda m, a, kw: seen.append((kw["visual_pos_masks"], kw["deepstack_visual_embeds"])),
        with_kwargs=True,
    )
    with torch.no_grad():
        short, token_map = pooled(subject.model, subject.batch, subject.map, 2)
        subject.model(**subject.batch)
        subject.model(**short)
    handle.remove()
    (_, before), (places, after) = seen
    assert torch.equal(places, token_map.kind == TokenType.IMAGE)
    for whole, half in zip(before, after, strict=True):
        torch.testing.assert_close(half, whole.unflatten(0, (-1, 2)).mean(1), rtol=0, atol=1e-6)
