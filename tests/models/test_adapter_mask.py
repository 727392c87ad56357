"""An adapter that records its mask: obeyed when the suite loads it, in one line of one's own, and
plain peft without the suite.
"""

from __future__ import annotations

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForImageTextToText, AutoProcessor

from mimic_checks.attention import (
    ImageLocal,
    Knockout,
    LayerWindow,
    WindowedRule,
    adapter_mask,
    edit_attention,
    write_adapter_mask,
)
from mimic_checks.attention.adapter_record import FILE
from mimic_checks.cases import draw, listing_cases
from mimic_checks.errors import AttentionError, InvalidArgument
from mimic_checks.models import ModelOptions, check_vlm, load_vlm, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.controls import Stitched
from mimic_checks.models.intervention import NO_INTERVENTION, Intervention

DEEP = WindowedRule(ImageLocal(), LayerWindow.parse("deep"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A LoRA adapter of the built-in model that changes its answers, with a mask on the deep
    half."""
    path = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(0)
    base = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    adapted = get_peft_model(
        base, LoraConfig(r=4, target_modules=r".*language_model.*(q_proj|v_proj)")
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    adapted.save_pretrained(path)
    write_adapter_mask(path, DEEP, "0.1.0")
    return path


@pytest.fixture(scope="module")
def prompts(scenes):
    return [
        prompt_of(case, scenes.manifest) for case in draw(listing_cases(scenes, images=3), 4, 0)
    ]


@pytest.fixture(scope="module")
def vlm(folder, scenes):
    return load_vlm("builtin", ModelOptions(adapter=str(folder), max_new_tokens=8), scenes)


def by_hand(folder):
    base = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    return PeftModel.from_pretrained(base, folder).eval()


def test_the_suite_obeys_the_recorded_mask(vlm, folder, prompts):
    assert vlm.masked_layers == (3, 4, 5)
    assert vlm.identity()["remedies"] == ["image_local in layers 0.5-1.0"]
    model, batch = by_hand(folder), vlm.inputs(prompts)
    with torch.no_grad():
        plain = model(**batch, logits_to_keep=1).logits[:, -1]
        with edit_attention(model, [DEEP], tokenizer=vlm.tokenizer):
            masked = model(**batch, logits_to_keep=1).logits[:, -1]
    torch.testing.assert_close(vlm.logits(prompts), masked, rtol=1e-4, atol=1e-4)
    assert (vlm.logits(prompts) - plain).abs().max() > 1e-3
    assert all(
        (profile.across()[3:] == 0).all() and (profile.across()[:3] > 0).all()
        for profile in vlm.profiles(prompts)
    )
    assert vlm.answer(prompts) == vlm.intervened(Intervention()).answer(prompts)


def test_rules_of_a_check_come_on_top(vlm, prompts):
    profile = vlm.profiles(prompts, Intervention(rules=(WindowedRule(Knockout(0, "text")),)))[0]
    assert (profile.shares[:, :, profile.images :, 0] == 0).all()
    assert (profile.across()[3:] == 0).all()


def test_one_line_in_code_of_one_s_own(vlm, folder, prompts):
    processor = AutoProcessor.from_pretrained(BUILTIN_FOLDER)
    model, batch = by_hand(folder), vlm.inputs(prompts)
    with torch.no_grad(), adapter_mask(model, str(folder), processor.tokenizer):
        masked = model(**batch, logits_to_keep=1).logits[:, -1]
    torch.testing.assert_close(masked, vlm.logits(prompts), rtol=1e-4, atol=1e-4)


def test_an_adapter_without_a_record_is_served_as_it_is(folder, tmp_path, scenes, prompts):
    for file in folder.iterdir():
        if file.name != FILE and file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    plain = load_vlm("builtin", ModelOptions(adapter=str(tmp_path)), scenes)
    assert (plain.persistent, plain.masked_layers, plain.identity()["remedies"]) == (
        NO_INTERVENTION,
        (),
        [],
    )
    model = by_hand(tmp_path)
    with torch.no_grad(), adapter_mask(model, str(tmp_path), plain.tokenizer) as editor:
        assert editor is None
        expected = model(**plain.inputs(prompts), logits_to_keep=1).logits[:, -1]
    torch.testing.assert_close(plain.logits(prompts), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{", "is no record of a mask"),
        (
            '{"rule": "image_locale", "layers": "deep"}',
            "is no record of a mask .*allowed rules: 'image_local'",
        ),
        (
            '{"rule": "image_local", "layers": "3-9"}',
            "layers='3-9' is outside the model; allowed: layers 0 to 5",
        ),
        ('{"rule": "image_local", "layers": "late"}', "layers='late' is no window"),
    ],
)
def test_broken_records_are_refused_before_the_model_is_loaded(
    folder, tmp_path, scenes, record, message
):
    for file in folder.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / FILE).write_text(record)
    with pytest.raises(AttentionError, match=message):
        check_vlm("builtin", ModelOptions(adapter=str(tmp_path)), scenes)


def test_only_remedies_are_recorded(tmp_path):
    with pytest.raises(
        AttentionError,
        match="rule='knockout 0->text' cannot be recorded with an adapter; allowed: 'image_local'",
    ):
        write_adapter_mask(tmp_path, WindowedRule(Knockout(0, "text")), "0.1.0")
    write_adapter_mask(tmp_path, WindowedRule(ImageLocal(), LayerWindow(12, 23)), "0.1.0")
    assert json.loads((tmp_path / FILE).read_text()) == {
        "rule": "image_local",
        "layers": "12-23",
        "suite": "0.1.0",
    }


def test_a_masked_adapter_can_be_served_without_its_mask_and_a_plain_model_under_one(
    folder, scenes, prompts
):
    bare = load_vlm("builtin", ModelOptions(adapter=str(folder), mask="none"), scenes)
    assert bare.masked_layers == ()
    base = load_vlm("builtin", ModelOptions(), scenes)
    masked = load_vlm("builtin", ModelOptions(mask="4-5"), scenes)
    assert masked.masked_layers == (4, 5)
    expected = base.logits(
        prompts, Intervention(rules=(WindowedRule(ImageLocal(), LayerWindow(4, 5)),))
    )
    assert torch.equal(masked.logits(prompts), expected)
    assert masked.identity()["remedies"] == ["image_local in layers 4-5"]


def test_pooling_and_stitching_as_remedies_without_training(scenes, prompts):
    base = load_vlm("builtin", ModelOptions(), scenes)
    pooled = load_vlm("builtin", ModelOptions(pooling=4), scenes)
    assert torch.equal(pooled.logits(prompts), base.logits(prompts, Intervention(pooling=4)))
    assert pooled.image_tokens(prompts[0]) * 4 == base.image_tokens(prompts[0])
    assert torch.equal(
        pooled.logits(prompts, Intervention(pooling=2)),
        base.logits(prompts, Intervention(pooling=8)),
    )
    grid = load_vlm("builtin", ModelOptions(stitch=True), scenes)
    stitched = [Stitched()(prompt) for prompt in prompts]
    assert torch.equal(grid.logits(prompts), base.logits(stitched))
    assert grid.image_tokens(prompts[0]) == 64
    assert grid.identity()["remedies"] == ["stitched"]
    assert len(grid.profiles(prompts)) == 4


def test_remedies_that_cannot_be_are_refused(scenes):
    with pytest.raises(
        InvalidArgument,
        match="vlm-mask='late' is not allowed; allowed: 'auto', 'none', 'all', 'deep'",
    ):
        ModelOptions(mask="late")
    with pytest.raises(InvalidArgument, match="vlm-pooling=0 is not allowed"):
        ModelOptions(pooling=0)
    with pytest.raises(
        AttentionError, match="layers='4-9' is outside the model; allowed: layers 0 to 5"
    ):
        check_vlm("builtin", ModelOptions(mask="4-9"), scenes)
    with pytest.raises(
        InvalidArgument, match="vlm-pooling=2 is not allowed; allowed: 1 with stubs"
    ):
        check_vlm("stub:oracle", ModelOptions(pooling=2), scenes)
