"""Training batches: conversations with their pictures, and labels on the answers alone.

Labels are IGNORE everywhere but on answers and the token that ends them. A batch carries its token
map, which goes with the forward call to the masked layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention import TokenMap, TokenMapper, TokenType
from mimic_checks.catalog.images import open_image
from mimic_checks.errors import RemedyError
from mimic_checks.models.chat_text import adds_special_tokens

IGNORE = -100


class Collator:
    """Makes batches for one model; `image_root` is what image paths are relative to."""

    def __init__(self, processor: Any, config: Any, image_root: Path) -> None:
        self.processor, self.tokenizer, self.image_root = processor, processor.tokenizer, image_root
        # Left padding is for generating. Here nothing is generated, and padded on the right, a row
        # has the positions in a batch that it has alone.
        self.tokenizer.padding_side = "right"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.mapper = TokenMapper(config, self.tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the model's forward call takes, for rows with `messages` and `images` (paths).

        Raises:
            RemedyError: a picture that cannot be read, a chat template that rewrites earlier turns,
                a processor that changes the text.
        """
        pictures = [[self._open(name) for name in row["images"]] for row in rows]
        texts, spans = zip(
            *(self._conversation(_clean(row["messages"])) for row in rows), strict=True
        )
        batch = dict(
            self.processor(
                text=list(texts),
                images=pictures if any(pictures) else None,
                padding=True,
                return_tensors="pt",
                # As when the model answers: what it is trained on begins as what it is asked.
                add_special_tokens=adds_special_tokens(self.tokenizer, texts[0]),
            )
        )
        token_map = self.mapper.map(batch, [len(row["images"]) for row in rows])
        batch["labels"] = torch.stack(
            [self._labels(batch, token_map, k, texts[k], spans[k]) for k in range(len(rows))]
        )
        return {**batch, "token_map": token_map}

    def _open(self, name: str) -> Any:
        try:
            return open_image(self.image_root / name)
        except (OSError, ValueError) as error:
            raise RemedyError(
                f"image={str(self.image_root / name)!r} cannot be read: {error};"
                " restore it, or make the data again"
            ) from error

    def _conversation(self, messages: list[dict[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
        """A conversation as text, and where its answers stand in it."""
        text = self._template(messages)
        spans = []
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            # An answer is what the template adds to the prompt before it, its end token included.
            before = self._template(messages[:number], add_generation_prompt=True)
            after = self._template(messages[: number + 1])
            if not (text.startswith(before) and text.startswith(after)):
                raise RemedyError(
                    "the chat template rewrites earlier turns when later ones follow,"
                    " so answers cannot be found in its text; train on data with one turn"
                    " (turns = [1, 1]), or give the processor a template that appends"
                )
            spans.append((len(before), len(after)))
        return text, spans

    def _template(
        self, messages: list[dict[str, Any]], *, add_generation_prompt: bool = False
    ) -> str:
        text: str = self.processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text

    def _labels(
        self,
        batch: Mapping[str, Any],
        token_map: TokenMap,
        row: int,
        text: str,
        spans: list[tuple[int, int]],
    ) -> Tensor:
        """Labels of one row.

        The answers are known by their letters in the text, labels are wanted on token positions of
        the processed row, and a processor gives no offsets once it has put in the image tokens. So
        the text is tokenized alone, with offsets, and matched with the row: away from images, the
        tokens are the same, one for one.
        """
        tokenized = self.tokenizer(
            text,
            return_offsets_mapping=True,
            add_special_tokens=adds_special_tokens(self.tokenizer, text),
        )
        is_text = (token_map.image[row] < 0) & (token_map.kind[row] != TokenType.PADDING)
        positions = is_text.nonzero().flatten()
        ids = batch["input_ids"][row]
        indices = align(tokenized["input_ids"], ids[positions].tolist())
        if indices is None:
            raise RemedyError(
                f"{type(self.processor).__name__} changes the text beyond its image tokens;"
                f" labels cannot be placed in {text[-80:]!r}"
            )
        # A token that the tokenizer adds by itself (beginning of sequence) has no letters.
        answers = [
            index
            for index, (left, right) in zip(indices, tokenized["offset_mapping"], strict=True)
            if index >= 0 and right > left and any(start <= left < stop for start, stop in spans)
        ]
        labels = torch.full_like(ids, IGNORE)
        labels[positions[answers]] = ids[positions[answers]]
        return labels


def align(text: list[int], processed: list[int]) -> list[int] | None:
    """The index of every token of a text among the text tokens of the processed sequence.

    -1 for image placeholders and tags, which are not among them; None if the sequence says
    something else. Beside an image the processor may have added tokens of its own (Gemma 3: empty
    lines), which are passed over.
    """
    # One walk over both sequences. A token that the processed text does not know at all stands for
    # an image; only right after one may the processed text have tokens of its own.
    known, indices, index, beside_image = set(processed), [], 0, False
    for token in text:
        if token not in known:
            indices.append(-1)
            beside_image = True
            continue
        while beside_image and index < len(processed) and processed[index] != token:
            index += 1
        if index >= len(processed) or processed[index] != token:
            return None
        indices.append(index)
        index, beside_image = index + 1, False
    return indices if index == len(processed) else None


def _clean(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages as chat templates take them: Arrow stores a text of None beside every image."""
    return [
        {
            "role": m["role"],
            "content": [{k: v for k, v in part.items() if v is not None} for part in m["content"]],
        }
        for m in messages
    ]
