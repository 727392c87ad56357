"""How much attention goes where, layer by layer, measured while the model runs.

Data in: queries and keys of every layer (`edit_attention` hands them over). Data out: a `Profile`
per row of the batch. Segment sums of softmax(Q K^T) are formed block by block; no matrix of L x L
ever exists, and the extra memory is bounded by `BLOCK_BYTES` times a small factor.

Letters: H heads, G key heads, L positions, D width of a head, N images of the row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mimic_checks.attention.family_mask import FamilyMask, rule_function
from mimic_checks.attention.rules import Rule
from mimic_checks.attention.token_map import TokenMap, TokenType

BLOCK_BYTES = 4 * 2**20
"""Scores of one block, at most (a block has at least one query)."""


@dataclass
class Profile:
    """Attention of one row of a batch.

    `shares` [layers, H, N + 2, N + 1]: mean share of attention mass, from the tokens of image
    0..N-1, from the question (prompt text that comes after an image, up to the answer row) and from
    the answer row with all generated tokens; to image 0..N-1 (separators included) and to text.
    Every measured row of it sums to 1; a group without tokens is NaN. `answer` [layers, L]: the
    answer row's attention to every position, mean over heads. `error`: with sampled queries, the
    half-width of a 95 % interval for any one share by Hoeffding's inequality, per query group; 0
    where all were measured."""

    shares: Tensor
    answer: Tensor
    error: tuple[float, ...]

    @property
    def images(self) -> int:
        """N."""
        return self.shares.shape[2] - 2

    def by_layer(self) -> Tensor:
        """Shares, mean over heads: [layers, N + 2, N + 1]."""
        return self.shares.mean(1)

    def image_shares(self) -> Tensor:
        """Where image tokens look: shares to their own image, to other images, to text, mean over
        heads and over the images that have another one before them (the only one, if there is one):
        [layers, 3]."""
        by_layer, later = (
            self.by_layer(),
            (range(1, self.images) if self.images > 1 else range(self.images)),
        )
        own = torch.stack([by_layer[:, i, i] for i in later]).mean(0)
        text = torch.stack([by_layer[:, i, -1] for i in later]).mean(0)
        others = torch.stack(
            [by_layer[:, i, : self.images].sum(1) - by_layer[:, i, i] for i in later]
        ).mean(0)
        return torch.stack([own, others, text], 1)

    def across(self) -> Tensor:
        """Share of image tokens' attention that goes to other images: [layers]."""
        return self.image_shares()[:, 1]


@dataclass
class Profiler:
    """An observer that fills one `Profile` per row. `queries` samples so many queries of every
    group (None: all), with `seed`."""

    queries: int | None = None
    seed: int = 0
    _sums: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    _seen: dict[int, Tensor] = field(default_factory=dict)
    _all: dict[int, Tensor] = field(default_factory=dict)
    _answers: dict[tuple[int, int], Tensor] = field(default_factory=dict)

    @torch.no_grad()
    def observe(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        mask: FamilyMask,
        rules: Sequence[Rule],
        token_map: TokenMap,
        scaling: float,
        softcap: float | None,
    ) -> None:
        """Adds one layer of one forward call."""
        grown = token_map.extended(max(mask.queries.stop, mask.keys.stop)).to(query.device)
        allowed = rule_function(rules, grown) if rules else None
        for row, images in enumerate(token_map.images):
            groups = _query_groups(grown, row, images)
            keys = _key_groups(grown, row, images)[mask.keys.start : mask.keys.stop]
            places = torch.arange(mask.queries.start, mask.queries.stop, device=query.device)
            own = groups[places]  # [Q, N + 2]
            chosen = self._choose(own, row)
            if layer == 0:
                self._count(row, own, chosen)
            attend = _Attend(query[row], key[row], mask, allowed, row, scaling, softcap)
            self._add(layer, row, own, chosen, keys, places, attend, int(token_map.answer[row]))

    def profiles(self) -> list[Profile]:
        """One profile per row of the batch."""
        rows = sorted(self._seen)
        depth = 1 + max(layer for layer, _ in self._sums)
        found = []
        for row in rows:
            seen = self._seen[row]
            sums = torch.stack([self._sums[layer, row] for layer in range(depth)])
            half = [
                math.sqrt(math.log(2 / 0.05) / (2 * max(1, int(m)))) if m < n else 0.0
                for m, n in zip(seen, self._all[row], strict=True)
            ]
            found.append(
                Profile(
                    sums / seen[:, None],
                    torch.stack([self._answers[layer, row] for layer in range(depth)]),
                    tuple(half),
                )
            )
        return found

    def _choose(self, own: Tensor, row: int) -> Tensor:
        """Indices of the queries to measure: all that are in a group, or a sample of every
        group."""
        if self.queries is None:
            return own.any(1).nonzero().flatten()
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + row)
        parts = []
        for column in own.T:
            there = column.nonzero().flatten()
            parts.append(
                there[
                    torch.randperm(len(there), generator=generator)[: self.queries].to(there.device)
                ]
            )
        return torch.cat(parts).sort().values

    def _count(self, row: int, own: Tensor, chosen: Tensor) -> None:
        nothing = torch.zeros(own.shape[1])
        self._seen[row] = self._seen.get(row, nothing) + own[chosen].sum(0).float().cpu()
        self._all[row] = self._all.get(row, nothing) + own.sum(0).float().cpu()

    def _add(
        self,
        layer: int,
        row: int,
        own: Tensor,
        chosen: Tensor,
        keys: Tensor,
        places: Tensor,
        attend: _Attend,
        answer: int,
    ) -> None:
        heads = attend.query.shape[0]
        step = max(1, BLOCK_BYTES // (4 * heads * len(keys)))
        total = self._sums.get((layer, row))
        if total is None:
            total = torch.zeros(heads, own.shape[1], keys.shape[1])
        for block in torch.split(chosen, step):
            weights = attend(
                block, places[block]
            )  # [H, q, K], K up to the last key that any of them sees
            to_groups = weights @ keys[: weights.shape[-1]].float()  # [H, q, N + 1]
            total += torch.einsum("hqk,qg->hgk", to_groups, own[block].float()).cpu()
            here = (places[block] == answer).nonzero().flatten()
            if len(here):
                row_of = torch.zeros(len(keys))
                row_of[: weights.shape[-1]] = weights[:, here[0]].mean(0).cpu()
                self._answers[layer, row] = row_of
        self._sums[layer, row] = total


@dataclass
class _Attend:
    """Attention weights of some queries of one row: softmax over the keys that family and rules
    allow."""

    query: Tensor
    key: Tensor
    mask: FamilyMask
    allowed: object
    row: int
    scaling: float
    softcap: float | None

    def __call__(self, block: Tensor, places: Tensor) -> Tensor:
        heads, groups = self.query.shape[0], self.key.shape[0]
        end = int(places.max()) + 1 if self.mask.plainly_causal else self.mask.keys.stop
        columns = torch.arange(self.mask.keys.start, end, device=block.device)
        queries = (
            self.query[:, block].float().reshape(groups, -1, self.query.shape[-1])
        )  # [G, H / G * q, D]: keys are not copied
        keys = self.key[:, : len(columns)].float().transpose(1, 2)
        scores = torch.bmm(queries, keys).mul_(self.scaling).view(heads, len(block), len(columns))
        if self.softcap is not None:
            scores = torch.tanh(scores / self.softcap) * self.softcap
        seen = self.mask.corner(self.row, places, columns)
        if self.allowed is not None:
            batch = torch.tensor(self.row, device=block.device)
            seen = seen & self.allowed(batch, batch * 0, places[:, None], columns[None, :])  # type: ignore[operator]
        scores.masked_fill_(~seen, float("-inf"))
        return torch.softmax(scores, -1)


def _query_groups(token_map: TokenMap, row: int, images: int) -> Tensor:
    """[L, N + 2] booleans: image tokens by image, the question, the answer row with everything
    generated."""
    kind, image = token_map.kind[row], token_map.image[row]
    place = torch.arange(len(kind), device=kind.device)
    answering = (place >= token_map.answer[row]) & (kind != TokenType.PADDING) & (image < 0)
    asking = ((kind == TokenType.BETWEEN) | (kind == TokenType.AFTER)) & ~answering
    return torch.stack(
        [*((image == i) & (kind == TokenType.IMAGE) for i in range(images)), asking, answering], 1
    )


def _key_groups(token_map: TokenMap, row: int, images: int) -> Tensor:
    """[L, N + 1] booleans: images with their separators, and text."""
    image = token_map.image[row]
    return torch.stack([*(image == i for i in range(images)), image < 0], 1)
