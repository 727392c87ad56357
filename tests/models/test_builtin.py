"""The built-in model is a real one: loads like a hub model, answers alike however it is asked,
never saw the evaluation.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from mimic_checks.cases import counting_cases, draw, flatten, judge, listing_sweep
from mimic_checks.catalog import rendered
from mimic_checks.models import ModelOptions, load_vlm, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.models.vlm import ImageBlock
from mimic_checks.runs import Runner
from mimic_checks.tasks import Vocabulary

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def vlm():
    return TransformersVLM(str(BUILTIN_FOLDER), name="builtin")


@pytest.fixture(scope="module")
def catalog():
    return rendered(seed=424242, scenes=800, families=2)


def test_it_loads_as_any_hub_model_does():
    from transformers import (
        AutoModelForImageTextToText,
        AutoProcessor,
        LlavaForConditionalGeneration,
    )

    model = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER)
    processor = AutoProcessor.from_pretrained(BUILTIN_FOLDER)
    assert isinstance(model, LlavaForConditionalGeneration)
    assert 3e6 < sum(p.numel() for p in model.parameters()) < 6e6
    assert model.dtype == torch.float16, "stored in half precision"
    assert processor.chat_template


def test_it_runs_in_float32_on_a_cpu(vlm):
    assert vlm.identity()["dtype"] == ("float32" if vlm.device == "cpu" else "bfloat16")
    assert vlm.identity()["name"] == "builtin"
    assert len(vlm.identity()["weights"]) == 64


def test_answers_do_not_depend_on_batch_reuse_or_order(vlm, catalog):
    """The same answers alone, in unequal batches, through the processor without reuse, and from a
    cold cache."""
    cases = flatten(draw(listing_sweep(catalog, levels=(1, 2, 5)), 10, seed=1))
    prompts = [prompt_of(case, catalog.manifest) for case in cases]
    alone = [vlm.answer([prompt])[0] for prompt in prompts]
    assert vlm.answer(prompts) == alone
    assert vlm.answer(prompts[::-1]) == alone[::-1]
    vlm.encoder.reuses_features = False
    try:
        assert vlm.answer(prompts) == alone
    finally:
        vlm.encoder.reuses_features = True
    found = Runner(vlm).answer(prompts)
    assert [found[case.id].text for case in cases] == alone


def test_every_image_is_projected_once(catalog):
    vlm = TransformersVLM(str(BUILTIN_FOLDER))
    cases = flatten(draw(listing_sweep(catalog, levels=(1, 2, 5)), 8, seed=2))
    vlm.answer([prompt_of(case, catalog.manifest) for case in cases])
    distinct = {image for case in cases for image in case.images}
    assert vlm.features.computed == len(distinct) < sum(len(case.images) for case in cases)


def test_no_room_for_features_changes_no_answer(vlm, catalog):
    small = TransformersVLM(str(BUILTIN_FOLDER), ModelOptions(feature_cache_mb=0))
    prompts = [
        prompt_of(case, catalog.manifest) for case in draw(counting_cases(catalog), 6, seed=3)
    ]
    assert small.answer(prompts) == vlm.answer(prompts)
    assert small.features.bytes == 0


def test_image_blocks_are_found_in_order_and_a_swap_is_seen(vlm, catalog):
    from mimic_checks.checks.preflight import wrong_blocks

    [case] = draw(listing_sweep(catalog, levels=(3,)), 1, seed=4)[0]
    prompt = prompt_of(case, catalog.manifest)
    assert vlm.image_blocks(prompt) == [ImageBlock(1 + 64 * k, 64, k) for k in range(3)]
    genuine = vlm.encoder.encode
    vlm.features.clear()
    vlm.encoder.encode = lambda images: genuine(images)[::-1]
    try:
        assert wrong_blocks(vlm.image_blocks(prompt), 3) == "block 1 holds the features of image 3"
    finally:
        vlm.encoder.encode = genuine
        vlm.features.clear()


def test_training_scenes_are_never_evaluation_scenes():
    """No picture of the first 600 training scenes is in a catalog whose seed is the training seed's
    number."""
    from training import scenes

    trained = {
        hashlib.sha256(b"RGB 64x64:" + picture.tobytes()).hexdigest()
        for picture in scenes.make(600, 0, processes=1).pixels
    }
    for seed in (0, 1):
        catalog = rendered(seed=seed, scenes=600, families=1)
        assert trained.isdisjoint({catalog.manifest.id(row) for row in range(len(catalog))})


def test_an_adapter_is_applied(vlm, catalog, tmp_path):
    """A LoRA adapter with weights that matter changes what the model says, and is part of its
    identity."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    base = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    torch.manual_seed(0)
    tuned = get_peft_model(
        base, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    )
    tuned.save_pretrained(tmp_path)
    adapted = TransformersVLM(str(BUILTIN_FOLDER), ModelOptions(adapter=str(tmp_path)))
    prompts = [
        prompt_of(case, catalog.manifest) for case in draw(counting_cases(catalog), 12, seed=6)
    ]
    assert adapted.answer(prompts) != vlm.answer(prompts)
    assert adapted.adapter_shift > 0
    assert len(adapted.identity()["adapter_weights"]) == 64
    assert vlm.identity()["adapter_weights"] is None
    assert adapted.identity()["adapter"] == str(tmp_path)


@pytest.mark.slow
def test_it_is_competent_on_one_image():
    """The held-out numbers in reports/ are of these weights; a fresh sample is consistent with
    them."""
    record = json.loads((REPORTS / "builtin_heldout.json").read_text())
    catalog = rendered(seed=31337, scenes=2000, families=2)
    vlm = TransformersVLM(str(BUILTIN_FOLDER))
    words = Vocabulary(catalog.class_names)
    cases = draw(counting_cases(catalog, instances=(1, 4), template="any"), 200, seed=5)
    found = Runner(vlm, batch=32).answer([prompt_of(case, catalog.manifest) for case in cases])
    right = sum(judge(case, found[case.id].text, None, words).kind == "right" for case in cases)
    published = record["rates"]["one image: counting 1-4"]["rate"]
    assert abs(right / 200 - published) < 4 * (published * (1 - published) / 200 + 1e-4) ** 0.5


def test_a_family_without_a_row_still_answers_and_is_not_looked_into(monkeypatch, scenes):
    from mimic_checks.attention import FAMILIES
    from mimic_checks.errors import AttentionError
    from mimic_checks.models import image_blocks, require_white_box, shows_input, white_box, why_not
    from mimic_checks.models.intervention import Intervention

    others = [name for name in FAMILIES.names() if name != "llava"]
    monkeypatch.setattr(FAMILIES, "names", lambda: others)
    vlm = load_vlm("builtin", ModelOptions(max_new_tokens=8), scenes)
    [case] = draw(counting_cases(scenes), 1, seed=0)
    assert vlm.answer([prompt_of(case, scenes.manifest)])[0]
    assert (white_box(vlm), image_blocks(vlm), shows_input(vlm)) == (None, None, vlm)
    reason = "model_type='llava' has no row in the families"
    assert why_not(vlm, "white_box") == why_not(vlm, "image_blocks") == reason
    with pytest.raises(AttentionError, match=f"cannot be looked into: {reason}"):
        require_white_box(vlm)
    with pytest.raises(AttentionError, match=f"{reason} 'gemma3', .*'llava_onevision'"):
        vlm.intervened(Intervention(pooling=2))
    with pytest.raises(AttentionError, match=reason):
        load_vlm("builtin", ModelOptions(pooling=2), scenes)


def test_on_an_accelerator_the_tower_always_sees_as_many_images(scenes, monkeypatch):
    """Kernels are chosen by shape: an image's features must not depend on how many others were
    known already."""
    from mimic_checks.models import encoder

    fixed, free = (load_vlm("builtin", ModelOptions(max_new_tokens=4), scenes) for _ in range(2))
    fixed.encoder.fixed_shape = True
    seen = []
    project = fixed.encoder.project
    monkeypatch.setattr(
        fixed.encoder, "project", lambda pictures: seen.append(len(pictures)) or project(pictures)
    )
    prompts = [
        prompt_of(case, scenes.manifest)
        for case in draw(counting_cases(scenes, distractors=2), 5, seed=3)
    ]
    assert fixed.answer(prompts) == free.answer(prompts)
    assert set(seen) == {encoder._ENCODE_ALWAYS}
    assert fixed.features.computed == len(
        {image.id for prompt in prompts for image in prompt.images}
    )
