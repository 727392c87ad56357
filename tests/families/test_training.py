"""Training on every family: labels on the answers, LoRA where it belongs, a mask that is obeyed."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from mimic_checks.attention import edit_attention
from mimic_checks.attention.families import FAMILIES
from remedies.batches import IGNORE, Collator
from remedies.lora import LoraOptions, with_lora
from tests.families.conftest import Subject
from tests.families.tiny import pictures


@pytest.fixture
def rows(tmp_path):
    """Conversations with two and three images of unequal sizes, and their folder."""
    made = []
    for number, sizes in enumerate([[(32, 32), (64, 32)], [(48, 64), (32, 32), (64, 64)]]):
        names = []
        for place, picture in enumerate(pictures(*sizes, seed=number)):
            picture.save(tmp_path / f"{number}-{place}.png")
            names.append(f"{number}-{place}.png")
        said = [
            ("user", "what is it"),
            ("assistant", "apple"),
            ("user", "and now"),
            ("assistant", "two, three"),
        ]
        messages = [
            {
                "role": role,
                "content": [
                    *([{"type": "image"}] * len(sizes) if k == 0 else []),
                    {"type": "text", "text": text},
                ],
            }
            for k, (role, text) in enumerate(said)
        ]
        made.append({"images": names, "messages": messages})
    return made, tmp_path


def trained(subject, rows, mask):
    """Loss and gradients of one batch under a mask, and the adapted model."""
    options = LoraOptions(r=2, lora_alpha=4, lora_dropout=0.0, mask=mask, bf16=False)
    torch.manual_seed(0)
    model = with_lora(copy.deepcopy(subject.model), options)
    batch = Collator(copy.deepcopy(subject.processor), model.config, rows[1])(rows[0])
    labels, token_map = batch.pop("labels"), batch.pop("token_map")
    places = (labels[:, 1:] != IGNORE).any(0).nonzero().flatten()
    with edit_attention(model, options.rules, token_map=token_map):
        logits = model(**batch, logits_to_keep=places, use_cache=False).logits
    loss = nn.functional.cross_entropy(
        logits.float().flatten(0, 1), labels[:, places + 1].flatten(), ignore_index=IGNORE
    )
    loss.backward()
    return (
        float(loss.detach()),
        {n: p.grad for n, p in model.named_parameters() if p.requires_grad},
        model,
    )


def test_labels_are_the_answers(subject: Subject, rows):
    made = Collator(copy.deepcopy(subject.processor), subject.model.config, rows[1])
    batch = made(rows[0])
    end = made.processor.apply_chat_template(rows[0][0]["messages"], tokenize=False).rpartition(
        "two, three"
    )[2]
    for labels in batch["labels"]:
        assert made.tokenizer.decode(labels[labels != IGNORE]) == f"apple{end}two, three{end}"


def test_what_is_trained(subject: Subject, rows):
    _, gradients, model = trained(subject, rows, "none")
    family = FAMILIES.get(subject.model.config.model_type)
    linear = [
        n
        for n, m in subject.model.named_modules()
        if isinstance(m, nn.Linear) and n.startswith(family.language_model)
    ]
    assert linear
    for name in linear:
        assert any(
            name in trained_name and "lora_A" in trained_name for trained_name in gradients
        ), name
    assert (
        {n for n in gradients if "lora_" not in n}
        == {n for n, _ in model.named_parameters() if f"{family.projector}.modules_to_save" in n}
        != set()
    )
    frozen = [n for n, p in model.named_parameters() if not p.requires_grad]
    assert any("vision" in n or "visual" in n for n in frozen)
    assert all(
        gradient is not None and gradient.isfinite().all() for gradient in gradients.values()
    )
    assert any(
        float(gradient.abs().max()) > 0 for n, gradient in gradients.items() if "lora_" not in n
    )


def test_the_mask_changes_what_is_learnt(subject: Subject, rows):
    plain, _, _ = trained(subject, rows, "none")
    deep, _, _ = trained(subject, rows, "deep")
    everywhere, _, _ = trained(subject, rows, "all")
    assert len({round(loss, 6) for loss in (plain, deep, everywhere)}) == 3
