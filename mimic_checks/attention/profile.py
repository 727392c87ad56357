"""How much attention goes where, layer by layer, measured while the model runs.

Sums of softmax(Q K^T) over groups of queries and keys are formed block by block: no matrix of L x L
ever exists, and the extra memory is bounded by `BLOCK_BYTES` times a small factor. Weights are
recomputed in float32 from the queries and keys that `edit_attention` hands over, so a kernel that
never shows its weights (sdpa, flex) can be profiled too.

Letters: H heads, G key heads, L positions, D width of a head, N images of the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from mimic_checks.attention.family_mask import FamilyMask, rule_function
from mimic_checks.attention.rules import Rule
from mimic_checks.attention.token_map import TokenMap
from mimic_checks.attention.token_type import TokenType

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
    where all were measured.
    """

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
        """Where image tokens look: shares to their own image, to other images, to text.

        [layers, 3], mean over heads and over the images that have another one before them; over the
        only image, if there is just one.
        """
        by_layer = self.by_layer()
        # Under a causal mask the first image sees no other one; it would only dilute the mean.
        later = range(1, self.images) if self.images > 1 else range(self.images)
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
    """An observer that fills one `Profile` per row of the batch.

    `queries`: how many queries of every group are sampled, with `seed` (None: all are measured).
    """

    queries: int | None = None
    seed: int = 0
    _sums: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    """Of (layer, row): attention mass from query group to key group, [H, N + 2, N + 1]."""
    _measured: dict[int, Tensor] = field(default_factory=dict)
    """Of a row: measured queries of every group, [N + 2]."""
    _present: dict[int, Tensor] = field(default_factory=dict)
    """Of a row: queries of every group that there are, [N + 2]."""
    _answers: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    """Of (layer, row): the answer row's attention to every position, [L]."""

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
        # A decode step brings positions that the map of its prefill does not have.
        grown = token_map.extended(max(mask.queries.stop, mask.keys.stop)).to(query.device)
        allowed = rule_function(rules, grown) if rules else None
        for row, images in enumerate(token_map.images):
            positions = torch.arange(mask.queries.start, mask.queries.stop, device=query.device)
            query_groups = _query_groups(grown, row, images)[positions]  # [Q, N + 2]
            key_groups = _key_groups(grown, row, images)[mask.keys.start : mask.keys.stop]
            chosen = self._choose(query_groups, row)
            # Every layer has the same queries: counted once.
            if layer == 0:
                self._count(row, query_groups, chosen)
            weights_of = _Weights(query[row], key[row], mask, allowed, row, scaling, softcap)
            self._add(
                layer,
                row,
                query_groups,
                key_groups,
                chosen,
                positions,
                weights_of,
                int(token_map.answer[row]),
            )

    def profiles(self) -> list[Profile]:
        """One profile per row of the batch."""
        depth = 1 + max(layer for layer, _ in self._sums)
        profiles = []
        for row, measured in sorted(self._measured.items()):
            sums = torch.stack([self._sums[layer, row] for layer in range(depth)])
            answers = torch.stack([self._answers[layer, row] for layer in range(depth)])
            # A share lies in [0, 1]: by Hoeffding's inequality, the mean of m sampled ones is
            # within sqrt(ln(2 / 0.05) / 2 m) of the mean of all with probability 0.95.
            half_widths = [
                math.sqrt(math.log(2 / 0.05) / (2 * max(1, int(m)))) if m < n else 0.0
                for m, n in zip(measured, self._present[row], strict=True)
            ]
            profiles.append(Profile(sums / measured[:, None], answers, tuple(half_widths)))
        return profiles

    def _choose(self, groups: Tensor, row: int) -> Tensor:
        """Indices of the queries to measure: all that are in a group, or a sample of each group.

        `groups` [Q, N + 2]. The sample depends on seed and row alone: every layer measures the
        same queries, so one count serves all of them.
        """
        if self.queries is None:
            return groups.any(1).nonzero().flatten()
        # On the CPU, so that every device samples alike; the prime keeps (seed, row) pairs apart.
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + row)
        parts = []
        for column in groups.T:
            members = column.nonzero().flatten()
            order = torch.randperm(len(members), generator=generator)
            parts.append(members[order[: self.queries].to(members.device)])
        return torch.cat(parts).sort().values

    def _count(self, row: int, groups: Tensor, chosen: Tensor) -> None:
        none = torch.zeros(groups.shape[1])
        measured, present = groups[chosen].sum(0).float().cpu(), groups.sum(0).float().cpu()
        self._measured[row] = self._measured.get(row, none) + measured
        self._present[row] = self._present.get(row, none) + present

    def _add(
        self,
        layer: int,
        row: int,
        query_groups: Tensor,
        key_groups: Tensor,
        chosen: Tensor,
        positions: Tensor,
        weights_of: _Weights,
        answer: int,
    ) -> None:
        """Adds one layer of one row, in blocks of queries that fit `BLOCK_BYTES`."""
        heads = weights_of.query.shape[0]
        # Scores are float32: four bytes each.
        step = max(1, BLOCK_BYTES // (4 * heads * len(key_groups)))
        # Kept on the CPU: layers may lie on several devices, and are stacked in the end.
        total = self._sums.get((layer, row))
        if total is None:
            total = torch.zeros(heads, query_groups.shape[1], key_groups.shape[1])
        for block in torch.split(chosen, step):
            # [H, q, K]; K ends with the last key that any query of the block sees
            weights = weights_of(block, positions[block])
            to_groups = weights @ key_groups[: weights.shape[-1]].float()  # [H, q, N + 1]
            total += torch.einsum("hqk,qg->hgk", to_groups, query_groups[block].float()).cpu()
            answer_row = (positions[block] == answer).nonzero().flatten()
            if len(answer_row):
                attention = torch.zeros(len(key_groups))
                attention[: weights.shape[-1]] = weights[:, answer_row[0]].mean(0).cpu()
                self._answers[layer, row] = attention
        self._sums[layer, row] = total


@dataclass
class _Weights:
    """Attention weights of some queries of one row.

    A softmax over the keys that the family's mask and the rules allow.
    """

    query: Tensor
    key: Tensor
    mask: FamilyMask
    allowed: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] | None
    row: int
    scaling: float
    softcap: float | None

    def __call__(self, block: Tensor, positions: Tensor) -> Tensor:
        """Weights [H, q, K] of the queries with indices `block`, which stand at `positions`."""
        heads, groups = self.query.shape[0], self.key.shape[0]
        # Under a plainly causal mask, no key after the block's last query is seen: none is scored.
        end = int(positions.max()) + 1 if self.mask.plainly_causal else self.mask.keys.stop
        columns = torch.arange(self.mask.keys.start, end, device=block.device)
        # [G, H / G * q, D]: the heads that share a key head stand side by side as more queries of
        # it, so that keys need not be repeated for each head.
        queries = self.query[:, block].float().reshape(groups, -1, self.query.shape[-1])
        keys = self.key[:, : len(columns)].float().transpose(1, 2)
        scores = torch.bmm(queries, keys).mul_(self.scaling).view(heads, len(block), len(columns))
        if self.softcap is not None:
            scores = torch.tanh(scores / self.softcap) * self.softcap
        visible = self.mask.corner(self.row, positions, columns)
        if self.allowed is not None:
            batch = torch.tensor(self.row, device=block.device)
            # Rules hold for all heads alike.
            head = batch * 0
            visible = visible & self.allowed(batch, head, positions[:, None], columns[None, :])
        scores.masked_fill_(~visible, float("-inf"))
        return torch.softmax(scores, -1)


def _query_groups(token_map: TokenMap, row: int, images: int) -> Tensor:
    """Which positions are queries of which group: [L, N + 2].

    The tokens of each image, the question, the answer row with everything generated.
    """
    kind, image = token_map.kind[row], token_map.image[row]
    positions = torch.arange(len(kind), device=kind.device)
    answering = (positions >= token_map.answer[row]) & (kind != TokenType.PADDING) & (image < 0)
    question = ((kind == TokenType.BETWEEN) | (kind == TokenType.AFTER)) & ~answering
    image_tokens = [(image == i) & (kind == TokenType.IMAGE) for i in range(images)]
    return torch.stack([*image_tokens, question, answering], 1)


def _key_groups(token_map: TokenMap, row: int, images: int) -> Tensor:
    """Which positions are keys of which group: [L, N + 1]; images with separators, and text."""
    image = token_map.image[row]
    return torch.stack([*(image == i for i in range(images)), image < 0], 1)
