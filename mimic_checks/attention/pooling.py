"""Fewer image tokens: one-dimensional average pooling of projected image features.

Data in: a processed batch, its image features as the model's own `get_image_features` gives them,
its token map. Data out: a shorter batch for `forward` and `generate` (with `mm_encoder_outputs`),
and its token map. Groups of `factor` neighbours are averaged in sequence order within a tile; the
last group averages what is there (the release divides it by `factor` and so dims it). Separators
are never pooled. Positions: consecutive for plain RoPE; under M-RoPE a pooled token takes its
group's first (t, h, w), and later text keeps the position it had.

Source: MIMIC, section 4 (sequence length).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention.families import family_of
from mimic_checks.attention.token_map import TokenMap, TokenType
from mimic_checks.errors import AttentionError

_PER_POSITION = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


def image_features(model: Any, batch: Mapping[str, Any]) -> Any:
    """What the model's vision side makes of a batch's pictures: an output with `pooler_output`."""
    if batch.get("mm_encoder_outputs"):
        return batch["mm_encoder_outputs"]["image"]
    known = inspect.signature(model.get_image_features).parameters
    return model.get_image_features(
        **{key: value for key, value in batch.items() if key in known}, return_dict=True
    )


def flattened(features: Any) -> Tensor:
    """Image features, one tensor or one per image as the family gives them, as rows in the order of
    their tokens."""
    return (
        features.reshape(-1, features.shape[-1])
        if torch.is_tensor(features)
        else torch.cat(list(features))
    )


def pooled(
    model: Any, batch: Mapping[str, Any], token_map: TokenMap, factor: int
) -> tuple[dict[str, Any], TokenMap]:
    """The batch with every image's tokens pooled by `factor`, and its map; `factor` 1 gives both
    back untouched.

    Raises:
        AttentionError: a factor below 1, or larger than a tile of an image.
    """
    if factor == 1 or not any(token_map.images):
        return dict(batch), token_map
    _check(token_map, factor)
    ids: Tensor = batch["input_ids"]
    groups, first = _groups(token_map, factor)
    index, kept = _left_padded(first & (token_map.kind != TokenType.PADDING))
    known = inspect.signature(model.get_image_features).parameters
    short: dict[str, Any] = {
        key: value
        for key, value in batch.items()
        if key not in known and key != "mm_encoder_outputs"
    }
    for name in _PER_POSITION:
        if batch.get(name) is not None:
            short[name] = torch.where(kept, batch[name].gather(1, index), 0)
    pad = ids[token_map.kind == TokenType.PADDING]
    if len(pad):
        short["input_ids"] = torch.where(kept, short["input_ids"], pad[0])
    short["attention_mask"] = kept.long()
    if family_of(model.config).grid_positions:
        short["position_ids"] = _grid_positions(model, batch).gather(2, index.expand(3, -1, -1))
    placeholders = groups[ids == model.config.image_token_id]
    short["mm_encoder_outputs"] = {"image": _averaged(image_features(model, batch), placeholders)}
    return short, token_map.select(index, kept)


def _check(token_map: TokenMap, factor: int) -> None:
    if factor < 1:
        raise AttentionError(f"pooling={factor!r} is not allowed; allowed: whole numbers from 1")
    for row in range(len(token_map.kind)):
        for image in range(token_map.images[row]):
            tiles = token_map.tile[row][token_map.positions(row, image)]
            smallest = int(torch.unique(tiles, return_counts=True)[1].min())
            if factor > smallest:
                raise AttentionError(
                    f"pooling={factor!r} is larger than image {image} of row {row}, which has a"
                    f" tile of {smallest} tokens; allowed: 1 to {smallest}"
                )


def _groups(token_map: TokenMap, factor: int) -> tuple[Tensor, Tensor]:
    """Per position [B, L]: the number of its group, counted over the whole batch, and whether it is
    the group's first."""
    is_token = token_map.kind == TokenType.IMAGE
    pieces = torch.stack([token_map.image, token_map.tile])
    fresh = (pieces.diff(dim=2) != 0).any(0) | (is_token[:, 1:] != is_token[:, :-1])
    starts = torch.cat([torch.ones_like(is_token[:, :1]), fresh], 1)
    place = torch.arange(is_token.shape[1], device=is_token.device).expand_as(is_token)
    within = place - torch.where(starts, place, 0).cummax(1).values
    first = ~is_token | (within % factor == 0)
    return first.flatten().cumsum(0).reshape(first.shape) - 1, first


def _left_padded(keep: Tensor) -> tuple[Tensor, Tensor]:
    """Indices of the kept positions of every row, moved to the right of a shorter sequence: [B, M],
    and which of them hold."""
    length = int(keep.sum(1).max())
    index = torch.zeros(len(keep), length, dtype=torch.long, device=keep.device)
    kept = torch.zeros_like(index, dtype=torch.bool)
    for row, here in enumerate(keep):
        places = here.nonzero().flatten()
        index[row, length - len(places) :] = places
        kept[row, length - len(places) :] = True
    return index, kept


def _grid_positions(model: Any, batch: Mapping[str, Any]) -> Tensor:
    found: Tensor = model.model.get_rope_index(
        batch["input_ids"],
        mm_token_type_ids=batch["mm_token_type_ids"],
        image_grid_thw=batch.get("image_grid_thw"),
        attention_mask=batch.get("attention_mask"),
    )[0]
    return found


def _averaged(output: Any, groups: Tensor) -> Any:
    """The same kind of output, its features (and those injected deeper down) averaged group by
    group."""
    made = type(output)(pooler_output=_as_given(output.pooler_output, groups))
    if getattr(output, "deepstack_features", None) is not None:
        made.deepstack_features = [
            _as_given(features, groups) for features in output.deepstack_features
        ]
    return made


def _as_given(features: Any, groups: Tensor) -> Any:
    flat = flattened(features)
    _, compact = torch.unique_consecutive(groups.to(flat.device), return_inverse=True)
    count = int(compact[-1]) + 1
    total = torch.zeros(count, flat.shape[-1], dtype=torch.float32, device=flat.device).index_add_(
        0, compact, flat.float()
    )
    size = torch.bincount(compact, minlength=count)[:, None]
    mean = torch.where(size == 1, flat[_firsts(compact)].float(), total / size).to(flat.dtype)
    return mean if torch.is_tensor(features) else [mean]


def _firsts(compact: Tensor) -> Tensor:
    return torch.cat([compact.new_zeros(1), (compact.diff() > 0).nonzero().flatten() + 1])
