"""Fewer image tokens: one-dimensional average pooling of projected image features.

Groups of `factor` neighbours are averaged in sequence order within a tile; the last group averages
the tokens that it has (the release divides it by `factor` and so dims it). Separators are never
pooled. Positions: consecutive for plain RoPE; under M-RoPE a pooled token takes its group's first
(t, h, w), and later text keeps the position it had. The shorter batch carries its features as
`mm_encoder_outputs`, so `forward` and `generate` take it without pixels.

Source: MIMIC, section 4 (sequence length).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention.families import family_of
from mimic_checks.attention.token_map import TokenMap
from mimic_checks.attention.token_type import TokenType
from mimic_checks.errors import AttentionError

_PER_POSITION = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


def image_features(model: Any, batch: Mapping[str, Any]) -> Any:
    """What the model's vision side makes of a batch's pictures: an output with `pooler_output`."""
    if batch.get("mm_encoder_outputs"):
        return batch["mm_encoder_outputs"]["image"]
    known = _describing_images(model)
    return model.get_image_features(
        **{key: value for key, value in batch.items() if key in known}, return_dict=True
    )


def _describing_images(model: Any) -> set[str]:
    """What of a batch describes its pictures. The model around the language model may hand on
    what only the one inside names (LLaVA: the sizes of pictures)."""
    return {
        name
        for part in (model, getattr(model, "model", model))
        if hasattr(part, "get_image_features")
        for name in inspect.signature(part.get_image_features).parameters
    }


def flattened(features: Any) -> Tensor:
    """Image features as rows in the order of their tokens.

    Families give one tensor for all images, or one for each.
    """
    if torch.is_tensor(features):
        return features.reshape(-1, features.shape[-1])
    return torch.cat(list(features))


def pooled(
    model: Any, batch: Mapping[str, Any], token_map: TokenMap, factor: int
) -> tuple[dict[str, Any], TokenMap]:
    """The batch with every image's tokens pooled by `factor`, and its token map.

    `factor` 1 gives both back untouched.

    Raises:
        AttentionError: a factor below 1, or larger than a tile of an image.
    """
    if factor == 1 or not any(token_map.images):
        return dict(batch), token_map
    _check(token_map, factor)
    ids: Tensor = batch["input_ids"]
    groups, first = _groups(token_map, factor)
    index, filled = _left_padded(first & (token_map.kind != TokenType.PADDING))
    # What `get_image_features` takes (pixels, grids, sizes) describes the images before pooling.
    known = _describing_images(model)
    short: dict[str, Any] = {
        key: value
        for key, value in batch.items()
        if key not in known and key != "mm_encoder_outputs"
    }
    for name in _PER_POSITION:
        if batch.get(name) is not None:
            short[name] = torch.where(filled, batch[name].gather(1, index), 0)
    # Where the batch has no padding to copy the id of, 0 will do: the mask covers it.
    padding_ids = ids[token_map.kind == TokenType.PADDING]
    if len(padding_ids):
        short["input_ids"] = torch.where(filled, short["input_ids"], padding_ids[0])
    short["attention_mask"] = filled.long()
    if family_of(model.config).grid_positions:
        short["position_ids"] = _grid_positions(model, batch).gather(2, index.expand(3, -1, -1))
    # Feature rows come in the order of their placeholder tokens over the whole batch, so the groups
    # of those positions are the groups of the rows.
    placeholders = groups[ids == model.config.image_token_id]
    short["mm_encoder_outputs"] = {"image": _averaged(image_features(model, batch), placeholders)}
    return short, token_map.select(index, filled)


def _check(token_map: TokenMap, factor: int) -> None:
    if factor < 1:
        raise AttentionError(f"pooling={factor!r} is not allowed; allowed: whole numbers from 1")
    for row in range(len(token_map.kind)):
        for image in range(token_map.images[row]):
            # No group goes beyond its tile, so the smallest tile decides.
            tiles = token_map.tile[row][token_map.positions(row, image)]
            smallest = int(torch.unique(tiles, return_counts=True)[1].min())
            if factor > smallest:
                raise AttentionError(
                    f"pooling={factor!r} is larger than image {image} of row {row}, which has"
                    f" a tile of {smallest} tokens; allowed: 1 to {smallest}"
                )


def _groups(token_map: TokenMap, factor: int) -> tuple[Tensor, Tensor]:
    """The pooling group of every position, and whether the position is its group's first: [B, L].

    Groups are numbered over the whole batch; a position that is no image token is its own group.
    """
    is_token = token_map.kind == TokenType.IMAGE
    # A run is a stretch of one tile of one image. The running maximum of the starts seen so far is
    # the start of a position's own run, so `within` counts from 0 in each run, without a loop.
    pieces = torch.stack([token_map.image, token_map.tile])
    changes = (pieces.diff(dim=2) != 0).any(0) | (is_token[:, 1:] != is_token[:, :-1])
    starts = torch.cat([torch.ones_like(is_token[:, :1]), changes], 1)
    position = torch.arange(is_token.shape[1], device=is_token.device).expand_as(is_token)
    within = position - torch.where(starts, position, 0).cummax(1).values
    first = ~is_token | (within % factor == 0)
    return first.flatten().cumsum(0).reshape(first.shape) - 1, first


def _left_padded(keep: Tensor) -> tuple[Tensor, Tensor]:
    """Where the tokens of a shorter, left-padded batch come from: (index [B, M], filled [B, M]).

    `keep` [B, L]: the positions that stay. Where `filled` is false there is padding, and the index
    means nothing.
    """
    length = int(keep.sum(1).max())
    index = torch.zeros(len(keep), length, dtype=torch.long, device=keep.device)
    filled = torch.zeros_like(index, dtype=torch.bool)
    for row, keep_row in enumerate(keep):
        positions = keep_row.nonzero().flatten()
        index[row, length - len(positions) :] = positions
        filled[row, length - len(positions) :] = True
    return index, filled


def _grid_positions(model: Any, batch: Mapping[str, Any]) -> Tensor:
    """The (t, h, w) positions of the batch as it was before pooling: [3, B, L]."""
    positions: Tensor = model.model.get_rope_index(
        batch["input_ids"],
        mm_token_type_ids=batch["mm_token_type_ids"],
        image_grid_thw=batch.get("image_grid_thw"),
        attention_mask=batch.get("attention_mask"),
    )[0]
    return positions


def _averaged(output: Any, groups: Tensor) -> Any:
    """The same kind of output, with its features averaged group by group.

    So are features that the family injects into deeper layers (`deepstack_features`).
    """
    averaged = type(output)(pooler_output=_group_means(output.pooler_output, groups))
    if getattr(output, "deepstack_features", None) is not None:
        averaged.deepstack_features = [
            _group_means(features, groups) for features in output.deepstack_features
        ]
    return averaged


def _group_means(features: Any, groups: Tensor) -> Any:
    """Means of the rows of each group, as one tensor or in a list, as `features` came."""
    flat = flattened(features)
    # Groups are numbered over all positions, text included: here from 0 without gaps.
    _, number = torch.unique_consecutive(groups.to(flat.device), return_inverse=True)
    count = int(number[-1]) + 1
    # Summed in float32, since half formats lose bits of every addend.
    total = torch.zeros(count, flat.shape[-1], dtype=torch.float32, device=flat.device)
    total.index_add_(0, number, flat.float())
    size = torch.bincount(number, minlength=count)[:, None]
    # A group of one keeps its row bit for bit; a sum from 0.0 would lose the sign of -0.0.
    mean = torch.where(size == 1, flat[_first_rows(number)].float(), total / size).to(flat.dtype)
    return mean if torch.is_tensor(features) else [mean]


def _first_rows(number: Tensor) -> Tensor:
    """Indices of the first row of every group, where `number` counts groups up from 0."""
    return torch.cat([number.new_zeros(1), (number.diff() > 0).nonzero().flatten() + 1])
