"""Texts and images in any order, down to the built-in model's logits."""

from __future__ import annotations

import itertools

import pytest
import torch

from mimic_checks.attention import ImageLocal, Knockout, TokenType, WindowedRule
from mimic_checks.cases import ImagePart, TextPart, counting_cases, draw
from mimic_checks.cases.choice import ChoiceQuestion, rotations
from mimic_checks.checks.preflight import wrong_blocks
from mimic_checks.models import ImageBlock, ModelOptions, Prompt, PromptImage, load_vlm, prompt_of
from mimic_checks.models.controls import Reversed, Stitched, WithoutImages
from mimic_checks.models.intervention import Intervention
from mimic_checks.models.server import chat_request

TEXTS = ("How many cats are", "in this one, and", "?")


@pytest.fixture(scope="module")
def vlm(scenes):
    return load_vlm("builtin", ModelOptions(max_new_tokens=8), scenes)


@pytest.fixture(scope="module")
def images(scenes):
    return [
        PromptImage(scenes.manifest.id(k), lambda k=k: scenes.source.load(k)[0]) for k in range(2)
    ]


@pytest.fixture(scope="module")
def between(images):
    """Two texts before and between two images, text after: t i t i t."""
    first, second, last = map(TextPart, TEXTS)
    return Prompt("t", (first, images[0], second, images[1], last))


@pytest.fixture(scope="module")
def options(scenes):
    """A choice between three images, after one image and a question."""
    ids = [scenes.manifest.id(k) for k in range(4)]
    question = ChoiceQuestion(
        "Which of these shows what the first image shows?",
        tuple(ImagePart(image) for image in ids[1:]),
        right=1,
        images=(ids[0],),
    )
    return [prompt_of(case, scenes.manifest) for case in rotations(question).cases]


def by_hand(vlm, prompt):
    """Token ids of a prompt, text by text, without the chat template."""
    ids = [vlm.tokenizer.convert_tokens_to_ids("<|user|>")]
    for part in prompt.content:
        if isinstance(part, TextPart):
            ids += vlm.tokenizer(part.text, add_special_tokens=False)["input_ids"]
        else:
            ids += [vlm.model.config.image_token_id] * 64
    return [*ids, vlm.tokenizer.convert_tokens_to_ids("<|assistant|>")]


def test_texts_and_images_stand_in_the_order_of_the_prompt(vlm, between, options):
    for prompt in (between, *options):
        assert vlm.inputs([prompt])["input_ids"][0].tolist() == by_hand(vlm, prompt)


def test_the_token_map_tells_text_between_images_from_text_around_them(vlm, between):
    batch = vlm.inputs([between])
    token_map = vlm.token_map(batch, [between])
    runs = [
        (TokenType(kind).name, image)
        for (kind, image), _ in itertools.groupby(
            zip(token_map.kind[0].tolist(), token_map.image[0].tolist(), strict=True)
        )
    ]
    assert runs == [("BEFORE", -1), ("IMAGE", 0), ("BETWEEN", -1), ("IMAGE", 1), ("AFTER", -1)]
    words = vlm.tokenizer.decode(batch["input_ids"][0][token_map.kind[0] == TokenType.BETWEEN])
    assert words.strip() == TEXTS[1]


def test_image_blocks_stand_where_the_images_do(vlm, between, options):
    first = len(vlm.tokenizer(TEXTS[0])["input_ids"])
    second = len(vlm.tokenizer(TEXTS[1])["input_ids"])
    assert vlm.image_blocks(between) == [
        ImageBlock(1 + first, 64, 0),
        ImageBlock(1 + first + 64 + second, 64, 1),
    ]
    for prompt in options:
        assert wrong_blocks(vlm.image_blocks(prompt), 4) == ""
        assert vlm.image_tokens(prompt) == 256


def test_answers_are_those_of_the_processor_with_the_images_in_order(vlm, between, options):
    """Without the suite: transformers' own processor and model, images in placeholder order."""
    for prompt in (between, *options):
        text = vlm.processor.apply_chat_template(
            prompt.messages, add_generation_prompt=True, tokenize=False
        )
        pictures = [part.open() for part in prompt.content if isinstance(part, PromptImage)]
        inputs = vlm.processor(text=text, images=pictures, return_tensors="pt").to(vlm.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(vlm.model.dtype)
        with torch.no_grad():
            expected = vlm.model(**inputs).logits[:, -1]
        torch.testing.assert_close(vlm.logits([prompt]), expected, rtol=1e-3, atol=1e-3)
        swapped = vlm.logits([Reversed()(prompt)])
        assert (swapped - expected).abs().max() > 1e-3, "the order of the images matters"


def test_interleaved_prompts_are_answered_in_a_batch_as_alone(vlm, between, options, scenes):
    plain = [
        prompt_of(case, scenes.manifest) for case in draw(counting_cases(scenes, spread=2), 2, 0)
    ]
    prompts = [between, *options, *plain]
    alone = [vlm.answer([prompt])[0] for prompt in prompts]
    assert vlm.answer(prompts) == alone
    vlm.encoder.reuses_features = False
    try:
        assert vlm.answer(prompts) == alone
    finally:
        vlm.encoder.reuses_features = True


def test_masks_know_the_images_of_an_interleaved_prompt(vlm, between, options):
    local = Intervention(rules=(WindowedRule(ImageLocal()),))
    first = Intervention(rules=(WindowedRule(Knockout(0, "text")),))
    for prompt in (between, options[0]):
        profile = vlm.profiles([prompt], local)[0]
        assert profile.images == len(prompt.images)
        assert (profile.across() == 0).all()
        assert (vlm.logits([prompt], first) - vlm.logits([prompt])).abs().max() > 1e-4
    pooled = vlm.intervened(Intervention(pooling=4)).answer([between, *options])
    assert len(pooled) == 4


def test_controls_leave_the_texts_where_they_are(between):
    assert WithoutImages()(between).texts == between.texts
    assert [part.id for part in Reversed()(between).images] == [
        part.id for part in between.images[::-1]
    ]
    assert [type(part) for part in Reversed()(between).content] == [
        type(part) for part in between.content
    ]
    grid = Stitched()(between)
    assert len(grid.images) == 1
    assert grid.question == ("How many cats are[image 1]in this one, and[image 2]?"), (
        "the pictures are named by their number, where they stood"
    )


def test_a_server_is_sent_the_parts_in_order(between):
    [message] = chat_request(between)
    assert [part["type"] for part in message["content"]] == [
        "text",
        "image_url",
        "text",
        "image_url",
        "text",
    ]
    assert [part["text"] for part in message["content"][::2]] == list(between.texts)
