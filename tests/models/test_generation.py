"""Answers are greedy, one each, and said to be what they are: whole, cut off, or no answer."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from mimic_checks.errors import AnswerError, InvalidArgument, ModelLoadError
from mimic_checks.models import ModelOptions, Reply, check_vlm
from mimic_checks.models.options import KEEPABLE
from mimic_checks.models.reply import reply_texts
from mimic_checks.tasks.unread import CUT_OFF
from tests.models.checkpoint import edit, opened, prompts, save


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return save(tmp_path_factory.mktemp("saved"))


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


@pytest.fixture(scope="module")
def plain(saved):
    """What the model says by itself."""
    return opened(saved).answer(prompts())


SETTINGS = {
    "repetition_penalty": 5.0,
    "no_repeat_ngram_size": 1,
    "encoder_repetition_penalty": 3.0,
    "encoder_no_repeat_ngram_size": 1,
    "bad_words_ids": [[16], [18], [55]],
    "sequence_bias": [[[40], -50.0], [[50], 90.0]],
    "suppress_tokens": list(range(3, 90)),
    "begin_suppress_tokens": list(range(3, 90)),
    "forced_bos_token_id": 40,
    "forced_eos_token_id": 41,
    "min_length": 500,
    "min_new_tokens": 3,
    "max_length": 3,
    "max_new_tokens": 1,
    "exponential_decay_length_penalty": [1, 9.0],
    "stop_strings": [":", ")", "+"],
    "do_sample": True,
    "temperature": 9.0,
    "top_k": 3,
    "top_p": 0.1,
    "min_p": 0.9,
    "typical_p": 0.2,
    "epsilon_cutoff": 0.9,
    "num_beams": 3,
    "num_return_sequences": 3,
    "num_beam_groups": 3,
    "length_penalty": 9.0,
    "early_stopping": True,
    "diversity_penalty": 2.0,
    "penalty_alpha": 0.6,
    "dola_layers": "low",
    "guidance_scale": 7.0,
    "renormalize_logits": True,
    "remove_invalid_values": True,
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_attentions": True,
    "output_hidden_states": True,
    "use_cache": False,
    "cache_implementation": "static",
    "prompt_lookup_num_tokens": 3,
    "token_healing": True,
    "watermarking_config": {"greenlist_ratio": 0.25, "bias": 9.0},
    "max_time": 1e-9,
    "a_setting_of_tomorrow": 7,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_of_a_checkpoint_changes_an_answer_in_silence(name, folder, plain):
    edit(folder / "generation_config.json", **{name: SETTINGS[name], "temperature": 0.7})
    vlm = opened(folder)
    assert vlm.answer(prompts()) == plain
    assert name in vlm.set_aside
    assert name in json.loads(vlm.identity()["generation_set_aside"])
    assert name not in json.loads(vlm.identity()["generation"])


def test_all_settings_at_once_change_nothing(folder, plain):
    edit(folder / "generation_config.json", **SETTINGS)
    assert opened(folder).answer(prompts()) == plain


KEPT = {
    name: SETTINGS[name]
    for name in KEEPABLE
    # These say nothing of a decoder's short answers.
    if name
    not in ("encoder_no_repeat_ngram_size", "min_length", "min_new_tokens", "forced_bos_token_id")
}


@pytest.mark.parametrize("name", KEPT)
def test_a_setting_can_be_kept_by_name(name, folder, plain):
    given = {name: KEPT[name], "temperature": 0.7, "eos_token_id": 2}
    edit(folder / "generation_config.json", **given)
    kept = opened(folder, keep_generation=name)
    assert kept.answer(prompts()) != plain
    assert list(kept.set_aside) == ["temperature"]
    assert name in json.loads(kept.identity()["generation"])
    assert opened(folder).identity() != kept.identity()


def test_what_is_kept_has_to_be_there_and_to_be_greedy(folder, scenes):
    edit(folder / "generation_config.json", repetition_penalty=1.05)
    with pytest.raises(
        InvalidArgument, match=r"sets \(repetition_penalty\); it does not set min_l"
    ):
        opened(folder, keep_generation="repetition_penalty,min_length")
    with pytest.raises(InvalidArgument, match="vlm-keep-generation='temperature' is not allowed"):
        ModelOptions(keep_generation="temperature")
    with pytest.raises(InvalidArgument, match="with stubs, which have nothing inside"):
        check_vlm("stub:oracle", ModelOptions(keep_generation="min_length"), scenes)
    assert ModelOptions(keep_generation="").keep_generation == ()
    kept = ModelOptions(keep_generation="stop_strings, min_length").keep_generation
    assert kept == ("min_length", "stop_strings")


def test_settings_that_do_not_go_together_are_refused_where_they_are_kept(folder, plain):
    edit(folder / "generation_config.json", forced_bos_token_id=40, suppress_tokens=[40])
    assert opened(folder).answer(prompts()) == plain
    with pytest.raises(InvalidArgument, match="settings that go together"):
        opened(folder, keep_generation="forced_bos_token_id,suppress_tokens")


def test_a_checkpoint_without_the_file_says_it_in_its_config(folder, plain):
    (folder / "generation_config.json").unlink()
    edit(folder / "config.json", repetition_penalty=5.0, eos_token_id=[7, 2])
    vlm = opened(folder)
    assert vlm.stop_ids == {7, 2}
    assert list(vlm.set_aside) == ["repetition_penalty"]
    assert vlm.answer(prompts()) == plain


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_a_broken_file_is_refused(folder, text):
    (folder / "generation_config.json").write_text(text)
    with pytest.raises(ModelLoadError, match=r"generation_config.json cannot be read"):
        opened(folder)


def test_an_answer_without_a_stop_token_is_cut_off(folder):
    assert all(
        isinstance(one, Reply) and one.remark == CUT_OFF for one in opened(folder).answer(prompts())
    )


def test_an_answer_with_a_stop_token_is_whole(folder):
    """The last token allowed may be the stop token."""
    texts = reply_texts(opened(folder).answer(prompts()))
    vlm = opened(folder)
    ids = vlm.tokenizer(texts[0], add_special_tokens=False)["input_ids"]
    for stop in {ids[2], ids[-1]}:
        edit(folder / "generation_config.json", eos_token_id=[stop, 2])
        (whole, *_) = opened(folder).answer(prompts()[:1])
        assert isinstance(whole, str)
    edit(folder / "generation_config.json", eos_token_id=[2])
    assert isinstance(opened(folder).answer(prompts()[:1])[0], Reply)


def test_one_row_may_be_cut_off_beside_one_that_is_whole(folder):
    """Rows of a batch end apart; padding after a stop token is no answer."""
    vlm = opened(folder)
    first, *others = (
        vlm.tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in reply_texts(vlm.answer(prompts()))
    )
    own = next(token for token in first if not any(token in other for other in others))
    edit(folder / "generation_config.json", eos_token_id=own)
    answers = opened(folder).answer(prompts())
    assert [isinstance(one, str) for one in answers] == [True, False, False]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_an_error_each(folder, value, plain):
    vlm = opened(folder)
    with torch.no_grad():
        vlm.model.lm_head.weight[5] = value
    answers = vlm.answer(prompts())
    assert all(isinstance(one, AnswerError) for one in answers)
    assert "not numbers (NaN or infinite) at token 1" in str(answers[0])


def test_one_broken_row_spoils_no_other(folder, plain):
    """A picture of which the tower makes NaN, say."""
    vlm, asked = opened(folder), prompts()
    features = vlm.encoder.encode(asked[1].images)
    broken = [torch.full_like(feature, float("nan")) for feature in features]
    vlm.features.get([image.id for image in asked[1].images], lambda ids: broken)
    answers = vlm.answer(asked)
    assert isinstance(answers[1], AnswerError)
    assert (answers[0], answers[2]) == (plain[0], plain[2])


def test_a_vocabulary_masked_with_minus_infinity_is_no_error(folder, plain):
    vlm = opened(folder)
    forward = vlm.model.forward

    def masked(*args, **given):
        output = forward(*args, **given)
        output.logits[..., -8:] = -torch.inf
        return output

    vlm.model.forward = masked
    assert all(not isinstance(one, AnswerError) for one in vlm.answer(prompts()))
