"""Models without a row of their own: asked in mixed batches, their logits compared, or refused for
what is true of them."""

from __future__ import annotations

import pytest
import torch

from mimic_checks.checks.preflight import wrong_blocks
from mimic_checks.errors import ModelLoadError
from mimic_checks.models import ModelOptions, gives_logits, white_box, why_not
from mimic_checks.models.controls import Reversed
from mimic_checks.models.transformers_vlm import TransformersVLM
from tests.families.rowless import rowless
from tests.families.test_vlm import prompts  # noqa: F401
from tests.families.tiny import HAS_TORCHVISION


@pytest.fixture
def load(tmp_path):
    def loaded(family):
        model, processor = rowless(family)
        model.save_pretrained(tmp_path)
        processor.save_pretrained(tmp_path)
        # Not every processor saves what it was given.
        (tmp_path / "chat_template.jinja").write_text(processor.chat_template)
        return TransformersVLM(str(tmp_path), ModelOptions(max_new_tokens=4, device="cpu"))

    return loaded


def moved(vlm, prompts):  # noqa: F811
    """How far company moves each prompt's logits, as a share of their range."""
    alone = torch.cat([vlm.logits([prompt]) for prompt in prompts])
    spread = alone.amax(-1) - alone.amin(-1)
    return ((vlm.logits(prompts) - alone).abs().amax(-1) / spread).tolist()


@pytest.mark.skipif(not HAS_TORCHVISION, reason="its processor needs torchvision")
def test_llava_with_a_pixtral_tower_is_a_white_box(load, prompts):  # noqa: F811
    """Its pictures keep their shape, so that none is one row of pixels."""
    vlm = load("llava_pixtral")
    assert max(moved(vlm, prompts)) < 1e-5
    assert vlm.answer(prompts) == [vlm.answer([prompt])[0] for prompt in prompts]
    assert white_box(vlm) is vlm
    for prompt in prompts:
        assert wrong_blocks(vlm.image_blocks(prompt), len(prompt.images)) == ""
    assert len(vlm.profiles(prompts)) == 3


def test_company_moves_no_logit_by_cross_attention(load, prompts):  # noqa: F811
    vlm = load("mllama")
    assert max(moved(vlm, prompts)) < 1e-6
    assert max(moved(vlm, prompts[::-1])) < 1e-6
    assert vlm.answer(prompts) == [vlm.answer([prompt])[0] for prompt in prompts]
    # What it is without that: blank pictures fill a batch up, and are looked at.
    vlm.companies = lambda asked: [list(range(len(asked)))]
    assert max(moved(vlm, prompts)) > 1e-5
    assert why_not(vlm, "white_box")
    assert gives_logits(vlm) is vlm
    several = prompts[2]
    assert not torch.equal(vlm.logits([several]), vlm.logits([Reversed()(several)]))


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("blip-2", r"Blip2Processor does not take a prompt with 3 images .* as for 2 images"),
        ("florence2", r"Florence2Processor does not take a prompt with 2 images .*1 <image> token"),
        ("fuyu", r"FuyuProcessor does not take a prompt with \d images? "),
    ],
)
def test_a_processor_of_one_picture_a_prompt_is_refused(load, family, why):
    """Blip2's would drop the others in silence, and give one prompt the picture of another."""
    with pytest.raises(ModelLoadError, match=why):
        load(family)
