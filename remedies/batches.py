"""Training batches: conversations with their pictures, and labels on the answers alone.

Data in: rows of the training data, a processor. Data out: what the model's forward call takes, with
`labels` (IGNORE everywhere but on answers and the token that ends them) and the `token_map` that
masks travel with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimic_checks.attention import TokenType, TokenMap, TokenMapper
from mimic_checks.catalog.images import open_image
from mimic_checks.errors import RemedyError

IGNORE = -100


class Collator:
    """Makes batches for one model; `image_root` is what image paths are relative to."""

    def __init__(self, processor: Any, config: Any, image_root: Path) -> None:
        self.processor, self.tokenizer, self.image_root = processor, processor.tokenizer, image_root
        self.tokenizer.padding_side = "right"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.mapper = TokenMapper(config, self.tokenizer)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """One batch of `rows` with `messages` and `images` (paths).

        Raises: RemedyError: a picture that cannot be read, a chat template that rewrites earlier
            turns, a processor that
                changes the text.
        """
        pictures = [[self._open(name) for name in row["images"]] for row in rows]
        texts, spans = zip(*(self._spoken(_clean(row["messages"])) for row in rows), strict=True)
        batch = dict(
            self.processor(
                text=list(texts),
                images=pictures if any(pictures) else None,
                padding=True,
                return_tensors="pt",
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
                f"image={str(self.image_root / name)!r} cannot be read: {error}; restore it, or"
                " make the data again"
            ) from error

    def _spoken(self, messages: list[dict[str, Any]]) -> tuple[str, list[tuple[int, int]]]:
        """The whole conversation as text, and where its answers stand in it."""
        text = self._template(messages)
        spans = []
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._template(messages[:number], add_generation_prompt=True)
            after = self._template(messages[: number + 1])
            if not (text.startswith(before) and text.startswith(after)):
                raise RemedyError(
                    "the chat template rewrites earlier turns when later ones follow, so answers"
                    " cannot be found in its text; train on data with one turn (turns = [1, 1]), or"
                    " give the processor a template that appends"
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
        """Labels of one row: away from images, the processor's tokens are those of the plain text,
        one for one."""
        plain = self.tokenizer(text, return_offsets_mapping=True)
        spoken = (
            ((token_map.image[row] < 0) & (token_map.kind[row] != TokenType.PADDING)).nonzero().flatten()
        )
        ids = batch["input_ids"][row]
        places = align(plain["input_ids"], ids[spoken].tolist())
        if places is None:
            raise RemedyError(
                f"{type(self.processor).__name__} changes the text beyond its image tokens; labels"
                f" cannot be placed in {text[-80:]!r}"
            )
        answers = [
            place
            for place, (left, right) in zip(places, plain["offset_mapping"], strict=True)
            if place >= 0 and right > left and any(start <= left < stop for start, stop in spans)
        ]
        labels = torch.full_like(ids, IGNORE)
        labels[spoken[answers]] = ids[spoken[answers]]
        return labels


def align(plain: list[int], spoken: list[int]) -> list[int] | None:
    """For every token of a text its place among the text tokens of the processed sequence; -1 for
    image placeholders and tags, which are not among them. Beside an image the processor may have
    added tokens of its own (Gemma 3: empty lines). None if the sequence says something else."""
    known, places, at, beside = set(spoken), [], 0, False
    for token in plain:
        if token not in known:
            places.append(-1)
            beside = True
            continue
        while beside and at < len(spoken) and spoken[at] != token:
            at += 1
        if at >= len(spoken) or spoken[at] != token:
            return None
        places.append(at)
        at, beside = at + 1, False
    return places if at == len(spoken) else None


def _clean(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Messages as chat templates take them: Arrow keeps a text of None beside every image."""
    return [
        {
            "role": m["role"],
            "content": [{k: v for k, v in part.items() if v is not None} for part in m["content"]],
        }
        for m in messages
    ]
