"""Any `AutoModelForImageTextToText`, answering in batches; opened, if its family is known.

Data in: prompts. Data out: texts. Greedy, left padding, short answers. Families in
`_ONE_ROW_PER_IMAGE` give every image the same number of tokens from one row of pixels: there,
projected features are computed once per image id and reused, and pixels of a known image are never
opened again. (Accelerators choose their kernels by shape, so there the tower always sees as many
images at a time: features do not depend on which others were known already, and a resumed run
repeats an uninterrupted one.) All other families go through their processor, batch by batch.

Letters: B prompts, L positions, I images, T tokens per image, D model width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from mimic_checks.attention import Profile, Profiler, TokenMap, TokenMapper, edit_attention, pooled
from mimic_checks.attention.edit import layer_rules
from mimic_checks.attention.families import FAMILIES
from mimic_checks.attention.pooling import flattened, image_features
from mimic_checks.errors import AnswerError, AttentionError, ModelLoadError
from mimic_checks.models.controls import stitched
from mimic_checks.models.features import FeatureCache
from mimic_checks.models.fingerprint import file_digests, model_identity
from mimic_checks.models.intervention import (
    NO_INTERVENTION,
    IntervenedVLM,
    Intervention,
    persistent_intervention,
)
from mimic_checks.models.loading import ModelOptions, load, with_adapter
from mimic_checks.models.token_grids import token_grid
from mimic_checks.models.vlm import (
    ImageBlock,
    Prompt,
    PromptImage,
    ShownInput,
    TokenGrid,
    prompt_for,
)

_ONE_ROW_PER_IMAGE = frozenset({"llava"})
_ENCODE_AT_MOST, _ENCODE_ALWAYS = 32, 8
"""Images that go through the vision tower together: at most, on a CPU; always, on an accelerator
(`fixed_shape`)."""
_PROBE = prompt_for(
    [PromptImage("probe", lambda: Image.linear_gradient("L").convert("RGB"))],
    "What does this image show?",
)
"""What an adapter's effect is measured on when it is loaded."""


class TransformersVLM:
    """A model from the hub or a folder (`source`) behind `answer` and `identity`; `name` is what
    reports call it."""

    def __init__(self, source: str, options: ModelOptions | None = None, *, name: str = "") -> None:
        options = options or ModelOptions()
        self.source, self.name, self.options = source, name or source, options
        self.model, self.processor, self.device = load(source, options)
        self.tokenizer = self.processor.tokenizer
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        if not getattr(self.processor, "chat_template", None):
            raise ModelLoadError(
                f"model={source!r} has no chat template; add chat_template.jinja to its processor"
            )
        self.reuses_features = self.model.config.model_type in _ONE_ROW_PER_IMAGE
        self.features = FeatureCache(options.feature_cache_mb * 2**20)
        self.fixed_shape = self.device != "cpu"
        self.white_box = self.model.config.model_type in FAMILIES
        self.persistent = persistent_intervention(options)
        self.masked_layers = tuple(layer_rules(self.persistent.rules, self.depth))
        if self.persistent != NO_INTERVENTION:
            self.mapper  # noqa: B018  (an unknown family is refused here, not at the first answer)
        self.adapter_shift = self._adapt(options.adapter) if options.adapter else None

    def _adapt(self, adapter: str) -> float:
        """Merges an adapter; returns how far it moved a logit of a first token (0.0: it does
        nothing)."""
        before = self.logits([_PROBE])
        self.model = with_adapter(self.model, self.source, adapter)
        self.features = FeatureCache(self.features.max_bytes)
        after = self.logits([_PROBE])
        self.features = FeatureCache(self.features.max_bytes)
        return float((after - before).abs().max())

    def answer(self, prompts: Sequence[Prompt]) -> list[str]:
        """Greedy answers, stripped; every prompt's batch is the one given here.

        Raises:
            AnswerError: image tokens and images do not match.
        """
        return self.answer_intervened(prompts, NO_INTERVENTION)

    @torch.inference_mode()
    def answer_intervened(self, prompts: Sequence[Prompt], edit: Intervention) -> list[str]:
        """`answer` under an edit.

        Raises:
            AttentionError: an edit that this model cannot have.
        """
        if not prompts:
            return []
        with self._edited(prompts, edit) as inputs:
            tokens = self.model.generate(
                **inputs,
                max_new_tokens=self.options.max_new_tokens,
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        new = tokens[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self.tokenizer.batch_decode(new, skip_special_tokens=True)]

    @torch.inference_mode()
    def profiles(
        self, prompts: Sequence[Prompt], edit: Intervention | None = None
    ) -> list[Profile]:
        """Attention by depth of every prompt's prefill, under an edit.

        Raises:
            AttentionError: a family that cannot be opened, or an edit that this model cannot have.
        """
        whole, shown = self.persistent.then(edit or NO_INTERVENTION), self._shown(prompts)
        batch = self.inputs(shown)
        short, token_map = pooled(self.model, batch, self.token_map(batch, shown), whole.pooling)
        with edit_attention(self.model, whole.rules, token_map=token_map) as editor:
            editor.observer = profiler = Profiler()
            self.model(**short, logits_to_keep=1)
        return profiler.profiles()

    @torch.inference_mode()
    def logits(
        self, prompts: Sequence[Prompt], edit: Intervention | None = None, *, masked: bool = True
    ) -> Tensor:
        """Logits of the first generated token under an edit: [B, vocabulary]; without `masked`, as
        if there were no persistent mask."""
        with self._edited(prompts, edit or NO_INTERVENTION, masked=masked) as inputs:
            found: Tensor = self.model(**inputs, logits_to_keep=1).logits[:, -1]
        return found

    def intervened(self, edit: Intervention) -> IntervenedVLM:
        """This model under an edit, as a model of its own; weights are shared.

        Raises:
            AttentionError: a family that cannot be opened, a window outside the model.
        """
        self.mapper  # noqa: B018  (an unknown family is refused here, not at the first answer)
        layer_rules(edit.rules, self.depth)
        return IntervenedVLM(self, edit)

    def token_grids(self, prompt: Prompt) -> list[TokenGrid | None]:
        """Where each image's tokens stand, as rows and columns over the picture; None where they
        are no token_grid."""
        batch = self.inputs([prompt])
        token_map = self.token_map(batch, [prompt])
        grids = (
            batch["image_grid_thw"].tolist()
            if batch.get("image_grid_thw") is not None
            else [None] * len(prompt.images)
        )
        return [
            token_grid(self.model.config, token_map, number, grid)
            for number, grid in enumerate(grids)
        ]

    @cached_property
    def mapper(self) -> TokenMapper:
        """The token maps of this model.

        Raises:
            AttentionError: a family that cannot be opened.
        """
        return TokenMapper(self.model.config, self.tokenizer)

    @cached_property
    def _digests(self) -> dict[str, str | None]:
        """Of weights and processor, read once: every condition of a check asks for the identity."""
        return file_digests(self.source, self.options.adapter, self.processor)

    @property
    def depth(self) -> int:
        """Layers of the language model."""
        return int(self.model.config.text_config.num_hidden_layers)

    @property
    def context_tokens(self) -> int | None:
        """The longest input that the language model takes; None if its config does not say."""
        found: int | None = getattr(self.model.config.text_config, "max_position_embeddings", None)
        return found

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        found = self.model.generation_config.eos_token_id
        return frozenset(found if isinstance(found, list) else [] if found is None else [found])

    @property
    def closing_id(self) -> int | None:
        """The token that the chat template puts after an answer; None if it puts none."""
        turns = [
            *_PROBE.messages,
            {"role": "assistant", "content": [{"type": "text", "text": "42"}]},
        ]
        _, said, after = self.processor.apply_chat_template(turns, tokenize=False).rpartition("42")
        if not said:
            return None
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.get_added_vocab().values()}
        return next(
            (
                token
                for token in self.tokenizer(after, add_special_tokens=False)["input_ids"]
                if token in special
            ),
            None,
        )

    def shown(self, prompts: Sequence[Prompt]) -> list[ShownInput]:
        """What the prompts become as one batch: texts with every image token, lengths, and where
        padding stands."""
        batch = self.inputs(self._shown(prompts))
        real = [row.nonzero().flatten() for row in batch["attention_mask"]]
        texts = [
            self.tokenizer.decode(ids[places])
            for ids, places in zip(batch["input_ids"], real, strict=True)
        ]
        last = batch["input_ids"].shape[1] - 1
        return [
            ShownInput(text, len(places), int(places[-1]) != last)
            for text, places in zip(texts, real, strict=True)
        ]

    def inputs(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """The batch as the model gets it."""
        return self._reusing(prompts) if self.reuses_features else self._processed(prompts)

    def token_map(self, batch: dict[str, Any], prompts: Sequence[Prompt]) -> TokenMap:
        """Which position of the batch belongs to which image of its prompt.

        Raises:
            AttentionError: a family that cannot be opened, or image tokens that do not match the
                images.
        """
        return self.mapper.map(batch, [len(prompt.images) for prompt in prompts])

    @contextmanager
    def _edited(
        self, prompts: Sequence[Prompt], edit: Intervention, *, masked: bool = True
    ) -> Iterator[dict[str, Any]]:
        persistent = self.persistent if masked else Intervention(self.persistent.pooling)
        whole, shown = persistent.then(edit), self._shown(prompts)
        batch = self.inputs(shown)
        if whole == NO_INTERVENTION:
            yield batch
            return
        short, token_map = pooled(self.model, batch, self.token_map(batch, shown), whole.pooling)
        if not whole.rules:
            yield short
            return
        with edit_attention(self.model, whole.rules, token_map=token_map):
            yield short

    def identity(self) -> dict[str, Any]:
        """Everything that could change an answer, but for the batch (plans and cached answers name
        it)."""
        return {
            "name": self.name,
            "adapter": self.options.adapter,
            "remedies": [
                *self.persistent.describe(),
                *(["stitched"] if self.options.stitch else []),
            ],
            "revision": getattr(self.model.config, "_commit_hash", None) or self.options.revision,
            "max_new_tokens": self.options.max_new_tokens,
            **self._digests,
            **model_identity(self.model, self.processor, self.device),
        }

    @property
    def identified(self) -> bool:
        """Whether `identity` tells these very weights from all others: local files, or a commit of
        the hub."""
        base = self._digests["weights"] or getattr(self.model.config, "_commit_hash", None)
        return bool(base and (not self.options.adapter or self._digests["adapter_weights"]))

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt; for families without one fixed number, as its processor counts
        them."""
        return -(-self._image_tokens(self._shown([prompt])[0]) // self.persistent.pooling)

    def _shown(self, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
        """What the model is shown of the prompts: themselves, or all pictures of each in one
        grid."""
        return (
            [stitched(prompt) if len(prompt.images) > 1 else prompt for prompt in prompts]
            if self.options.stitch
            else prompts
        )

    def _image_tokens(self, prompt: Prompt) -> int:
        if self.reuses_features:
            return self._tokens_per_image() * len(prompt.images)
        sizes = [image.open().size[::-1] for image in prompt.images]
        try:
            return sum(
                self.processor._get_num_multimodal_tokens(image_sizes=sizes).num_image_tokens
            )
        except (
            AttributeError,
            TypeError,
            KeyError,
        ):  # a processor that cannot count: order by the number of images
            return len(prompt.images)

    @torch.inference_mode()
    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """Where each image's tokens stand, and whose features the model really puts there (white
        box).

        A block's `image` is found by comparing what goes in at its positions with every image's own
        features."""
        batch = self.inputs([prompt])
        if not prompt.images:
            return []
        mapper = self.mapper
        try:
            token_map = mapper.map(batch)
        except (
            AttentionError
        ):  # tokens that do not match: shown as one block that belongs to no image
            places = (batch["input_ids"][0] == self.model.config.image_token_id).nonzero().flatten()
            return [ImageBlock(int(places[0]), len(places), -1)] if len(places) else []
        flat = flattened(image_features(self.model, batch).pooler_output)
        own = [self._features_alone(prompt, number) for number in range(len(prompt.images))]
        blocks, used = [], 0
        for number in range(token_map.images[0]):
            places = (token_map.image[0] == number).nonzero().flatten()
            filled = int((batch["input_ids"][0, places] == self.model.config.image_token_id).sum())
            here, used = flat[used : used + filled], used + filled
            near = [k for k, other in enumerate(own) if _same(here, other)]
            blocks.append(
                ImageBlock(
                    int(places[0]), len(places), number if number in near else (near or [-1])[0]
                )
            )
        return blocks

    def _texts(self, prompts: Sequence[Prompt]) -> list[str]:
        return [
            self.processor.apply_chat_template(
                p.messages, add_generation_prompt=True, tokenize=False
            )
            for p in prompts
        ]

    def _processed(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """The processor's own inputs: any family."""
        pictures = [[image.open() for image in prompt.images] for prompt in prompts]
        inputs = self.processor(
            text=self._texts(prompts),
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
        )
        return self._moved(inputs)

    def _moved(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A processor's output on the model's device, floating-point tensors in its dtype."""
        dtype = self.model.dtype
        return {
            key: (
                value
                if not torch.is_tensor(value)
                else value.to(self.device, dtype if value.is_floating_point() else value.dtype)
            )
            for key, value in inputs.items()
        }

    def _reusing(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """Token ids [B, L], the padding mask, and the images' features, of which known ones are not
        computed again."""
        encoded: dict[str, Any] = self._expanded(prompts)
        shown = [image for prompt in prompts for image in prompt.images]
        if shown:
            found = self.features.get(
                [image.id for image in shown], lambda ids: self._encode(ids, shown)
            )
            features = [found[image.id] for image in shown]
            places, given = (
                int((encoded["input_ids"] == self.model.config.image_token_id).sum()),
                sum(map(len, features)),
            )
            if places != given:
                raise AnswerError(
                    f"image tokens do not match the images: {places} places, {given} features"
                )
            encoded["mm_encoder_outputs"] = {
                "image": BaseModelOutputWithPooling(pooler_output=features)
            }
        return encoded

    def _expanded(self, prompts: Sequence[Prompt]) -> dict[str, Tensor]:
        """Token ids with every image placeholder repeated once per image token, left padded: [B,
        L]."""
        token = self.processor.image_token
        texts = []
        for prompt, text in zip(prompts, self._texts(prompts), strict=True):
            if text.count(token) != len(prompt.images):
                raise AnswerError(
                    f"the chat template wrote {text.count(token)} image placeholders for"
                    f" {len(prompt.images)} images"
                )
            texts.append(text.replace(token, token * self._tokens_per_image()))
        encoded = self.tokenizer(texts, padding=True, return_tensors="pt", add_special_tokens=False)
        return {key: encoded[key].to(self.device) for key in ("input_ids", "attention_mask")}

    def _tokens_per_image(self) -> int:
        config = self.model.config.vision_config
        extra = (
            0
            if self.model.config.vision_feature_select_strategy == "default"
            else self.processor.num_additional_image_tokens
        )
        return int((config.image_size // config.patch_size) ** 2 + extra)

    def _encode(self, ids: list[str], shown: Sequence[PromptImage]) -> list[Tensor]:
        """Projected features of the images with these ids, [T, D] each."""
        by_id = {image.id: image for image in shown}
        features: list[Tensor] = []
        together = _ENCODE_ALWAYS if self.fixed_shape else _ENCODE_AT_MOST
        for start in range(0, len(ids), together):
            pictures = [by_id[image_id].open() for image_id in ids[start : start + together]]
            filled = pictures + pictures[-1:] * (
                together - len(pictures) if self.fixed_shape else 0
            )
            features += self._project(filled)[: len(pictures)]
        return features

    def _project(self, pictures: list[Any]) -> list[Tensor]:
        inputs = self._moved(self.processor.image_processor(images=pictures, return_tensors="pt"))
        found = image_features(self.model, inputs).pooler_output
        return [features.reshape(-1, features.shape[-1]) for features in found]

    def _features_alone(self, prompt: Prompt, number: int) -> Tensor:
        """One image's features, computed outside the batch; beside so many others as the family
        tiles by."""
        if self.reuses_features:
            return self._project([prompt.images[number].open()])[0]
        alone = Prompt(
            prompt.case_id, (prompt.images[number],) * len(prompt.images), prompt.messages
        )
        flat = flattened(image_features(self.model, self._processed([alone])).pooler_output)
        return flat[: len(flat) // len(prompt.images)]


def _same(here: Tensor, there: Tensor) -> bool:
    return here.shape == there.shape and bool(
        torch.allclose(here.float(), there.float(), rtol=1e-2, atol=1e-3)
    )
