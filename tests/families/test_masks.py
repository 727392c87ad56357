"""Rules inside running models: what the paper's release gets wrong, asserted for every family."""

from __future__ import annotations

import copy
import shutil

import pytest
import torch

from mimic_checks.attention import (
    ImageLocal,
    Knockout,
    LayerWindow,
    TokenType,
    WindowedRule,
    edit_attention,
)
from mimic_checks.attention.families import language_model
from mimic_checks.errors import AttentionError
from tests.families.conftest import subject_of
from tests.families.tiny import BUILDABLE, batch, pictures

LAYERS = 4
DEEP = WindowedRule(ImageLocal(), LayerWindow.parse("deep"))
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def window(subject):
    """The deep half of this subject's layers."""
    return LayerWindow.parse("deep").layers(language_model(subject.model).config.num_hidden_layers)


def states(subject, rules, inputs=None, **how):
    """Hidden states after every layer, [layers + 1, B, L, D], under rules."""
    with (
        torch.no_grad(),
        edit_attention(subject.model, rules, tokenizer=subject.processor.tokenizer, **how),
    ):
        return torch.stack(
            subject.model(**(inputs or subject.batch), output_hidden_states=True).hidden_states
        )


def cross_mass(subject, rules):
    """Per layer: the largest attention weight from an image token to another image."""
    with (
        torch.no_grad(),
        edit_attention(
            subject.model, rules, tokenizer=subject.processor.tokenizer, implementation="eager"
        ),
    ):
        weights = subject.model(**subject.batch, output_attentions=True).attentions
    image = subject.map.image
    cross = (
        (image[:, :, None] >= 0)
        & (image[:, None, :] >= 0)
        & (image[:, :, None] != image[:, None, :])
    )
    return [float(layer.amax(1)[cross].max()) for layer in weights]


def test_the_mask_is_active_on_exactly_the_asked_layers(subject):
    for chosen in ("deep", "shallow", "all"):
        rule = WindowedRule(ImageLocal(), LayerWindow.parse(chosen))
        mass = cross_mass(subject, [rule])
        asked = rule.window.layers(len(mass))
        assert [value == 0 for value in mass] == [layer in asked for layer in range(len(mass))], (
            chosen
        )


def test_a_deep_window_differs_from_plain_causal_where_it_should(subject):
    plain, deep = states(subject, []), states(subject, [DEEP])
    first = window(subject).start
    several = subject.real.clone()
    several[2] = False  # the row of one image
    assert (plain[: first + 1] - deep[: first + 1])[:, subject.real].abs().max() < 1e-5
    assert (plain[-1] - deep[-1])[several].abs().max() > 1e-3
    torch.testing.assert_close(plain[-1, 2][subject.real[2]], deep[-1, 2][subject.real[2]], **CLOSE)


def test_with_all_layers_masked_an_image_does_not_reach_another(subject):
    rows = [list(pics) for pics in subject.rows]
    rows[1][0] = pictures(rows[1][0].size, seed=99)[0]
    other = batch(subject.processor, rows)
    before, after = (states(subject, [ImageLocal()], inputs) for inputs in (subject.batch, other))
    for image in (1, 2):
        places = subject.map.positions(1, image, separators=True)
        assert torch.equal(before[:, 1, places], after[:, 1, places])
    own, text = subject.map.positions(1, 0), subject.map.kind[1] == TokenType.AFTER
    assert (before[-1, 1, own] - after[-1, 1, own]).abs().max() > 1e-3
    assert (before[-1, 1, text] - after[-1, 1, text]).abs().amax(-1).min() > 1e-4, (
        "every text row after the images sees all of them"
    )


def test_eager_sdpa_and_segmented_agree(subject):
    for rules in ([DEEP], [ImageLocal()]):
        eager = states(subject, rules, implementation="eager")
        dense = states(subject, rules, implementation="sdpa", segmented=False)
        cut = states(subject, rules, implementation="sdpa")
        torch.testing.assert_close(eager[:, subject.real], dense[:, subject.real], **CLOSE)
        torch.testing.assert_close(dense[:, subject.real], cut[:, subject.real], **CLOSE)


def test_inputs_with_less_than_two_images_are_bit_identical(subject):
    for rows in ([[], []], [[subject.rows[2][0]], [subject.rows[0][0]]]):
        inputs = batch(subject.processor, rows)
        with torch.no_grad():
            plain = subject.model(**inputs).logits
            with edit_attention(
                subject.model, [ImageLocal()], tokenizer=subject.processor.tokenizer
            ):
                assert torch.equal(subject.model(**inputs).logits, plain)


def test_padding_changes_nothing(subject):
    alone = batch(subject.processor, [subject.rows[0]])
    together, apart = states(subject, [ImageLocal()]), states(subject, [ImageLocal()], alone)
    torch.testing.assert_close(together[-1, 0][subject.real[0]], apart[-1, 0], **CLOSE)


def test_decoding_from_the_cache_equals_a_forward_over_everything(subject):
    """The rule that also bites on generated rows; the oracle has no cache."""
    for rules in ([ImageLocal()], [Knockout(0, "generated")], [Knockout("images", "question")]):
        how = {"tokenizer": subject.processor.tokenizer}
        one = batch(subject.processor, [subject.rows[0]])
        start = one["input_ids"].shape[1]
        with torch.no_grad(), edit_attention(subject.model, rules, **how):
            out = subject.model.generate(
                **one,
                max_new_tokens=4,
                do_sample=False,
                return_dict_in_generate=True,
                output_logits=True,
            )
        whole = dict(one)
        whole["input_ids"], whole["attention_mask"] = (
            out.sequences[:, :-1],
            torch.ones_like(out.sequences[:, :-1]),
        )
        for name in ("token_type_ids", "mm_token_type_ids"):
            if name in one:
                whole[name] = torch.nn.functional.pad(one[name], (0, 3))
        token_map = subject.mapper.map(one).extended(start + 3)
        with torch.no_grad(), edit_attention(subject.model, rules, token_map=token_map):
            expected = subject.model(**whole).logits[0, start - 1 :]
        torch.testing.assert_close(torch.stack(out.logits)[:, 0], expected.float(), **CLOSE)


def test_with_every_path_cut_the_answer_does_not_depend_on_the_images(subject):
    rows = [[pictures(pic.size, seed=77)[0] for pic in pics] for pics in subject.rows]
    other = batch(subject.processor, rows)
    answers = [
        states(subject, [Knockout("images", "text")], inputs)[-1]
        for inputs in (subject.batch, other)
    ]
    text = subject.real & (subject.map.image < 0)
    assert torch.equal(answers[0][text], answers[1][text])
    plain = [states(subject, [], inputs)[-1] for inputs in (subject.batch, other)]
    assert not torch.equal(plain[0][text], plain[1][text])


def test_a_knockout_cuts_its_path_and_no_other(subject):
    rules = [Knockout(0, 1)]
    with (
        torch.no_grad(),
        edit_attention(
            subject.model, rules, tokenizer=subject.processor.tokenizer, implementation="eager"
        ),
    ):
        weights = subject.model(**subject.batch, output_attentions=True).attentions
    image = subject.map.image
    path = (image[:, :, None] == 1) & (image[:, None, :] == 0)
    for layer in weights:
        assert layer.amax(1)[path].max() == 0
        back = (image[1, :, None] == 2) & (image[1, None, :] == 0)
        if layer is weights[-1]:
            assert layer[1].amax(0)[back].min() > 0


def test_only_the_language_model_is_edited(subject):
    vision = subject.model.config.vision_config
    before = vision._attn_implementation
    with edit_attention(subject.model, [DEEP], tokenizer=subject.processor.tokenizer):
        assert language_model(subject.model).config._attn_implementation == "mimic_checks_sdpa"
        assert vision._attn_implementation == before
    assert language_model(subject.model).config._attn_implementation == "sdpa"


def test_everything_is_undone_also_after_an_error(subject):
    inner = language_model(subject.model)
    before = (
        subject.model.config._attn_implementation,
        inner.config._attn_implementation,
        len(inner._forward_pre_hooks),
    )
    with (
        pytest.raises(RuntimeError, match="on purpose"),
        edit_attention(subject.model, [DEEP], tokenizer=subject.processor.tokenizer),
    ):
        raise RuntimeError("on purpose")
    assert before == (
        subject.model.config._attn_implementation,
        inner.config._attn_implementation,
        len(inner._forward_pre_hooks),
    )


@pytest.mark.parametrize("name", BUILDABLE)
def test_gradients_with_and_without_checkpointing_are_equal(name):
    subject = subject_of(name)
    model = copy.deepcopy(subject.model).train()
    labels = torch.where(subject.map.kind == TokenType.AFTER, subject.batch["input_ids"], -100)

    def gradients(rules):
        model.zero_grad()
        with edit_attention(model, rules, tokenizer=subject.processor.tokenizer):
            model(**subject.batch, labels=labels, use_cache=False).loss.backward()
        return {
            n: p.grad.clone()
            for n, p in language_model(model).named_parameters()
            if p.grad is not None
        }

    plain, masked = gradients([]), gradients([DEEP])
    model.gradient_checkpointing_enable({"use_reentrant": False})
    again = gradients([DEEP])
    assert masked
    for key, value in masked.items():
        torch.testing.assert_close(again[key], value, rtol=0, atol=1e-6)
    assert max(float((masked[key] - plain[key]).abs().max()) for key in masked) > 1e-4


def test_bad_requests_are_refused_before_the_model_runs(subject):
    how = {"tokenizer": subject.processor.tokenizer}
    depth = language_model(subject.model).config.num_hidden_layers
    outside = WindowedRule(ImageLocal(), LayerWindow(2, depth))
    with pytest.raises(
        AttentionError,
        match=rf"layers='2-{depth}' is outside the model; allowed: layers 0 to {depth - 1}",
    ):
        with edit_attention(subject.model, [outside], **how):
            pass
    with pytest.raises(
        AttentionError,
        match=(
            "attn_implementation='flash_attention_2' cannot express mask rules; allowed: 'eager',"
            " 'sdpa'"
        ),
    ):
        with edit_attention(subject.model, [DEEP], implementation="flash_attention_2", **how):
            pass
    with edit_attention(subject.model, [DEEP], **how):
        with pytest.raises(AttentionError, match="leave the context that is already open first"):
            with edit_attention(subject.model, [DEEP], **how):
                pass


def test_a_layer_that_bypasses_the_interface_is_named():
    subject = subject_of("llava")
    layer = language_model(subject.model).layers[2].self_attn
    original = layer.forward
    layer.forward = lambda hidden_states, **kwargs: (hidden_states, None)
    try:
        with pytest.raises(
            AttentionError, match="layer 2 of Qwen2Model bypasses transformers' attention interface"
        ):
            states(subject, [DEEP])
    finally:
        layer.forward = original


@pytest.mark.skipif(
    not shutil.which("g++"), reason="flex attention on a CPU compiles C++: needs g++"
)
@pytest.mark.parametrize("name", ["llava", "idefics3"])
def test_flex_attention_agrees(name):
    """Forward on a CPU; the CUDA benchmark adds the backward pass. (Gemma 3's or-mask does not
    compile on a CPU in torch 2.15, without this suite either.)"""
    subject = subject_of(name)
    torch._dynamo.reset()
    flex, dense = (
        states(subject, [DEEP], implementation=how, segmented=False)
        for how in ("flex_attention", "sdpa")
    )
    torch.testing.assert_close(flex[-1][subject.real], dense[-1][subject.real], **CLOSE)


def test_a_training_batch_brings_its_own_map():
    """Without input ids or a tokenizer, as a collator would do it; the map goes with the call and
    is gone after it."""
    subject = subject_of("llava")
    with torch.no_grad(), edit_attention(subject.model, [DEEP]):
        with pytest.raises(
            AttentionError, match=r"no token map for this forward call: pass token_map="
        ):
            subject.model(**subject.batch)
        given = subject.model(**subject.batch, token_map=subject.map).logits
    torch.testing.assert_close(
        given[subject.real], logits_of(subject)[subject.real], rtol=0, atol=0
    )


def logits_of(subject):
    with (
        torch.no_grad(),
        edit_attention(subject.model, [DEEP], tokenizer=subject.processor.tokenizer),
    ):
        return subject.model(**subject.batch).logits


def test_a_model_with_an_adapter_obeys_too():
    from peft import LoraConfig, get_peft_model

    subject = subject_of("llava")
    adapted = get_peft_model(
        copy.deepcopy(subject.model), LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    )
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
        plain = adapted(**subject.batch).logits
        with edit_attention(adapted, [DEEP], tokenizer=subject.processor.tokenizer):
            masked = adapted(**subject.batch).logits
        assert torch.equal(adapted(**subject.batch).logits, plain)
    assert (masked - plain)[1][subject.real[1]].abs().max() > 1e-3
    torch.testing.assert_close(masked[2][subject.real[2]], plain[2][subject.real[2]], **CLOSE)
