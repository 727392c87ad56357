"""Streamed attention shares against the attention matrices that eager attention returns."""

from __future__ import annotations

import pytest
import torch

from mimic_checks.attention import (
    ImageLocal,
    Knockout,
    LayerWindow,
    Profiler,
    TokenType,
    WindowedRule,
    edit_attention,
)
from mimic_checks.attention import profile as profile_module

RULES = {
    "none": [],
    "deep": [WindowedRule(ImageLocal(), LayerWindow.parse("deep"))],
    "cut": [Knockout(0, "text")],
}


def profiles(subject, rules, **how):
    with (
        torch.no_grad(),
        edit_attention(subject.model, rules, tokenizer=subject.processor.tokenizer) as editor,
    ):
        editor.observer = profiler = Profiler(**how)
        subject.model(**subject.batch)
    return profiler.profiles()


def oracle(subject, rules, row):
    """Shares by loops over the full matrices, and the answer row: [layers, H, N + 2, N + 1],
    [layers, L]."""
    with (
        torch.no_grad(),
        edit_attention(
            subject.model, rules, tokenizer=subject.processor.tokenizer, implementation="eager"
        ),
    ):
        weights = torch.stack(subject.model(**subject.batch, output_attentions=True).attentions)[
            :, row
        ]
    kind, image, last = subject.map.kind[row], subject.map.image[row], int(subject.map.answer[row])
    count = int(image.max()) + 1
    askers = [
        [p for p in range(len(kind)) if image[p] == i and kind[p] == TokenType.IMAGE]
        for i in range(count)
    ]
    askers.append(
        [
            p
            for p in range(len(kind))
            if kind[p] in (TokenType.BETWEEN, TokenType.AFTER) and p != last
        ]
    )
    askers.append([last])
    seen = [[p for p in range(len(kind)) if image[p] == i] for i in range(count)] + [
        [p for p in range(len(kind)) if image[p] < 0]
    ]
    shares = torch.stack(
        [
            torch.stack([weights[:, :, q][..., k].sum(-1).mean(-1) for k in seen], -1)
            for q in askers
        ],
        -2,
    )
    return shares, weights[:, :, last].mean(1)


@pytest.mark.parametrize("rules", RULES)
def test_shares_equal_those_of_the_full_matrices(subject, rules):
    for row, found in enumerate(profiles(subject, RULES[rules])):
        shares, answer = oracle(subject, RULES[rules], row)
        torch.testing.assert_close(found.shares, shares, rtol=0, atol=1e-5)
        torch.testing.assert_close(found.answer, answer, rtol=0, atol=1e-5)
        torch.testing.assert_close(
            found.shares.sum(-1), torch.ones_like(found.shares[..., 0]), rtol=0, atol=1e-5
        )


def test_masked_layers_and_cut_paths_have_share_exactly_zero(subject):
    deep = profiles(subject, RULES["deep"])[1]
    half = len(deep.shares) // 2
    assert (deep.across()[half:] == 0).all()
    assert (deep.across()[:half] > 0).all()
    cut = profiles(subject, RULES["cut"])[1]
    assert (cut.shares[:, :, 3:, 0] == 0).all()
    assert (cut.shares[:, :, 3:, 1].amax(0) > 0).all(), (
        "in some layer: a sliding window may end before image 1"
    )


def test_blocks_of_one_query_give_the_same(subject, monkeypatch):
    whole = profiles(subject, [])[1].shares
    monkeypatch.setattr(profile_module, "BLOCK_BYTES", 1)
    torch.testing.assert_close(profiles(subject, [])[1].shares, whole, rtol=0, atol=1e-6)


def test_sampled_queries_stay_within_the_stated_error(subject):
    whole = profiles(subject, [])[1]
    sampled = profiles(subject, [], queries=3, seed=3)[1]
    assert whole.error == (0.0,) * 5
    errors = torch.tensor(sampled.error)[None, None, :, None]
    assert (errors[..., 0, :] > 0).all()
    assert ((sampled.shares - whole.shares).abs() <= errors + 1e-6).all()
