"""Prompts as a transformers model's input.

Families with one row of pixels per image get their input made here: projected features are computed
once per image id and reused, and pixels of a known image are never opened again. All others go
through their processor, batch by batch.

Letters: B prompts, L positions, T tokens per image, D model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mimic_checks.attention.families import Family
from mimic_checks.attention.pooling import flattened, image_features
from mimic_checks.errors import AnswerError
from mimic_checks.models.chat_text import adds_special_tokens
from mimic_checks.models.features import FeatureCache
from mimic_checks.models.prompt import Prompt, PromptImage

_ENCODE_AT_MOST, _ENCODE_ALWAYS = 32, 8
"""Images that go through the vision tower at a time: at most, on a CPU; always, with
`fixed_shape`."""


class Encoder:
    """Makes batches for one model. `reuses_features`: its family's features can be computed apart;
    `template_args`: what the chat template is told beside the conversation.

    `fixed_shape`, on accelerators: kernels are chosen by shape, so the tower always sees as many
    images at a time; features then do not depend on which others were known already, and a resumed
    run repeats an uninterrupted one."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        family: Family | None,
        cache_mb: int,
        template_args: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.processor, self.family = model, processor, family
        self.template_args = dict(template_args or {})
        self.reuses_features = family is not None and family.one_row_per_image
        self.fixed_shape = model.device.type != "cpu"
        self.features = FeatureCache(cache_mb * 2**20)

    def batch(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """What the model is fed: `input_ids` and `attention_mask` [B, L], left padded, with pixels
        or features of the images.

        Raises:
            AnswerError: the chat template or the processor lost or doubled an image.
        """
        return self._reusing(prompts) if self.reuses_features else self._processed(prompts)

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt; for families without one fixed number, as the processor counts
        them."""
        if self.reuses_features:
            return self.tokens_per_image * len(prompt.images)
        # Pillow says (width, height), processors take (height, width).
        sizes = [image.open().size[::-1] for image in prompt.images]
        try:
            counted = self.processor._get_num_multimodal_tokens(image_sizes=sizes)
            return sum(counted.num_image_tokens)
        except (AttributeError, TypeError, KeyError):
            # A processor that cannot count (the method is private to transformers, and not all have
            # it): batches are then planned by the number of images.
            return len(prompt.images)

    def features_alone(self, prompt: Prompt, index: int) -> Tensor:
        """One image's features, [T, D], computed outside its batch; beside so many copies of it as
        the prompt has images, since families choose their tiles by that number."""
        if self.reuses_features:
            return self.project([prompt.images[index].open()])[0]
        copies = prompt.with_images([prompt.images[index]] * len(prompt.images))
        flat = flattened(image_features(self.model, self._processed([copies])).pooler_output)
        return flat[: len(flat) // len(prompt.images)]

    @cached_property
    def tokens_per_image(self) -> int:
        """Image tokens of every image, where the family has one number for all."""
        assert self.family is not None
        assert self.family.counts is not None
        # Such a family looks at how many rows of pixels there are, not at what is in them.
        return self.family.counts(self.model.config, {"pixel_values": [None]})[0]

    def _processed(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """The processor's own inputs: any family."""
        pictures = [[image.open() for image in prompt.images] for prompt in prompts]
        texts = self.texts(prompts)
        inputs = self.processor(
            text=texts,
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=adds_special_tokens(self.processor.tokenizer, texts[0]),
        )
        return self._moved(inputs)

    def _reusing(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Token ids, the padding mask, and the images' features, of which known ones are not
        computed again."""
        batch: dict[str, Any] = self._expanded(prompts)
        images = [image for prompt in prompts for image in prompt.images]
        if images:
            by_id = {image.id: image for image in images}
            known = self.features.get(
                [image.id for image in images],
                lambda ids: self.encode([by_id[image_id] for image_id in ids]),
            )
            features = [known[image.id] for image in images]
            positions = int((batch["input_ids"] == self.model.config.image_token_id).sum())
            if positions != sum(map(len, features)):
                raise AnswerError(
                    f"image tokens do not match the images: {positions} places,"
                    f" {sum(map(len, features))} features"
                )
            batch["mm_encoder_outputs"] = {
                "image": BaseModelOutputWithPooling(pooler_output=features)
            }
        return batch

    def _expanded(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """Token ids with every image placeholder repeated once per image token, left padded."""
        placeholder = self.processor.image_token
        texts = self.texts(prompts)
        for prompt, text in zip(prompts, texts, strict=True):
            if text.count(placeholder) != len(prompt.images):
                raise AnswerError(
                    f"the chat template wrote {text.count(placeholder)} image placeholders for"
                    f" {len(prompt.images)} images"
                )
        encoded = self.processor.tokenizer(
            [text.replace(placeholder, placeholder * self.tokens_per_image) for text in texts],
            padding=True,
            return_tensors="pt",
            add_special_tokens=adds_special_tokens(self.processor.tokenizer, texts[0]),
        )
        return {key: encoded[key].to(self.model.device) for key in ("input_ids", "attention_mask")}

    def texts(self, prompts: Sequence[Prompt]) -> list[str]:
        """The prompts as the chat template writes them."""
        return [
            self.processor.apply_chat_template(
                prompt.messages, add_generation_prompt=True, tokenize=False, **self.template_args
            )
            for prompt in prompts
        ]

    def encode(self, images: Sequence[PromptImage]) -> list[Tensor]:
        """Projected features of images, [T, D] each."""
        features: list[Tensor] = []
        size = _ENCODE_ALWAYS if self.fixed_shape else _ENCODE_AT_MOST
        for start in range(0, len(images), size):
            pictures = [image.open() for image in images[start : start + size]]
            # Filled up with copies of the last picture, whose features are dropped.
            filling = size - len(pictures) if self.fixed_shape else 0
            features += self.project(pictures + pictures[-1:] * filling)[: len(pictures)]
        return features

    def project(self, pictures: Sequence[Any]) -> list[Tensor]:
        """Projected features of pictures that go through the vision tower together, [T, D] each."""
        inputs = self.processor.image_processor(images=pictures, return_tensors="pt")
        output = image_features(self.model, self._moved(inputs)).pooler_output
        return [features.reshape(-1, features.shape[-1]) for features in output]

    def _moved(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A processor's output on the model's device, floating-point tensors in its dtype."""
        moved: dict[str, Any] = {}
        for key, value in inputs.items():
            if torch.is_tensor(value):
                dtype = self.model.dtype if value.is_floating_point() else value.dtype
                value = value.to(self.model.device, dtype)
            moved[key] = value
        return moved
