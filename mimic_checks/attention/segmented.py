"""Image-local attention computed image by image, so that what the mask removes is never computed.

Rows of an image attend inside its block; text rows attend to everything before them. With M images
of T tokens the arithmetic falls from (M T)^2 / 2 to M T^2 / 2 plus the text rows, in the forward
and in the backward pass. Memory is linear in the length: no mask of L x L exists. The output is
what a dense mask would give on every row that is not padding.

Letters: B rows, H query heads, G key heads (H a multiple of G), L positions, D width of a head.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from mimic_checks.attention.token_map import TokenMap
from mimic_checks.attention.token_type import TokenType

# Rows of one piece where causal attention is cut by hand, and the number of rows from which that
# does not pay on a CPU: the blocks of its kernel are then a small part of the whole.
_CPU_ROWS, _CPU_LONG = 128, 2048

Visibility = Callable[[int, Tensor, Tensor], Tensor]
"""What a family lets a row of the batch see: (row, queries [Q], keys [K]) -> booleans [Q, K]."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a row is cut: the lengths of its pieces, and "image", "text" or "padding" for each."""

    lengths: tuple[int, ...]
    kinds: tuple[str, ...]


def layouts(token_map: TokenMap, cut: Callable[[int], bool] = bool) -> list[Layout]:
    """The layout of every row of the batch.

    Two images that touch are two pieces. `cut` says whether a row with so many images is cut at
    all; if not, its images count as text.
    """
    rows = zip(token_map.kind.tolist(), token_map.image.tolist(), token_map.images, strict=True)
    return [_layout(kinds, images, cut(number)) for kinds, images, number in rows]


def _layout(kinds: list[int], images: list[int], cut: bool) -> Layout:
    # (kind, image) of every position: a piece ends where either changes.
    labels: list[tuple[str, int]] = []
    for kind, image in zip(kinds, images, strict=True):
        if kind == TokenType.PADDING:
            labels.append(("padding", -1))
        else:
            labels.append(("image", image) if cut and image >= 0 else ("text", -1))
    starts = [0] + [p for p in range(1, len(labels)) if labels[p] != labels[p - 1]]
    ends = [*starts[1:], len(labels)]
    lengths = tuple(end - start for start, end in zip(starts, ends, strict=True))
    return Layout(lengths, tuple(labels[start][0] for start in starts))


def segmented_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    row_layouts: list[Layout],
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    visibility: Visibility | None = None,
) -> Tensor:
    """Image-local causal attention: query [B, H, L, D], key and value [B, G, L, D] to [B, H, L, D].

    `row_layouts`: `layouts(token_map)`. `visibility`: the family's own mask where it is not plainly
    causal (sliding windows, images that see themselves in both directions); it is cut down, never
    widened. Rows of padding come out as zeros.
    """
    # Rows that are cut alike are computed together. A family's own mask may differ from row to row
    # (padding is part of it), so with one every row goes alone.
    alike: dict[Layout, list[int]] = defaultdict(list)
    for row, layout in enumerate(row_layouts):
        alike[layout].append(row)
    if len(alike) == 1 and visibility is None:
        return _same_layout(query, key, value, row_layouts[0], scaling, dropout, None)
    parts: list[Tensor] = []
    order: list[int] = []
    for layout, rows in alike.items():
        for batch in [[row] for row in rows] if visibility else [rows]:
            index = torch.tensor(batch, device=query.device)
            # The default binds this batch's row: a lambda looks names up when it is called.
            visible = (lambda q, k, row=batch[0]: visibility(row, q, k)) if visibility else None
            parts.append(
                _same_layout(
                    query[index], key[index], value[index], layout, scaling, dropout, visible
                )
            )
            order += batch
    # Rows were taken layout by layout: the inverse permutation puts them back where they stood.
    back = torch.tensor(order, device=query.device).argsort()
    return torch.cat(parts)[back]


def _same_layout(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    scaling: float | None,
    dropout: float,
    visibility: Callable[[Tensor, Tensor], Tensor] | None,
) -> Tensor:
    """Attention of rows that are cut alike, piece by piece."""
    heads_per_key = query.shape[1] // key.shape[1]
    if heads_per_key > 1:
        key = key.repeat_interleave(heads_per_key, 1)
        value = value.repeat_interleave(heads_per_key, 1)
    # torch.split has one backward for all pieces; a slice for each would have one each, every one
    # of them as long as the whole sequence.
    query_pieces, key_pieces, value_pieces = (
        torch.split(part, list(layout.lengths), 2) for part in (query, key, value)
    )
    left_padding = layout.lengths[0] if layout.kinds[0] == "padding" else 0
    out: list[Tensor] = []
    end = 0
    for number, kind in enumerate(layout.kinds):
        start, end = end, end + layout.lengths[number]
        rows = query_pieces[number]
        if kind == "padding":
            out.append(torch.zeros_like(rows))
            continue
        # An image sees from its own start, text from the start of the row.
        first = start if kind == "image" else left_padding
        keys, values = (
            (key_pieces[number], value_pieces[number])
            if kind == "image"
            else (key[:, :, first:end], value[:, :, first:end])
        )
        if visibility:
            mask = visibility(
                torch.arange(start, end, device=query.device),
                torch.arange(first, end, device=query.device),
            )
            out.append(
                scaled_dot_product_attention(
                    rows, keys, values, attn_mask=mask, dropout_p=dropout, scale=scaling
                )
            )
        else:
            out += _causal(rows, keys, values, scaling, dropout)
    return torch.cat(out, 2)


def _causal(
    query: Tensor, key: Tensor, value: Tensor, scaling: float | None, dropout: float
) -> list[Tensor]:
    """Causal attention of the last rows of some keys, in pieces of rows (a mask holds one piece).

    On a CPU an image is cut too: the kernel there computes key blocks of 512 whole, for 730 tokens
    1.6 times the arithmetic that causality needs.
    """
    rows, keys = query.shape[2], key.shape[2]
    if rows == keys and (query.device.type != "cpu" or not 2 * _CPU_ROWS < rows < _CPU_LONG):
        return [
            scaled_dot_product_attention(
                query, key, value, is_causal=True, dropout_p=dropout, scale=scaling
            )
        ]
    out, end = [], keys - rows
    for piece in torch.split(query, _CPU_ROWS, 2):
        end += piece.shape[2]
        bias = _lower_right(piece.shape[2], end, query.dtype, query.device)
        out.append(
            scaled_dot_product_attention(
                piece,
                key[:, :, :end],
                value[:, :, :end],
                attn_mask=bias,
                dropout_p=dropout,
                scale=scaling,
            )
        )
    return out


# Every layer asks for the same few masks; bounded, since each pair of lengths has its own.
@lru_cache(maxsize=16)
def _lower_right(rows: int, columns: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The additive causal mask of the last `rows` of `columns` positions."""
    # A normal tensor also when made during inference, because training may take it from the cache.
    with torch.inference_mode(False):
        visible = torch.ones(rows, columns, dtype=torch.bool, device=device).tril(columns - rows)
        bias = torch.zeros(rows, columns, dtype=dtype, device=device)
        return bias.masked_fill_(~visible, float("-inf"))
