"""Every family behind the suite's own two methods: loaded from a folder, answered in batches,
opened, edited.
"""

from __future__ import annotations

import pytest
import torch

from mimic_checks.attention import ImageLocal, Knockout, WindowedRule
from mimic_checks.checks.preflight import wrong_blocks
from mimic_checks.models import ModelOptions, PromptImage, prompt_for, white_box
from mimic_checks.models.intervention import Intervention
from mimic_checks.models.transformers_vlm import TransformersVLM
from tests.families.tiny import BUILDABLE, pictures, tiny

SIZES = [[(64, 64)], [(32, 32), (64, 32)], [(48, 64), (32, 32), (64, 64)]]


@pytest.fixture(scope="module", params=BUILDABLE)
def vlm(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model, processor = tiny(request.param)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return TransformersVLM(str(folder), ModelOptions(max_new_tokens=4, device="cpu"))


@pytest.fixture(scope="module")
def prompts():
    found = []
    for number, sizes in enumerate(SIZES):
        images = [
            PromptImage(f"{number}.{k}", lambda picture=picture: picture)
            for k, picture in enumerate(pictures(*sizes, seed=number))
        ]
        found.append(prompt_for(images, "how many cats?", case_id=str(number)))
    return found


def test_a_batch_answers_as_its_prompts_do_alone(vlm, prompts):
    assert vlm.answer(prompts) == [vlm.answer([prompt])[0] for prompt in prompts]
    together, alone = vlm.logits(prompts), torch.cat([vlm.logits([prompt]) for prompt in prompts])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


def test_image_blocks_are_found_in_order(vlm, prompts):
    assert white_box(vlm) is vlm
    for prompt in prompts:
        assert wrong_blocks(vlm.image_blocks(prompt), len(prompt.images)) == ""
    assert vlm.image_tokens(prompts[2]) > vlm.image_tokens(prompts[0]) > 0


def test_edits_change_logits_and_only_while_they_last(vlm, prompts):
    before = vlm.logits(prompts[2:])
    edits = [
        Intervention(pooling=2),
        Intervention(rules=(WindowedRule(ImageLocal()),)),
        Intervention(rules=(WindowedRule(Knockout("images", "text")),)),
        Intervention(pooling=2, rules=(WindowedRule(Knockout(1, "generated")),)),
    ]
    for edit in edits:
        edited = vlm.intervened(edit)
        assert len(edited.answer(prompts)) == len(prompts)
        assert edited.identity()["intervention"] == edit.describe() != []
        assert not torch.equal(vlm.logits(prompts[2:], edit), before)
    assert torch.equal(vlm.logits(prompts[2:]), before)


def test_profiles_and_rasters(vlm, prompts):
    profiles = vlm.profiles(prompts)
    assert [profile.images for profile in profiles] == [1, 2, 3]
    assert len(profiles[0].shares) == vlm.depth == 4
    for prompt in prompts:
        length = vlm.profiles([prompt])[0].answer.shape[1]
        for token_grid in vlm.token_grids(prompt):
            if token_grid is not None:
                assert len(token_grid.positions) == token_grid.rows * token_grid.columns
                assert 0 <= min(token_grid.positions) < max(token_grid.positions) < length
    known = [vlm.token_grids(prompts[1])[0] is not None]
    assert known == [vlm.model.config.model_type not in ("idefics3", "smolvlm")]


def test_wide_pictures_have_wide_rasters(vlm, prompts):
    if vlm.model.config.model_type not in ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "mistral3"):
        pytest.skip("this family brings every picture to a square")
    token_grid = vlm.token_grids(prompts[1])[1]
    assert (token_grid.rows, token_grid.columns) == (2, 4)
