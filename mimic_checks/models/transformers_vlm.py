"""Any `AutoModelForImageTextToText`, answering in batches: greedy, left padded, short answers. A
model whose family has a row can be looked into, and changed while it answers.

Letters: B prompts, L positions, T tokens per image, D model width.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import LogitsProcessorList

from mimic_checks.attention import Profile, Profiler, TokenMap, TokenMapper, edit_attention, pooled
from mimic_checks.attention.edit import layer_rules
from mimic_checks.attention.families import FAMILIES, Family, family_of, no_row
from mimic_checks.attention.pooling import flattened, image_features
from mimic_checks.errors import AttentionError, first_names
from mimic_checks.models.adapter import base_note, with_adapter
from mimic_checks.models.chat_text import check_template_args
from mimic_checks.models.controls import Stitched
from mimic_checks.models.encoder import Encoder
from mimic_checks.models.features import FeatureCache
from mimic_checks.models.fingerprint import file_digests, model_identity
from mimic_checks.models.generation import (
    Watch,
    as_answered,
    checkpoint_settings,
    make_greedy,
    stop_ids,
)
from mimic_checks.models.intervened import IntervenedVLM
from mimic_checks.models.intervention import NO_INTERVENTION, Intervention, persistent_intervention
from mimic_checks.models.loading import load
from mimic_checks.models.option_scores import OptionScore, option_scores
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.prompt import Prompt, PromptImage, prompt_for
from mimic_checks.models.reply import Answered
from mimic_checks.models.several_images import check_takes_images
from mimic_checks.models.token_grids import token_grid
from mimic_checks.models.vlm import Capabilities, Capability, ImageBlock, ShownInput, TokenGrid

_PROBE = prompt_for(
    [PromptImage("probe", lambda: Image.linear_gradient("L").convert("RGB"))],
    "What does this image show?",
)
"""What an adapter's effect is measured on when it is loaded."""


class TransformersVLM:
    """A model from the hub or a folder (`source`); `name` is what reports call it."""

    def __init__(
        self,
        source: str,
        options: ModelOptions | None = None,
        *,
        name: str = "",
        untouched: bool = False,
    ) -> None:
        options = options or ModelOptions()
        self.source, self.name, self.options = source, name or source, options
        self._untouched = untouched
        self.model, self.processor, self.device, unused = load(source, options)
        self.notes = (
            [f"tensors without a place in the model: {first_names(unused)}"] if unused else []
        )
        self.tokenizer = self.processor.tokenizer
        self.tokenizer.padding_side = "left"
        # Padding is masked, so any token will do, and tokenizers insist on one.
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.set_aside = make_greedy(
            self.model,
            checkpoint_settings(source, options),
            max_new_tokens=options.max_new_tokens,
            pad_token_id=self.tokenizer.pad_token_id,
            keep=options.keep_generation,
        )
        check_template_args(self.processor, options.chat_template_args, source)
        model_type = self.model.config.model_type
        # A family without a row still answers; only looking inside needs one.
        self.family = family_of(self.model.config) if model_type in FAMILIES.names() else None
        self.capabilities = _capabilities(self.family, model_type)
        self.encoder = self._make_encoder()
        check_takes_images(self.encoder, _PROBE, source)
        self.features.clear()
        self.persistent = persistent_intervention(options)
        rules = self.persistent.rules
        self.masked_layers = tuple(layer_rules(rules, self.depth)) if rules else ()
        if self.persistent != NO_INTERVENTION:
            # An unknown family is refused here, not at the first answer.
            self.mapper  # noqa: B018
        self.adapter_shift = self._adapt(options.adapter) if options.adapter else None

    def _make_encoder(self) -> Encoder:
        options = self.options
        return Encoder(
            self.model,
            self.processor,
            self.family,
            options.feature_cache_mb,
            options.chat_template_args,
        )

    def _adapt(self, adapter: str) -> float:
        """Merges an adapter; returns how far it moved a logit of a first token (0.0: it does
        nothing)."""
        before = self.logits([_PROBE])
        self.notes.append(base_note(adapter, self.name, self.source))
        self.model = with_adapter(self.model, self.source, adapter)
        # Features of the model before are not this one's; those of the probe are no run's.
        self.encoder = self._make_encoder()
        after = self.logits([_PROBE])
        self.features.clear()
        return float((after - before).abs().max())

    @property
    def features(self) -> FeatureCache:
        """Image features that are known already."""
        return self.encoder.features

    def answer(self, prompts: Sequence[Prompt]) -> list[Answered]:
        """Greedy answers, stripped; every prompt's batch is the one given here. One that reached
        the longest length before a stop token is a `Reply` that says so; one whose logits were no
        numbers, an `AnswerError`.

        Raises:
            AnswerError: image tokens and images do not match.
        """
        return self.answer_intervened(prompts, NO_INTERVENTION)

    @torch.inference_mode()
    def answer_intervened(
        self, prompts: Sequence[Prompt], intervention: Intervention
    ) -> list[Answered]:
        """`answer` under an intervention.

        Raises:
            AttentionError: an intervention that this model cannot have.
        """
        answers: dict[int, Answered] = {}
        for company in self.companies(prompts):
            watch = Watch()
            with self.prepared([prompts[k] for k in company], intervention) as inputs:
                new = self._generated(inputs, logits_processor=LogitsProcessorList([watch]))
            texts = self.tokenizer.batch_decode(new, skip_special_tokens=True)
            rows = zip(company, texts, new.tolist(), watch.steps(), strict=True)
            answers |= {
                k: as_answered(text.strip(), ids, broken, self.model.generation_config)
                for k, text, ids, broken in rows
            }
        return [answers[k] for k in range(len(prompts))]

    def companies(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Which prompts go through the model together: all, but in models that look at pictures by
        cross-attention (Mllama) those of as many pictures. There, a batch fills up with blank
        pictures, and the words before a prompt's first picture, which may see none, look at all of
        them alike, so that company would move every logit after them."""
        together: dict[int, list[int]] = {}
        text = self.model.config.get_text_config(decoder=True)
        apart = getattr(text, "cross_attention_layers", None)
        for k, prompt in enumerate(prompts):
            together.setdefault(len(prompt.images) if apart else 0, []).append(k)
        return list(together.values())

    def _generated(self, inputs: dict[str, Any], **more: Any) -> Tensor:
        """Token ids after the prompts, [B, so many as the longest answer]."""
        kept_strings = self.model.generation_config.stop_strings
        tokens: Tensor = self.model.generate(
            **inputs,
            generation_config=self.model.generation_config,
            **({"tokenizer": self.tokenizer} if kept_strings else {}),
            **more,
        )
        # Decoders go on from the prompt, encoder-decoders from a token that begins every text.
        if self.model.config.is_encoder_decoder:
            return tokens[:, 1:]
        return tokens[:, inputs["input_ids"].shape[1] :]

    @torch.inference_mode()
    def profiles(
        self, prompts: Sequence[Prompt], intervention: Intervention | None = None
    ) -> list[Profile]:
        """Attention by depth of every prompt's prefill, under an intervention.

        Raises:
            AttentionError: a family that cannot be looked into, or an intervention that this model
                cannot have.
        """
        whole = self.persistent.then(intervention or NO_INTERVENTION)
        fed = self._fed(prompts)
        batch = self.inputs(fed)
        short, token_map = pooled(self.model, batch, self.token_map(batch, fed), whole.pooling)
        with edit_attention(self.model, whole.rules, token_map=token_map) as editor:
            editor.observer = profiler = Profiler()
            self.model(**short, logits_to_keep=1)
        return profiler.profiles()

    @torch.inference_mode()
    def logits(
        self,
        prompts: Sequence[Prompt],
        intervention: Intervention | None = None,
        *,
        masked: bool = True,
    ) -> Tensor:
        """Logits of the first generated token under an intervention: [B, vocabulary]; without
        `masked`, as if there were no persistent mask."""
        # Generated, as answers are: what is compared is then what the model answers from, in every
        # family, encoder-decoders too.
        settings = copy.deepcopy(self.model.generation_config)
        settings.update(max_new_tokens=1, return_dict_in_generate=True, output_logits=True)
        rows: dict[int, Tensor] = {}
        for company in self.companies(prompts):
            asked, change = [prompts[k] for k in company], intervention or NO_INTERVENTION
            with self.prepared(asked, change, masked=masked) as inputs:
                made = self.model.generate(**inputs, generation_config=settings)
            rows |= zip(company, made.logits[0], strict=True)
        return torch.stack([rows[k] for k in range(len(prompts))])

    def option_scores(
        self, prompts: Sequence[Prompt], options: Sequence[Sequence[str]]
    ) -> list[list[OptionScore]]:
        """How likely every option of every prompt is, as the model is asked."""
        return option_scores(self, prompts, options)

    def intervened(self, intervention: Intervention) -> IntervenedVLM:
        """This model under an intervention, as a model of its own; weights are shared.

        Raises:
            AttentionError: a family that cannot be looked into, a window outside the model.
        """
        # Both refuse here what would fail at the first answer.
        self.mapper  # noqa: B018
        layer_rules(intervention.rules, self.depth)
        return IntervenedVLM(self, intervention)

    def token_grids(self, prompt: Prompt) -> list[TokenGrid | None]:
        """Where each image's tokens stand, as rows and columns over the picture; None where they
        are no grid."""
        batch = self.inputs([prompt])
        token_map = self.token_map(batch, [prompt])
        given = batch.get("image_grid_thw")
        patches = given.tolist() if given is not None else [None] * len(prompt.images)
        return [
            token_grid(self.mapper.family, self.model.config, token_map, index, patch)
            for index, patch in enumerate(patches)
        ]

    @cached_property
    def mapper(self) -> TokenMapper:
        """The token maps of this model.

        Raises:
            AttentionError: a family that cannot be looked into.
        """
        return TokenMapper(self.model.config, self.tokenizer)

    @property
    def depth(self) -> int:
        """Layers of the language model."""
        return int(self.model.config.get_text_config(decoder=True).num_hidden_layers)

    @property
    def context_tokens(self) -> int | None:
        """The longest input that the language model takes; None if its config does not say."""
        text = self.model.config.get_text_config(decoder=not self.model.config.is_encoder_decoder)
        limit: int | None = getattr(text, "max_position_embeddings", None)
        return limit

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        return stop_ids(self.model.generation_config)

    @property
    def closing_id(self) -> int | None:
        """The token that the chat template puts after an answer; None if it puts none."""
        # The last "42" is the answer, which no template writes by itself: what follows closes it.
        turns = [
            *_PROBE.messages,
            {"role": "assistant", "content": [{"type": "text", "text": "42"}]},
        ]
        text: str = self.processor.apply_chat_template(
            turns, tokenize=False, **self.options.chat_template_args
        )
        _, answer, after = text.rpartition("42")
        if not answer:
            return None
        special = {*self.tokenizer.all_special_ids, *self.tokenizer.get_added_vocab().values()}
        ids = self.tokenizer(after, add_special_tokens=False)["input_ids"]
        return next((token for token in ids if token in special), None)

    def shown(self, prompts: Sequence[Prompt]) -> list[ShownInput]:
        """What the prompts become as one batch: texts with every image token, lengths, and where
        padding stands."""
        batch = self.inputs(self._fed(prompts))
        last = batch["input_ids"].shape[1] - 1
        inputs = []
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
            positions = mask.nonzero().flatten()
            text = self.tokenizer.decode(ids[positions])
            inputs.append(ShownInput(text, len(positions), int(positions[-1]) != last))
        return inputs

    def inputs(self, prompts: Sequence[Prompt]) -> dict[str, Any]:
        """The batch as the model gets it."""
        return self.encoder.batch(prompts)

    def token_map(self, batch: dict[str, Any], prompts: Sequence[Prompt]) -> TokenMap:
        """Which position of the batch belongs to which image of its prompt.

        Raises:
            AttentionError: a family that cannot be looked into, or image tokens that do not match
                the images.
        """
        return self.mapper.map(batch, [len(prompt.images) for prompt in prompts])

    @contextmanager
    def prepared(
        self, prompts: Sequence[Prompt], intervention: Intervention, *, masked: bool = True
    ) -> Iterator[dict[str, Any]]:
        """The model's input, while the model is under the intervention and under what it always
        obeys."""
        persistent = self.persistent if masked else Intervention(self.persistent.pooling)
        whole, fed = persistent.then(intervention), self._fed(prompts)
        batch = self.inputs(fed)
        if whole == NO_INTERVENTION:
            yield batch
            return
        short, token_map = pooled(self.model, batch, self.token_map(batch, fed), whole.pooling)
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
            "chat_template_args": dict(self.options.chat_template_args),
            **self._digests,
            **model_identity(
                self.model, self.processor, self.device, self.encoder.texts([_PROBE])[0]
            ),
            "generation_set_aside": json.dumps(self.set_aside),
            "notes": [note for note in self.notes if note],
        }

    @cached_property
    def _digests(self) -> dict[str, str | None]:
        """Of weights and processor, read once: every condition of a check asks for the identity."""
        return file_digests(self.source, self.options.adapter, self.processor)

    @property
    def complete_identity(self) -> bool:
        """Whether `identity` tells these very weights from all others: local files, or a commit of
        the hub, and nobody has had the model in hand since they were loaded."""
        if not self._untouched:
            return False
        base = self._digests["weights"] or getattr(self.model.config, "_commit_hash", None)
        return bool(base and (not self.options.adapter or self._digests["adapter_weights"]))

    def image_tokens(self, prompt: Prompt) -> int:
        """Image tokens of a prompt, as it is fed."""
        return -(-self.encoder.image_tokens(self._fed([prompt])[0]) // self.persistent.pooling)

    def _fed(self, prompts: Sequence[Prompt]) -> Sequence[Prompt]:
        """What the model is fed of the prompts: themselves, or all pictures of each in one grid."""
        stitched = Stitched()
        return [stitched(prompt) for prompt in prompts] if self.options.stitch else prompts

    @torch.inference_mode()
    def image_blocks(self, prompt: Prompt) -> list[ImageBlock]:
        """Where each image's tokens stand, and whose features the model really puts there.

        A block's `image` is found by comparing what goes in at its positions with every image's own
        features."""
        batch = self.inputs([prompt])
        if not prompt.images:
            return []
        ids, image_token = batch["input_ids"][0], self.model.config.image_token_id
        try:
            token_map = self.mapper.map(batch)
        except AttentionError:
            # Tokens that do not match: shown as one block that belongs to no image.
            positions = (ids == image_token).nonzero().flatten()
            return [ImageBlock(int(positions[0]), len(positions), -1)] if len(positions) else []
        flat = flattened(image_features(self.model, batch).pooler_output)
        own = [self.encoder.features_alone(prompt, index) for index in range(len(prompt.images))]
        # Feature rows come in the order of their placeholders: `used` of them belong to the images
        # before this one.
        blocks, used = [], 0
        for index in range(token_map.images[0]):
            positions = (token_map.image[0] == index).nonzero().flatten()
            filled = int((ids[positions] == image_token).sum())
            features, used = flat[used : used + filled], used + filled
            matches = [k for k, other in enumerate(own) if _same(features, other)]
            # Equal pictures have equal features: the one that belongs here goes before others.
            image = index if index in matches else (matches or [-1])[0]
            blocks.append(ImageBlock(int(positions[0]), len(positions), image))
        return blocks


def _capabilities(family: Family | None, model_type: str) -> Capabilities:
    if family is None:
        known: list[Capability] = ["shows_input", "image_tokens", "logits", "option_scores"]
        return Capabilities.of(*known, otherwise=no_row(model_type))
    return Capabilities.of(
        "white_box", "image_blocks", "shows_input", "image_tokens", "option_scores"
    )


def _same(features: Tensor, others: Tensor) -> bool:
    # Loose: in half formats, another batch size means other kernels and other last bits.
    return features.shape == others.shape and bool(
        torch.allclose(features.float(), others.float(), rtol=1e-2, atol=1e-3)
    )
