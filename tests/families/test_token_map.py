"""The token map, against what the model really embeds; the errors for maps that cannot be."""

from __future__ import annotations

import itertools
import types

import pytest
import torch

from mimic_checks.attention import FAMILIES, TokenMapper, TokenType
from mimic_checks.attention.families import language_model
from mimic_checks.errors import AttentionError
from tests.families.tiny import BUILDABLE, NEEDS_TORCHVISION, WITHOUT, batch, pictures


def embeddings(model, inputs):
    """What goes into the language model: [B, L, D]."""
    found = []
    handle = language_model(model).register_forward_pre_hook(
        lambda m, a, kw: found.append(kw["inputs_embeds"].clone()), with_kwargs=True
    )
    with torch.no_grad():
        model(**inputs)
    handle.remove()
    return found[0]


def test_every_family_of_the_table_is_tested():
    assert set(FAMILIES.names()) == {*NEEDS_TORCHVISION, *WITHOUT}
    assert set(BUILDABLE) <= set(FAMILIES.names())


def test_perturbing_an_image_changes_exactly_its_own_tokens(subject):
    before = embeddings(subject.model, subject.batch)
    for row, image in [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 0)]:
        rows = [list(pics) for pics in subject.rows]
        rows[row][image] = pictures(rows[row][image].size, seed=99)[0]
        changed = (embeddings(subject.model, batch(subject.processor, rows)) != before).any(-1)
        own = torch.zeros_like(changed)
        own[row, subject.map.positions(row, image)] = True
        assert torch.equal(changed, own), (row, image)


def test_every_position_has_its_kind(subject):
    kind, image = subject.map.kind, subject.map.image
    assert torch.equal(kind == TokenType.PADDING, subject.batch["attention_mask"] == 0)
    assert torch.equal(image >= 0, (kind == TokenType.IMAGE) | (kind == TokenType.SEPARATOR))
    assert torch.equal(kind == TokenType.IMAGE, subject.map.tile >= 0)
    for row, count in enumerate([2, 3, 1]):
        blocks = [subject.map.positions(row, i, separators=True) for i in range(count)]
        assert all(torch.equal(block, torch.arange(block[0], block[-1] + 1)) for block in blocks), (
            "blocks are contiguous"
        )
        assert all(a[-1] < b[0] for a, b in itertools.pairwise(blocks))
        assert (kind[row, blocks[-1][-1] + 1 :] == TokenType.AFTER).all()
    assert (subject.map.answer == kind.shape[1] - 1).all()


def test_growing_a_map_adds_generated_tokens(subject):
    grown = subject.map.extended(subject.map.length + 3)
    assert (grown.kind[:, -3:] == TokenType.GENERATED).all()
    assert (grown.image[:, -3:] == -1).all()
    assert torch.equal(grown.kind[:, :-3], subject.map.kind)


def test_the_number_of_images_is_compared(subject):
    with pytest.raises(
        AttentionError, match=r"row 1 of the batch has image tokens of 3 images and images=2"
    ):
        subject.mapper.map(subject.batch, [2, 2, 1])


def test_lost_image_tokens_are_an_error_where_images_stand_side_by_side(subject):
    if subject.mapper.family.counts is None:
        pytest.skip("this family's images are told apart by tags")
    broken = dict(subject.batch)
    broken["input_ids"] = broken["input_ids"].clone()
    broken["input_ids"][0, subject.map.positions(0, 1)[-1]] = 3
    with pytest.raises(AttentionError, match="image tokens do not match the images"):
        subject.mapper.map(broken)


def test_an_unknown_family_is_named_with_those_that_are_known():
    config = types.SimpleNamespace(model_type="qwen2_vlx", image_token_id=1)
    with pytest.raises(
        AttentionError,
        match=r"model_type='qwen2_vlx' has no row in the families 'gemma3', .*nearest: 'qwen2_vl'",
    ):
        TokenMapper(config, None)


@pytest.mark.skipif(
    "llava_onevision" not in BUILDABLE, reason="needs torchvision (make test-families)"
)
def test_tiled_images_have_rows_that_end_with_a_newline():
    from tests.families.conftest import subject_of

    one = subject_of("llava_onevision", [[(64, 40)], [(32, 64)]])
    newline = one.model.model.image_newline
    for row in range(2):
        found = (embeddings(one.model, one.batch)[row] == newline).all(-1).nonzero().flatten()
        ours = (
            ((one.map.kind[row] == TokenType.SEPARATOR) & (one.map.image[row] == 0))
            .nonzero()
            .flatten()
        )
        assert len(found) > 2
        assert torch.equal(found, ours)
