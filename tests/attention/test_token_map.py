"""The token map of sequences written by hand, for every way in which families write images.

A sequence is put together from pieces whose kinds, images and tiles are known as they are written,
so the map is compared with the truth and not with another reading of the same token ids. What the
real processors write is compared in tests/families.
"""

from __future__ import annotations

import types
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimic_checks.attention import TokenMapper, TokenType

PAD, TOKEN = "<pad>", "<x>"
TEXT = ("how", "many", "\n")
TAGS = (
    "<|vision_start|>",
    "<|vision_end|>",
    "<img>",
    "</img>",
    "<start_of_image>",
    "<end_of_image>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "<fake_token_around_image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2, 3)),
)
WORDS = (PAD, TOKEN, *TEXT, *TAGS)
IMAGE, SEPARATOR = int(TokenType.IMAGE), int(TokenType.SEPARATOR)


@dataclass(frozen=True)
class Written:
    """A row as it was written: words, and of each its kind, image and tile."""

    words: list[str]
    kinds: list[int]
    images: list[int]
    tiles: list[int]
    count: int


def tags(opening, tiles, closing):
    """An image between tags: `tiles` are the numbers of image tokens, side by side."""
    tokens = [(TOKEN, tile) for tile, length in enumerate(tiles) for _ in range(length)]
    return [(opening, None), *tokens, (closing, None)]


def rows_of_tokens(rows, columns, inner, last):
    """An image whose rows end with a tag each; the last row's is another one."""
    pieces = []
    for row in range(rows):
        pieces += [(TOKEN, row)] * columns
        pieces.append((last if row == rows - 1 else inner, None))
    return pieces


def split_in_pieces(rows, columns):
    """An image cut into pieces with a tag before each, line breaks, and the whole of it last."""
    fake = ("<fake_token_around_image>", None)
    pieces, tile = [], 0
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            pieces += [fake, (f"<row_{row}_col_{column}>", None), *[(TOKEN, tile)] * 2]
            tile += 1
        pieces.append(("\n", None))
    if rows:
        pieces.append(("\n", None))
    return [*pieces, fake, ("<global-img>", None), *[(TOKEN, tile)] * 2, fake]


few = st.integers(1, 3)
IMAGES = {
    "llava": st.just([(TOKEN, 0)] * 4),
    "llava_onevision": st.just([*[(TOKEN, 0)] * 4, (TOKEN, None)]),
    "qwen2_vl": st.builds(
        lambda n: tags("<|vision_start|>", [n], "<|vision_end|>"), st.integers(1, 5)
    ),
    "internvl": st.builds(lambda n: tags("<img>", [4] * n, "</img>"), few),
    "gemma3": st.just(tags("<start_of_image>", [4], "<end_of_image>")),
    "mistral3": st.builds(rows_of_tokens, few, few, st.just("[IMG_BREAK]"), st.just("[IMG_END]")),
    "idefics3": st.one_of(
        st.just(split_in_pieces(0, 0)), st.builds(split_in_pieces, st.integers(1, 2), few)
    ),
}
CONFIG = {
    "image_token_id": WORDS.index(TOKEN),
    "image_seq_length": 4,
    "vision_feature_select_strategy": "full",
    "vision_config": types.SimpleNamespace(
        image_size=16, patch_size=8, model_type="siglip_vision_model"
    ),
}


def written(pieces):
    """A row from words of text and images (lists of (word, tile); None: a separator)."""
    words, kinds, images, tiles, number = [], [], [], [], 0
    count = sum(isinstance(piece, list) for piece in pieces)
    text = [TokenType.BEFORE, *[TokenType.BETWEEN] * (count - 1), *[TokenType.AFTER] * bool(count)]
    for piece in pieces:
        if isinstance(piece, str):
            words.append(piece)
            kinds.append(int(text[number]))
            images.append(-1)
            tiles.append(-1)
            continue
        for word, tile in piece:
            words.append(word)
            kinds.append(SEPARATOR if tile is None else IMAGE)
            images.append(number)
            tiles.append(-1 if tile is None else tile)
        number += 1
    return Written(words, kinds, images, tiles, count)


def rows_of(family):
    """Batches of rows; images stand side by side or between text, or there are none."""
    # LLaVA-OneVision cuts the picture of a row of one into tiles: that needs its real config.
    shown = st.sampled_from([0, 2, 3]) if family == "llava_onevision" else st.integers(0, 3)

    @st.composite
    def row(draw):
        number = draw(shown)
        pieces = [*draw(st.lists(IMAGES[family], min_size=number, max_size=number))]
        for word in draw(st.lists(st.sampled_from(TEXT), min_size=1, max_size=6)):
            pieces.insert(draw(st.integers(0, len(pieces))), word)
        return written(pieces)

    return st.lists(row(), min_size=1, max_size=3)


def batch_of(rows, left):
    """The rows as a processor gives them, padded on one side; and how much each is padded."""
    length = max(len(row.words) for row in rows)
    padding = [length - len(row.words) for row in rows]
    ids, mask = [], []
    for row, pad in zip(rows, padding, strict=True):
        own = [WORDS.index(word) for word in row.words]
        ids.append([0] * pad + own if left else own + [0] * pad)
        mask.append([0] * pad + [1] * len(own) if left else [1] * len(own) + [0] * pad)
    counts = [row.count for row in rows]
    batch = {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(mask),
        "pixel_values": torch.zeros(sum(counts), 1),
        "image_sizes": torch.full((sum(counts), 2), 16),
        "batch_num_images": torch.tensor(counts),
    }
    return batch, padding


def mapper_of(family):
    config = types.SimpleNamespace(model_type=family, **CONFIG)
    return TokenMapper(config, types.SimpleNamespace(decode=lambda ids: WORDS[ids[0]]))


@pytest.mark.parametrize("family", IMAGES)
@given(st.data())
def test_a_map_says_what_was_written(family, data):
    rows, left = data.draw(rows_of(family)), data.draw(st.booleans())
    batch, padding = batch_of(rows, left)
    found = mapper_of(family).map(batch, [row.count for row in rows])
    assert found.images == [row.count for row in rows]
    for number, (row, pad) in enumerate(zip(rows, padding, strict=True)):
        start = pad if left else 0
        own = slice(start, start + len(row.words))
        assert found.kind[number, own].tolist() == row.kinds
        assert found.image[number, own].tolist() == row.images
        assert found.tile[number, own].tolist() == row.tiles
        assert found.answer[number] == own.stop - 1, "the row that predicts the first new token"
        outside = torch.ones(found.length, dtype=torch.bool)
        outside[own] = False
        assert (found.kind[number, outside] == TokenType.PADDING).all()
        assert (found.image[number, outside] == -1).all()


def test_a_tag_that_closes_one_image_and_opens_the_next_belongs_to_the_first():
    fake, whole = ("<fake_token_around_image>", None), ("<global-img>", None)
    first, second = [fake, whole, (TOKEN, 0), fake], [whole, (TOKEN, 0), fake]
    batch, _ = batch_of([written([first, second, "how"])], left=True)
    assert mapper_of("idefics3").map(batch).image[0].tolist() == [0, 0, 0, 0, 1, 1, 1, -1]


def test_a_tag_that_stands_alone_is_text():
    """A user may write a family's tags into a question."""
    image = tags("<img>", [4], "</img>")
    row = written(["</img>", "<img>", "how", image, image, "<img>", "how", "</img>"])
    batch, _ = batch_of([row], left=True)
    found = mapper_of("internvl").map(batch)
    assert found.image[0].tolist() == row.images
    assert found.kind[0].tolist() == row.kinds
