"""An identity tells a model from every model that could answer otherwise: whatever file of a
checkpoint or adapter is edited, it is another one."""

from __future__ import annotations

import json
import shutil
import time

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from mimic_checks.attention import ImageLocal, LayerWindow, WindowedRule, write_adapter_mask
from mimic_checks.errors import InvalidArgument
from mimic_checks.models.fingerprint import files_digest
from mimic_checks.runs.answer_cache import cache_of
from tests.families.tiny import tiny
from tests.models.checkpoint import edit, opened, prompts, save


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint and an adapter of it."""
    place = tmp_path_factory.mktemp("saved")
    save(place / "model")
    model, _ = tiny("llava")
    fresh = AutoModelForImageTextToText.from_config(model.config)
    fresh.load_state_dict(model.state_dict())
    torch.manual_seed(0)
    adapted = get_peft_model(
        fresh, LoraConfig(r=2, target_modules=r".*language_model.*(q_proj|v_proj)", lora_alpha=32)
    )
    adapted.save_pretrained(place / "adapter")
    write_adapter_mask(
        place / "adapter", WindowedRule(ImageLocal(), LayerWindow.parse("deep")), "1"
    )
    return place


@pytest.fixture
def place(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "place")


def identity(place, **options):
    found = opened(place / "model", adapter=str(place / "adapter"), **options).identity()
    json.dumps(found)
    return found


def edited(path):
    """A change of meaning in a file, of whatever kind."""
    if path.suffix == ".safetensors":
        tensors = load_file(path)
        name = sorted(tensors)[0]
        save_file({**tensors, name: tensors[name] + 1}, path, metadata={"format": "pt"})
    elif path.name == "tokenizer.json":
        read = json.loads(path.read_text())
        words = read["model"]["vocab"]
        words["A"], words["B"] = words["B"], words["A"]
        path.write_text(json.dumps(read))
    elif path.suffix == ".json":
        key, value = EDITS[path.name]
        edit(path, **{key: value})
    else:
        path.write_text("Answer in one word. " + path.read_text())


EDITS = {
    "config.json": ("image_seq_length", 16),
    "generation_config.json": ("eos_token_id", 7),
    "processor_config.json": ("num_additional_image_tokens", 0),
    "tokenizer_config.json": ("model_max_length", 4000),
    "adapter_config.json": ("lora_alpha", 1),
    "mimic_checks_mask.json": ("layers", "0-1"),
}
FILES = (
    "model/chat_template.jinja model/config.json model/generation_config.json"
    " model/model.safetensors model/processor_config.json model/tokenizer.json"
    " model/tokenizer_config.json adapter/adapter_config.json adapter/adapter_model.safetensors"
    " adapter/mimic_checks_mask.json"
).split()


def test_every_file_is_edited_below(saved):
    found = {str(path.relative_to(saved)) for path in saved.rglob("*") if path.is_file()}
    assert found - {"adapter/README.md"} == set(FILES)


@pytest.mark.parametrize("file", FILES)
def test_an_edited_file_is_another_model(file, place):
    """Also to the cache of answers, and if size and date stay what they were."""
    before, cached = identity(place), cache_of(adapted(place), place / "cache")
    edited(place / file)
    assert identity(place) != before
    assert cache_of(adapted(place), place / "cache").key != cached.key


def adapted(place):
    return opened(place / "model", adapter=str(place / "adapter"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rms_norm_eps", 0.01),
        ("rope_parameters", {"rope_type": "default", "rope_theta": 99.0}),
        ("max_position_embeddings", 4000),
    ],
)
def test_an_edited_config_is_another_model(key, value, place):
    before = identity(place)
    config = place / "model" / "config.json"
    text = json.loads(config.read_text())["text_config"]
    edit(config, text_config={**text, key: value})
    after = identity(place)
    assert after["weights"] != before["weights"]
    assert after["config"] != before["config"]


def test_what_is_not_loaded_is_no_part_of_it(place):
    before = identity(place)
    for name in ("README.md", "LICENSE", "optimizer.pt", "plot.png", ".gitattributes"):
        (place / "model" / name).write_bytes(b"x")
    (place / "model" / "checkpoint-3").mkdir()
    (place / "model" / "checkpoint-3" / "config.json").write_text("{}")
    moved = shutil.copytree(place, place.parent / "elsewhere")
    after = identity(moved)
    places = ("name", "adapter")
    assert {k: v for k, v in after.items() if k not in places} == {
        k: v for k, v in before.items() if k not in places
    }


@pytest.mark.parametrize("file", ["additional_chat_templates/short.jinja", "code/layers/mlp.py"])
def test_templates_and_code_in_folders_inside_count(file, tmp_path):
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text("1")
    before = files_digest(str(tmp_path))
    path.write_text("2")
    assert files_digest(str(tmp_path)) not in (before, None)


def test_bin_files_count(place):
    path = place / "model" / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    found = []
    for change in (0, 1):
        torch.save({k: v + change for k, v in tensors.items()}, path.with_name("pytorch_model.bin"))
        found.append(identity(place)["weights"])
    assert len(set(found)) == 2


def test_exchanged_names_are_another_model(tmp_path):
    (tmp_path / "a.bin").write_text("1")
    (tmp_path / "b.bin").write_text("2")
    before = files_digest(str(tmp_path))
    (tmp_path / "a.bin").write_text("2")
    (tmp_path / "b.bin").write_text("1")
    assert files_digest(str(tmp_path)) != before
    assert files_digest(str(tmp_path / "nowhere")) is None
    assert files_digest(None) is None


def test_the_template_counts_as_it_is_rendered(place, monkeypatch):
    """One that writes the date says something else tomorrow."""
    path = place / "model" / "chat_template.jinja"
    path.write_text("{{ strftime_now('%Y') }}" + path.read_text())
    before = identity(place)
    assert identity(place) == before
    monkeypatch.setattr(
        "transformers.utils.chat_template_utils.datetime",
        type("Later", (), {"now": staticmethod(lambda: Tomorrow())}),
    )
    assert opened(place / "model").encoder.texts(prompts()[:1])[0].startswith("2999")
    assert identity(place)["chat_template"] != before["chat_template"]


class Tomorrow:
    def strftime(self, how):
        return time.strftime(how.replace("%Y", "2999"))


def test_template_arguments_count_and_reach_the_model(place):
    path = place / "model" / "chat_template.jinja"
    path.write_text("{% if thinking is not false %}Think. {% endif %}" + path.read_text())
    plain, told = (opened(place / "model", chat_template_args=args) for args in ("", "thinking=no"))
    quiet = opened(place / "model", chat_template_args="thinking=false")
    assert [one.encoder.texts(prompts()[:1])[0][:6] for one in (plain, told, quiet)] == [
        "Think.",
        "Think.",
        "<|user",
    ]
    assert plain.answer(prompts()) != quiet.answer(prompts())
    assert len({json.dumps(one.identity()) for one in (plain, told, quiet)}) == 3


def test_a_template_argument_that_is_never_looked_at_is_refused(place):
    path = place / "model" / "chat_template.jinja"
    path.write_text("{% if enable_thinking %}Think. {% endif %}" + path.read_text())
    with pytest.raises(InvalidArgument, match=r"\(enable_thinking\); it does not look at thinking"):
        opened(place / "model", chat_template_args="thinking=false")


@pytest.mark.parametrize(
    ("base", "noted"),
    [
        ("other/llava", True),
        ("model", False),
        ("some-org/Model", False),
        ("/home/me/model/", False),
        (r"C:\models\model", False),
        (None, False),
    ],
)
def test_an_adapter_of_another_base_is_noted(base, noted, place):
    edit(place / "adapter" / "adapter_config.json", base_model_name_or_path=base)
    notes = identity(place)["notes"]
    assert notes == ([f"adapter {place / 'adapter'} says that it was trained on {base}"] * noted)


def test_tensors_without_a_place_are_noted(place):
    path = place / "model" / "model.safetensors"
    save_file({**load_file(path), "extra.x": torch.zeros(1)}, path, metadata={"format": "pt"})
    assert identity(place)["notes"] == ["tensors without a place in the model: extra.x"]
