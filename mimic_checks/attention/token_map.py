"""Which position of a sequence belongs to which image, and which to text.

Data in: a processed batch, the model's config and its tokenizer. Data out: a `TokenMap`. Masks,
knockouts, profiles and pooling all read this one map; nobody else looks at token ids.

Letters: B rows of the batch, L positions. One row of a map, drawn (two images of three tokens, left
padded):

    position   0  1  2  3  4  5  6  7  8  9 10 11 12 13
    token      .  .  u <i  x  x  x i> <i  x  x  x i>  q
    kind       P  P  B  S  I  I  I  S  S  I  I  I  S  A
    image     -1 -1 -1  0  0  0  0  0  1  1  1  1  1 -1
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention.families import family_of, onevision_grid
from mimic_checks.errors import AttentionError


class TokenType(IntEnum):
    """What a position holds."""

    PADDING = 0
    BEFORE = 1
    IMAGE = 2
    SEPARATOR = 3
    BETWEEN = 4
    AFTER = 5
    GENERATED = 6


@dataclass(frozen=True)
class TokenMap:
    """`kind` [B, L]: a `TokenType` per position; `image` [B, L]: the image, from 0 in each row, that an
    image token or separator belongs to, else -1; `tile` [B, L]: the piece of its image within which
    tokens may be pooled, else -1; `answer` [B]: the last prompt position, whose row predicts the
    first generated token."""

    kind: Tensor
    image: Tensor
    tile: Tensor
    answer: Tensor

    @cached_property
    def images(self) -> list[int]:
        """Images per row; read from the device once."""
        return [int(last) + 1 for last in self.image.amax(1).tolist()]

    @property
    def length(self) -> int:
        """Positions."""
        return self.kind.shape[1]

    def to(self, device: torch.device | str) -> TokenMap:
        """The map on a device."""
        if self.kind.device == torch.device(device):
            return self
        return TokenMap(
            *(part.to(device) for part in (self.kind, self.image, self.tile, self.answer))
        )

    def extended(self, length: int) -> TokenMap:
        """The map of a sequence that has grown to `length`: what is new was generated."""
        more = length - self.length
        if more <= 0:
            return self
        pad = torch.nn.functional.pad
        return TokenMap(
            pad(self.kind, (0, more), value=int(TokenType.GENERATED)),
            pad(self.image, (0, more), value=-1),
            pad(self.tile, (0, more), value=-1),
            self.answer,
        )

    def positions(self, row: int, image: int, *, separators: bool = False) -> Tensor:
        """Positions of the tokens of an image in a row; with its separators if wanted."""
        own = self.image[row] == image
        return (
            (own if separators else own & (self.kind[row] == TokenType.IMAGE)).nonzero().flatten()
        )

    def select(self, index: Tensor, kept: Tensor) -> TokenMap:
        """The map of a shorter sequence whose positions are `index` [B, M]; where `kept` [B, M] is
        false, padding."""
        kind = torch.where(kept, self.kind.gather(1, index), int(TokenType.PADDING))
        image, tile = (
            torch.where(kept, part.gather(1, index), -1) for part in (self.image, self.tile)
        )
        return TokenMap(kind, image, tile, torch.full_like(self.answer, index.shape[1] - 1))


class TokenMapper:
    """Makes token maps for one model: its family's row, and the ids of its tags."""

    def __init__(self, config: Any, tokenizer: Any) -> None:
        self.family, self.config, self.tokenizer = family_of(config), config, tokenizer
        self.image_token_id = int(config.image_token_id)
        self._words: dict[int, str] = {}

    def map(self, batch: Mapping[str, Any], images: Sequence[int] | None = None) -> TokenMap:
        """The map of a processed batch (`input_ids` [B, L], and what the family counts its images
        by).

        `images`: how many images each row was made from, if known; compared with what is found.

        Raises:
            AttentionError: image tokens that do not match the images.
        """
        ids: Tensor = batch["input_ids"]
        mask = batch.get("attention_mask")
        present = (
            torch.ones_like(ids) if mask is None or mask.ndim != 2 else mask[:, : ids.shape[1]]
        )
        counts = self.family.counts(self.config, batch) if self.family.counts else None
        sizes = (
            batch["image_sizes"].tolist()
            if self.family.newline and batch.get("image_sizes") is not None
            else []
        )
        rows, used = [], 0
        for number, (row, there) in enumerate(
            zip(ids.tolist(), present.bool().tolist(), strict=True)
        ):
            runs = _runs(row, self.image_token_id)
            spans = (
                self._counted(runs, counts[used:], number)
                if counts is not None
                else self._tagged(row, runs)
            )
            if images is not None and len(spans) != images[number]:
                raise AttentionError(
                    f"row {number} of the batch has image tokens of {len(spans)} images and"
                    f" images={images[number]!r}; give the batch as the processor made it"
                )
            rows.append(self._row(row, there, spans, sizes[used : used + len(spans)]))
            used += len(spans)
        if counts is not None and used != len(counts):
            raise AttentionError(
                f"image tokens do not match the images: {used} images have tokens, {len(counts)}"
                " were given; look at the chat template"
            )
        kind, image, tile = (
            torch.tensor(part, device=ids.device) for part in zip(*rows, strict=True)
        )
        last = torch.arange(ids.shape[1], device=ids.device).mul(present.to(ids.device)).amax(1)
        return TokenMap(kind, image, tile, last)

    def _counted(
        self, runs: list[tuple[int, int]], counts: Sequence[int], row: int
    ) -> list[list[tuple[int, int]]]:
        """Spans of a family whose images stand side by side: each takes its number of tokens."""
        places = [place for start, end in runs for place in range(start, end)]
        spans, at, number = [], 0, 0
        while at < len(places):
            if number >= len(counts) or at + counts[number] > len(places):
                raise AttentionError(
                    f"image tokens do not match the images: row {row} has {len(places)} image"
                    f" tokens, its images need {list(counts[: number + 1])}; look at the chat"
                    " template and truncation"
                )
            own = places[at : at + counts[number]]
            spans.append([(own[0], own[-1] + 1)])
            at, number = at + counts[number], number + 1
        return spans

    def _tagged(self, row: list[int], runs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """Spans of a family that writes tags: runs of one image are joined."""
        spans: list[list[tuple[int, int]]] = []
        closed = True
        for start, end in runs:
            gap = (
                "".join(self._word(token) for token in row[spans[-1][-1][1] : start])
                if spans
                else ""
            )
            if spans and not closed and self.family.joint and re.fullmatch(self.family.joint, gap):
                spans[-1].append((start, end))
            else:
                spans.append([(start, end)])
            closed = (
                bool(self.family.final)
                and start > 0
                and bool(re.fullmatch(self.family.final, self._word(row[start - 1])))
            )
        return spans

    def _row(
        self,
        row: list[int],
        there: list[bool],
        spans: list[list[tuple[int, int]]],
        sizes: list[list[int]],
    ) -> tuple[list[int], list[int], list[int]]:
        """Kinds, images and tiles of one row."""
        first, last = (spans[0][0][0], spans[-1][-1][1]) if spans else (len(row), 0)
        kind = [
            (
                int(TokenType.PADDING)
                if not here
                else int(
                    TokenType.BEFORE
                    if place < first
                    else TokenType.AFTER
                    if place >= last
                    else TokenType.BETWEEN
                )
            )
            for place, here in enumerate(there)
        ]
        image, tile = [-1] * len(row), [-1] * len(row)
        for number, runs in enumerate(spans):
            start, end = self._with_tags(row, runs, image)
            for place in range(start, end):
                kind[place], image[place] = int(TokenType.SEPARATOR), number
            for place, piece in self._tiles(runs, sizes[number] if sizes else None):
                kind[place], tile[place] = int(TokenType.IMAGE), piece
        return kind, image, tile

    def _with_tags(
        self, row: list[int], runs: list[tuple[int, int]], taken: list[int]
    ) -> tuple[int, int]:
        start, end = runs[0][0], runs[-1][1]
        if (
            self.family.closing
            and end < len(row)
            and re.fullmatch(self.family.closing, self._word(row[end]))
        ):
            end += 1
        while (
            self.family.opening
            and start
            and taken[start - 1] < 0
            and re.fullmatch(self.family.opening, self._word(row[start - 1]))
        ):
            start -= 1
        return start, end

    def _tiles(self, runs: list[tuple[int, int]], size: list[int] | None) -> list[tuple[int, int]]:
        """(position, tile) of every image token; newline features are left out: they are
        separators."""
        if self.family.newline:
            return _newline_tiles(self.config, runs[0], size)
        per_tile = self.family.tile(self.config) if self.family.tile else 0
        found, piece = [], 0
        for start, end in runs:
            for place in range(start, end):
                found.append((place, piece + ((place - start) // per_tile if per_tile else 0)))
            piece = found[-1][1] + 1
        return found

    def _word(self, token: int) -> str:
        if token not in self._words:
            self._words[token] = str(self.tokenizer.decode([token]))
        return self._words[token]


def _newline_tiles(
    config: Any, run: tuple[int, int], size: list[int] | None
) -> list[tuple[int, int]]:
    """LLaVA-OneVision: a base tile, then either one newline, or rows that end with one each."""
    start, end = run
    base = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    found = [(place, 0) for place in range(start, min(end, start + base))]
    rest = end - start - base
    if (
        rest > 1 and size is None
    ):  # inside generate(), sizes are gone: its newlines then count as image tokens
        found += [(place, 1) for place in range(start + base, end)]
    elif rest > 1 and size is not None:
        rows, columns = onevision_grid(config, size)
        if rows * (columns + 1) != rest:
            raise AttentionError(
                f"image tokens do not match the images: image_sizes={size!r} gives {rows} rows of"
                f" {columns} and a newline, the batch has {rest} tokens"
            )
        found += [
            (start + base + r * (columns + 1) + c, 1 + r)
            for r in range(rows)
            for c in range(columns)
        ]
    return found


def _runs(row: list[int], token: int) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place, value in enumerate(row):
        if value != token:
            continue
        if runs and runs[-1][1] == place:
            runs[-1] = (runs[-1][0], place + 1)
        else:
            runs.append((place, place + 1))
    return runs
