"""Which position of a sequence belongs to which image, and which to text.

Masks, knockouts, profiles and pooling all read this one map; nothing else looks at token ids.

Letters: B rows of the batch, L positions. One row of a map, two images of three tokens, left padded
(`<i` and `i>` are tags, `x` image tokens, `u` and `q` text):

    position   0  1  2  3  4  5  6  7  8  9 10 11 12 13
    token      .  .  u <i  x  x  x i> <i  x  x  x i>  q
    kind       P  P  B  S  I  I  I  S  S  I  I  I  S  A
    image     -1 -1 -1  0  0  0  0  0  1  1  1  1  1 -1
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention.families import family_of, onevision_grid
from mimic_checks.attention.token_type import TokenType
from mimic_checks.errors import AttentionError


@dataclass(frozen=True)
class TokenMap:
    """What every position of a batch holds.

    `kind` [B, L]: a `TokenType`. `image` [B, L]: the image, from 0 in each row, that an image token
    or separator belongs to, else -1. `tile` [B, L]: the piece of its image within which tokens may
    be pooled, else -1. `answer` [B]: the last prompt position, whose row predicts the first
    generated token.
    """

    kind: Tensor
    image: Tensor
    tile: Tensor
    answer: Tensor

    @cached_property
    def images(self) -> list[int]:
        """How many images each row has."""
        # Cached: reading from a GPU waits for all that it has still to do.
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
        belongs = self.image[row] == image
        if not separators:
            belongs = belongs & (self.kind[row] == TokenType.IMAGE)
        return belongs.nonzero().flatten()

    def select(self, index: Tensor, filled: Tensor) -> TokenMap:
        """The map of a shorter sequence that takes positions `index` [B, M] of this one.

        Where `filled` [B, M] is false there is padding.
        """
        kind = torch.where(filled, self.kind.gather(1, index), int(TokenType.PADDING))
        image, tile = (
            torch.where(filled, part.gather(1, index), -1) for part in (self.image, self.tile)
        )
        # Left padded: the answer row is the last position of every row.
        return TokenMap(kind, image, tile, torch.full_like(self.answer, index.shape[1] - 1))


class TokenMapper:
    """Makes token maps for one model.

    A span is the runs of image tokens that one image has: [(start, end), ...]. Families differ in
    how spans are found (by tags, or by counting) and in where an image's tokens are no features
    (newlines); the rest is common to all.
    """

    def __init__(self, config: Any, tokenizer: Any) -> None:
        self.family, self.config, self.tokenizer = family_of(config), config, tokenizer
        self.image_token_id = int(config.image_token_id)
        self._words: dict[int, str] = {}

    def map(self, batch: Mapping[str, Any], images: Sequence[int] | None = None) -> TokenMap:
        """The map of a processed batch.

        `batch`: `input_ids` [B, L], and what the family counts its images by. `images`: how many
        images each row was made from, if known; a batch that shows others is refused.

        Raises:
            AttentionError: image tokens that do not match the images.
        """
        ids: Tensor = batch["input_ids"]
        mask = batch.get("attention_mask")
        # A 4-D mask does not say which positions are padding: such a batch is taken to have none.
        present = (
            torch.ones_like(ids) if mask is None or mask.ndim != 2 else mask[:, : ids.shape[1]]
        )
        counts = self.family.counts(self.config, batch) if self.family.counts else None
        sizes = (
            batch["image_sizes"].tolist()
            if self.family.newline and batch.get("image_sizes") is not None
            else []
        )
        # Counts and sizes are of all images of the batch in one list: `used` of them belong to the
        # rows before this one.
        rows, used = [], 0
        for number, (row, present_row) in enumerate(
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
            rows.append(self._row(row, present_row, spans, sizes[used : used + len(spans)]))
            used += len(spans)
        if counts is not None and used != len(counts):
            raise AttentionError(
                f"image tokens do not match the images: {used} images have tokens,"
                f" {len(counts)} were given; look at the chat template"
            )
        kind, image, tile = (
            torch.tensor(part, device=ids.device) for part in zip(*rows, strict=True)
        )
        # The last position that is not padding, wherever the row is padded.
        last = torch.arange(ids.shape[1], device=ids.device).mul(present.to(ids.device)).amax(1)
        return TokenMap(kind, image, tile, last)

    def _counted(
        self, runs: list[tuple[int, int]], counts: Sequence[int], row: int
    ) -> list[list[tuple[int, int]]]:
        """Spans of a family whose images stand side by side: each takes its number of tokens."""
        # Images may touch, so one run may hold several of them, and lengths of runs say nothing.
        positions = [position for start, end in runs for position in range(start, end)]
        spans, used, number = [], 0, 0
        while used < len(positions):
            if number >= len(counts) or used + counts[number] > len(positions):
                raise AttentionError(
                    f"image tokens do not match the images: row {row} has {len(positions)} image"
                    f" tokens, its images need {list(counts[: number + 1])};"
                    " look at the chat template and truncation"
                )
            image = positions[used : used + counts[number]]
            spans.append([(image[0], image[-1] + 1)])
            used, number = used + counts[number], number + 1
        return spans

    def _tagged(self, row: list[int], runs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """Spans of a family that writes tags: runs of one image are joined.

        A run goes on with the image before it if only `joint` tags stand between them, unless that
        image's `final` tag said that its last run had come: two images may stand side by side.
        """
        spans: list[list[tuple[int, int]]] = []
        complete = True
        for start, end in runs:
            gap = "".join(map(self._word, row[spans[-1][-1][1] : start])) if spans else ""
            if not complete and self.family.joint and re.fullmatch(self.family.joint, gap):
                spans[-1].append((start, end))
            else:
                spans.append([(start, end)])
            complete = start > 0 and self._is_tag(self.family.final, row[start - 1])
        return spans

    def _row(
        self,
        row: list[int],
        present: list[bool],
        spans: list[list[tuple[int, int]]],
        sizes: list[list[int]],
    ) -> tuple[list[int], list[int], list[int]]:
        """Kinds, images and tiles of one row."""
        kind = _text_kinds(present, spans)
        image, tile = [-1] * len(row), [-1] * len(row)
        for number, runs in enumerate(spans):
            # All between an image's outer tags is separator first; its tokens are filled in after.
            start, end = self._with_tags(row, runs, image)
            for position in range(start, end):
                kind[position], image[position] = int(TokenType.SEPARATOR), number
            for position, piece in self._tiles(runs, sizes[number] if sizes else None):
                kind[position], tile[position] = int(TokenType.IMAGE), piece
        return kind, image, tile

    def _with_tags(
        self, row: list[int], runs: list[tuple[int, int]], image: list[int]
    ) -> tuple[int, int]:
        """Start and end of an image with the tags around it."""
        start, end = runs[0][0], runs[-1][1]
        if end < len(row) and self._is_tag(self.family.closing, row[end]):
            end += 1
        # A token that closes the image before (one tag can do both) stays with that image.
        while start and image[start - 1] < 0 and self._is_tag(self.family.opening, row[start - 1]):
            start -= 1
        return start, end

    def _tiles(self, runs: list[tuple[int, int]], size: list[int] | None) -> list[tuple[int, int]]:
        """(position, tile) of every image token.

        Features that stand for a newline are left out: they are separators.
        """
        if self.family.newline:
            return _newline_tiles(self.config, runs[0], size)
        # Without a tile size every run is a tile: the family has put separators between them.
        per_tile = self.family.tile(self.config) if self.family.tile else 0
        tiles, first = [], 0
        for start, end in runs:
            for position in range(start, end):
                tiles.append(
                    (position, first + ((position - start) // per_tile if per_tile else 0))
                )
            first = tiles[-1][1] + 1
        return tiles

    def _is_tag(self, pattern: str, token: int) -> bool:
        return bool(pattern) and re.fullmatch(pattern, self._word(token)) is not None

    def _word(self, token: int) -> str:
        if token not in self._words:
            self._words[token] = str(self.tokenizer.decode([token]))
        return self._words[token]


def _text_kinds(present: list[bool], spans: list[list[tuple[int, int]]]) -> list[int]:
    """The kind of every position of a row, as if it were text or padding."""
    first, last = (spans[0][0][0], spans[-1][-1][1]) if spans else (len(present), 0)
    kinds = []
    for position, is_present in enumerate(present):
        if not is_present:
            kinds.append(int(TokenType.PADDING))
        elif position < first:
            kinds.append(int(TokenType.BEFORE))
        else:
            kinds.append(int(TokenType.AFTER if position >= last else TokenType.BETWEEN))
    return kinds


def _newline_tiles(
    config: Any, run: tuple[int, int], size: list[int] | None
) -> list[tuple[int, int]]:
    """LLaVA-OneVision: a base tile, then either one newline, or rows that end with one each."""
    start, end = run
    base = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    tiles = [(position, 0) for position in range(start, min(end, start + base))]
    # A rest of one is the lone newline of an image that was not cut into tiles.
    rest = end - start - base
    if rest > 1 and size is None:
        # Inside generate() the sizes are no longer known: newlines then count as image tokens.
        tiles += [(position, 1) for position in range(start + base, end)]
    elif rest > 1 and size is not None:
        rows, columns = onevision_grid(config, size)
        if rows * (columns + 1) != rest:
            raise AttentionError(
                f"image tokens do not match the images: image_sizes={size!r} gives {rows} rows"
                f" of {columns} and a newline, the batch has {rest} tokens"
            )
        tiles += [
            (start + base + r * (columns + 1) + c, 1 + r)
            for r in range(rows)
            for c in range(columns)
        ]
    return tiles


def _runs(row: list[int], token: int) -> list[tuple[int, int]]:
    """Stretches of `token` in a row: (start, end)."""
    runs: list[tuple[int, int]] = []
    for position, value in enumerate(row):
        if value != token:
            continue
        if runs and runs[-1][1] == position:
            runs[-1] = (runs[-1][0], position + 1)
        else:
            runs.append((position, position + 1))
    return runs
