"""Image-local attention computed image by image, so that what the mask removes is never computed.

Data in: queries, keys, values of one layer and a token map. Data out: the attention output, as a
dense mask would give it on every row that is not padding. Forward and backward; memory linear in
the length: no mask of L x L exists.

Rows of an image attend inside its block; text rows attend to everything before them. With M images
of T tokens the arithmetic falls from (M T)^2 / 2 to M T^2 / 2 plus the text rows.

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

from mimic_checks.attention.token_map import TokenMap, TokenType

_CPU_ROWS, _CPU_LONG = 128, 2048
Visibility = Callable[[int, Tensor, Tensor], Tensor]
"""What the family itself lets a row of the batch see: (row, queries [Q], keys [K]) -> booleans [Q,
K]."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a row is cut: lengths of its pieces in order; per piece, "image", "text" or "padding"."""

    lengths: tuple[int, ...]
    kinds: tuple[str, ...]


def layouts(token_map: TokenMap, cut: Callable[[int], bool] = bool) -> list[Layout]:
    """The layout of every row. Two images that touch are two pieces; a row whose number of images
    is not to be `cut` is text."""
    kinds, images = token_map.kind.tolist(), token_map.image.tolist()
    found = []
    for kind, image, number in zip(kinds, images, token_map.images, strict=True):
        whole = not cut(number)
        labels = [
            (
                ("padding", -1)
                if k == TokenType.PADDING
                else ("text", -1)
                if whole or i < 0
                else ("image", i)
            )
            for k, i in zip(kind, image, strict=True)
        ]
        starts = [0] + [p for p in range(1, len(labels)) if labels[p] != labels[p - 1]]
        ends = [*starts[1:], len(labels)]
        found.append(
            Layout(
                tuple(e - s for s, e in zip(starts, ends, strict=True)),
                tuple(labels[s][0] for s in starts),
            )
        )
    return found


def segmented_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cut: list[Layout],
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    visibility: Visibility | None = None,
) -> Tensor:
    """Image-local causal attention: query [B, H, L, D], key and value [B, G, L, D] to [B, H, L, D].

    `cut`: `layouts(token_map)`. `visibility`: the family's own mask where it is not plainly causal
    (sliding windows, images that see themselves in both directions); it is cut down, never widened.
    Rows of padding come out as zeros."""
    groups: dict[Layout, list[int]] = defaultdict(list)
    for row, layout in enumerate(cut):
        groups[layout].append(row)
    if len(groups) == 1 and visibility is None:
        return _same_layout(query, key, value, cut[0], scaling, dropout, None)
    parts: list[Tensor] = []
    order: list[int] = []
    for layout, rows in groups.items():
        for chosen in [[row] for row in rows] if visibility else [rows]:
            picked = torch.tensor(chosen, device=query.device)
            own = (lambda q, k, row=chosen[0]: visibility(row, q, k)) if visibility else None
            parts.append(
                _same_layout(
                    query[picked], key[picked], value[picked], layout, scaling, dropout, own
                )
            )
            order += chosen
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
    shared = query.shape[1] // key.shape[1]
    if shared > 1:
        key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
    cuts = [
        torch.split(part, list(layout.lengths), 2) for part in (query, key, value)
    ]  # one backward for all pieces, not one each
    skipped = layout.lengths[0] if layout.kinds[0] == "padding" else 0
    out: list[Tensor] = []
    end = 0
    for number, kind in enumerate(layout.kinds):
        start, end = end, end + layout.lengths[number]
        rows = cuts[0][number]
        if kind == "padding":
            out.append(torch.zeros_like(rows))
            continue
        first = start if kind == "image" else skipped
        keys, values = (
            (cuts[1][number], cuts[2][number])
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
    1.6 times the arithmetic that causality needs."""
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


@lru_cache(maxsize=16)
def _lower_right(rows: int, columns: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The additive causal mask of the last `rows` of `columns` positions; a normal tensor also when
    made during inference, because training may find it in the cache."""
    with torch.inference_mode(False):
        seen = torch.ones(rows, columns, dtype=torch.bool, device=device).tril(columns - rows)
        return torch.zeros(rows, columns, dtype=dtype, device=device).masked_fill_(
            ~seen, float("-inf")
        )
