"""Log-probabilities of options: the same as one at a time, and as logits say by hand."""

from __future__ import annotations

import pytest
import torch

from mimic_checks.cases import counting_cases, draw, listing_cases
from mimic_checks.models import load_vlm, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.options import ModelOptions
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.models.vlm import scores_options, why_not

OPTIONS = ("1", "2", "a rather long option", "B")


@pytest.fixture(scope="module")
def vlm():
    return TransformersVLM(str(BUILTIN_FOLDER), name="builtin")


@pytest.fixture(scope="module")
def prompts(scenes):
    cases = [
        *draw(counting_cases(scenes, distractors=1), 2, seed=1),
        *draw(listing_cases(scenes, images=3), 2, seed=2),
    ]
    return [prompt_of(case, scenes.manifest) for case in cases]


def by_hand(vlm, prompt, option):
    """A forward pass over prompt and option for every prefix of the option, no generation."""
    batch = vlm.inputs([prompt])
    tokens = vlm.tokenizer(option, add_special_tokens=False)["input_ids"]
    total = 0.0
    for place, token in enumerate(tokens):
        ids = torch.cat([batch["input_ids"], torch.tensor([tokens[:place]]).long()], dim=1)
        inputs = {**batch, "input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.inference_mode():
            logits = vlm.model(**inputs).logits[0, -1].double()
        total += float(torch.log_softmax(logits, -1)[token])
    return total, len(tokens)


def test_scores_are_those_of_forward_passes_over_prompt_and_option(vlm, prompts):
    found = vlm.option_scores(prompts, [OPTIONS] * len(prompts))
    for prompt, scores in zip(prompts, found, strict=True):
        for option, score in zip(OPTIONS, scores, strict=True):
            total, length = by_hand(vlm, prompt, option)
            assert score.tokens == length
            assert score.log_probability == pytest.approx(total, abs=1e-3)


def test_a_batch_of_all_is_one_at_a_time(vlm, prompts):
    options = [OPTIONS, OPTIONS[:1], OPTIONS[1:], OPTIONS]
    together = vlm.option_scores(prompts, options)
    for prompt, own, scores in zip(prompts, options, together, strict=True):
        for option, score in zip(own, scores, strict=True):
            ((alone,),) = vlm.option_scores([prompt], [[option]])
            assert alone.tokens == score.tokens
            assert alone.log_probability == pytest.approx(score.log_probability, abs=1e-3)


def test_what_is_said_is_the_likeliest_of_single_tokens(vlm, prompts):
    digits = [str(number) for number in range(9)]
    for prompt in prompts[:2]:
        (scores,) = vlm.option_scores([prompt], [digits])
        best = max(range(9), key=lambda k: scores[k].log_probability)
        assert vlm.answer([prompt])[0] == digits[best]
    assert vlm.option_scores([], []) == []


def test_who_cannot_says_why(scenes):
    stub = load_vlm("stub:oracle", ModelOptions(), scenes)
    assert scores_options(stub) is None
    assert why_not(stub, "option_scores") == "a stub has nothing inside"
