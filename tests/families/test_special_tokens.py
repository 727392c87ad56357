"""The token that begins a sequence stands in every family's input once: whether the chat template
writes it, the tokenizer adds it, or both would."""

from __future__ import annotations

import pytest
from tokenizers.processors import TemplateProcessing

from mimic_checks.models import ModelOptions, PromptImage, prompt_for
from mimic_checks.models.transformers_vlm import TransformersVLM
from remedies.batches import Collator
from tests.families.tiny import BUILDABLE, pictures, tiny

BEGIN = 1
"""The id of <s> in every tiny tokenizer."""


@pytest.fixture(scope="module", params=BUILDABLE)
def vlm(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model, processor = tiny(request.param)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return TransformersVLM(str(folder), ModelOptions(device="cpu"))


@pytest.fixture(params=["template", "tokenizer", "both", "neither"])
def writer(request, vlm):
    """Who writes it."""
    inner, template = vlm.tokenizer.backend_tokenizer, vlm.processor.chat_template
    if request.param in ("tokenizer", "both"):
        inner.post_processor = TemplateProcessing(
            single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", BEGIN)]
        )
    if request.param in ("template", "both"):
        vlm.processor.chat_template = "{{ bos_token }}" + template
    yield request.param
    inner.post_processor = None
    vlm.processor.chat_template = template


def test_it_stands_there_once_as_transformers_itself_would_have_it(vlm, writer):
    shown = [pictures((32, 32), (64, 32)), pictures((64, 64))]
    prompts = [
        prompt_for(
            [PromptImage(f"{k}.{i}", lambda p=picture: p) for i, picture in enumerate(row)], "how?"
        )
        for k, row in enumerate(shown)
    ]
    batch = vlm.inputs(prompts)
    for ids, mask, prompt, row in zip(
        batch["input_ids"], batch["attention_mask"], prompts, shown, strict=True
    ):
        fed = ids[mask.bool()].tolist()
        assert fed.count(BEGIN) == (writer != "neither")
        assert (fed[0] == BEGIN) == (writer != "neither")
        assert fed == _by_transformers(vlm.processor, prompt, row)


def _by_transformers(processor, prompt, row):
    """A prompt's ids as one call of the library's, pictures and all."""
    left = iter(row)
    messages = [
        {
            **message,
            "content": [
                {"type": "image", "image": next(left)} if part["type"] == "image" else part
                for part in message["content"]
            ],
        }
        for message in prompt.messages
    ]
    made = processor.apply_chat_template(
        [messages], tokenize=True, add_generation_prompt=True, return_dict=True
    )
    return list(made["input_ids"][0])


def test_a_model_is_trained_on_what_it_is_asked(vlm, writer, tmp_path):
    picture = pictures((32, 32))[0]
    picture.save(tmp_path / "a.png")
    prompt = prompt_for([PromptImage("a", lambda: picture)], "how?")
    answer = {"role": "assistant", "content": [{"type": "text", "text": "3"}]}
    row = {"messages": [*prompt.messages, answer], "images": ["a.png"]}
    side = vlm.tokenizer.padding_side
    collator = Collator(vlm.processor, vlm.model.config, tmp_path)
    trained = collator([row])
    vlm.tokenizer.padding_side = side
    asked = vlm.inputs([prompt])["input_ids"][0].tolist()
    assert trained["input_ids"][0, : len(asked)].tolist() == asked
    assert (trained["labels"][0] != -100).sum() == 2, "the answer and the token that ends it"
