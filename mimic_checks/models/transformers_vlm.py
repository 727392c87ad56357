"""Any `AutoModelForImageTextToText`, answering in batches.

Data in: prompts. Data out: texts. Greedy, left padding, short answers. Families in `_ONE_ROW_PER_IMAGE` give every image
the same number of tokens from one row of pixels: there, projected features are computed once per image id and reused, and
pixels of a known image are never opened again. All other families go through their processor, batch by batch.

Letters: B prompts, L positions, I images, T tokens per image, D model width.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import Tensor

from mimic_checks.errors import AnswerError, ModelLoadError
from mimic_checks.models.features import FeatureCache
from mimic_checks.models.loading import ModelOptions, load, weights_digest
from mimic_checks.models.vlm import ImageBlock, Prompt, PromptImage

_ONE_ROW_PER_IMAGE = frozenset({"llava"})
_ENCODE_AT_ONCE = 32
"""Images that go through the vision tower together, at most."""


class TransformersVLM:
    """A model from the hub or a folder (`source`) behind `answer` and `identity`; `name` is what reports call it."""

    def __init__(self, source: str, options: ModelOptions = ModelOptions(), *, name: str = "") -> None:  # noqa: B008 (frozen)
        self.source, self.name, self.options = source, name or source, options
        self.model, self.processor, self.device = load(source, options)
        self.tokenizer = self.processor.tokenizer
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        if not getattr(self.processor, "chat_template", None):
            raise ModelLoadError(f"model={source!r} has no chat template; add chat_template.jinja to its processor")
        self.reuses_features = self.model.config.model_type in _ONE_ROW_PER_IMAGE
        self.features = FeatureCache(options.feature_cache_mb * 2**20)
        self.image_token_id = int(getattr(self.model.config, "image_token_id", None) or self.model.config.image_token_index)

    @torch.inference_mode()
    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """Greedy answers, stripped; every prompt's batch is the one given here.

        Raises:
            AnswerError: image tokens and images do not match.
        """
        if not prompts:
            return []
        inputs = self._reusing(prompts) if self.reuses_features else self._processed(prompts)
        tokens = self.model.generate(
            **inputs, max_new_tokens=self.options.max_new_tokens, do_sample=False, num_beams=1, temperature=None, top_p=None,
            top_k=None, pad_token_id=self.tokenizer.pad_token_id,
        )  # fmt: skip
        if "inputs_embeds" not in inputs:
            tokens = tokens[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self.tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def identity(self) -> dict[str, Any]:
        """Everything that could change an answer, but for the batch (the run records it)."""
        config = self.model.config
        return {
            "name": self.name,
            "adapter": self.options.adapter,
            "model_type": config.model_type,
            "revision": getattr(config, "_commit_hash", None) or self.options.revision,
            "weights": weights_digest(self.source, self.options.adapter),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "device": self.device.split(":")[0],
            "attn_implementation": config._attn_implementation,
            "max_new_tokens": self.options.max_new_tokens,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt; for families without one fixed number, as its processor counts them."""
        if self.reuses_features:
            return self._tokens_per_image() * len(prompt.images)
        sizes = [image.open().size[::-1] for image in prompt.images]
        try:
            return sum(self.processor._get_num_multimodal_tokens(image_sizes=sizes).num_image_tokens)
        except (AttributeError, TypeError, KeyError):  # a processor that cannot count: order by the number of images
            return len(prompt.images)

    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """Where each image's tokens stand, and whose features the model really puts there (white box).

        A block's `image` is found by comparing what the model embeds at its positions with every image's own features.
        """
        blocks: list[ImageBlock] = []
        start = 0
        with torch.inference_mode():
            inputs = self._reusing([prompt]) if self.reuses_features else self._processed([prompt])
            own = [self._features_alone(image) for image in prompt.images]
            ids = self._expanded([prompt])["input_ids"] if "inputs_embeds" in inputs else inputs["input_ids"]
            places = (ids[0] == self.image_token_id).nonzero().flatten().tolist()
            embedded = inputs.get("inputs_embeds")
            for features in own:
                at = places[start : start + len(features)]
                start += len(features)
                if not at:
                    break
                here = embedded[0, at] if embedded is not None and len(at) == len(features) else None
                near = [k for k, other in enumerate(own) if here is not None and _same(here, other)]
                number = len(blocks)
                blocks.append(ImageBlock(at[0], len(at), number if here is None or number in near else (near or [-1])[0]))
            if start < len(places):
                blocks.append(ImageBlock(places[start], len(places) - start, -1))
        return blocks

    def _texts(self, prompts: Sequence[Prompt]) -> list[str]:
        return [self.processor.apply_chat_template(p.messages, add_generation_prompt=True, tokenize=False) for p in prompts]

    def _processed(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """The processor's own inputs: any family."""
        pictures = [[image.open() for image in prompt.images] for prompt in prompts]
        inputs = self.processor(text=self._texts(prompts), images=pictures if any(pictures) else None, padding=True,
                                return_tensors="pt")  # fmt: skip
        for key, value in inputs.items():
            if torch.is_tensor(value):
                inputs[key] = value.to(self.device, self.model.dtype) if value.is_floating_point() else value.to(self.device)
        return dict(inputs)

    def _reusing(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Embeddings with the images' features in place: [B, L, D] and the padding mask."""
        encoded = self._expanded(prompts)
        embeds = self.model.get_input_embeddings()(encoded["input_ids"])
        shown = [image for prompt in prompts for image in prompt.images]
        if shown:
            found = self.features.get([image.id for image in shown], lambda ids: self._encode(ids, shown))
            features = torch.cat([found[image.id] for image in shown]).to(embeds)  # [I * T, D]
            places = encoded["input_ids"] == self.image_token_id
            if int(places.sum()) != len(features):
                raise AnswerError(f"image tokens do not match the images: {int(places.sum())} places, {len(features)} features")
            embeds = embeds.masked_scatter(places[..., None], features)
        return {"inputs_embeds": embeds, "attention_mask": encoded["attention_mask"]}

    def _expanded(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """Token ids with every image placeholder repeated once per image token, left padded: [B, L]."""
        token = self.processor.image_token
        texts = []
        for prompt, text in zip(prompts, self._texts(prompts), strict=True):
            if text.count(token) != len(prompt.images):
                raise AnswerError(f"the chat template wrote {text.count(token)} image placeholders for {len(prompt.images)} images")
            texts.append(text.replace(token, token * self._tokens_per_image()))
        encoded = self.tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)
        return {key: encoded[key].to(self.device) for key in ("input_ids", "attention_mask")}

    def _tokens_per_image(self) -> int:
        config = self.model.config.vision_config
        extra = 0 if self.model.config.vision_feature_select_strategy == "default" else self.processor.num_additional_image_tokens
        return int((config.image_size // config.patch_size) ** 2 + extra)

    def _encode(self, ids: list[str], shown: Sequence[PromptImage]) -> list[Tensor]:
        """Projected features of the images with these ids, [T, D] each."""
        by_id = {image.id: image for image in shown}
        features: list[Tensor] = []
        for start in range(0, len(ids), _ENCODE_AT_ONCE):
            pictures = [by_id[image_id].open() for image_id in ids[start : start + _ENCODE_AT_ONCE]]
            features += self._project(pictures)
        return features

    def _project(self, pictures: list[Any]) -> list[Tensor]:
        inputs = self.processor.image_processor(images=pictures, return_tensors="pt")
        known = inspect.signature(self.model.get_image_features).parameters
        moved = {
            key: value.to(self.device, self.model.dtype) if value.is_floating_point() else value.to(self.device)
            for key, value in inputs.items()
            if torch.is_tensor(value) and (key in known or key == "pixel_values")
        }
        found = self.model.get_image_features(**moved)
        found = getattr(found, "pooler_output", found)
        return [features.reshape(-1, features.shape[-1]) for features in found]

    def _features_alone(self, image: PromptImage) -> Tensor:
        return self._project([image.open()])[0]


def _same(here: Tensor, there: Tensor) -> bool:
    return here.shape == there.shape and bool(torch.allclose(here.float(), there.float(), rtol=1e-2, atol=1e-3))
