"""A checkpoint or adapter loads whole or is refused, with the names of what is missing."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText

from mimic_checks.errors import AttentionError, ModelLoadError, first_names
from mimic_checks.models import ModelOptions, check_vlm, load_vlm
from mimic_checks.models.adapter import with_adapter
from mimic_checks.models.loading import load
from tests.families.tiny import tiny

CPU = ModelOptions(device="cpu")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    model, processor = tiny("llava")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A checkpoint of one's own to break."""
    return shutil.copytree(saved, tmp_path / "model")


def weights(folder, change, name="model.safetensors"):
    """Changes a checkpoint's tensors by name."""
    save_file(change(load_file(folder / name)), folder / name, metadata={"format": "pt"})


def test_a_missing_tensor_is_named(folder):
    lost = "language_model.model.layers.2.mlp.up_proj.weight"
    weights(folder, lambda found: {key: found[key] for key in found if key != lost})
    with pytest.raises(ModelLoadError, match=r"did not load whole: \S*layers.2.mlp.up_proj.weight"):
        load_vlm(str(folder), CPU, None)


def test_every_tensor_counts(folder):
    """Whatever tensor is lost, of whatever part: none is made up."""
    whole = load_file(folder / "model.safetensors")
    for lost in list(whole)[::7]:
        weights(folder, lambda found, lost=lost: {k: whole[k] for k in whole if k != lost})
        with pytest.raises(ModelLoadError, match="is missing; what is missing would be random"):
            load(str(folder), CPU)


def test_tensors_under_another_prefix_are_named_up_to_twenty(folder):
    weights(folder, lambda found: {f"wrapped.{key}": value for key, value in found.items()})
    with pytest.raises(ModelLoadError) as raised:
        load(str(folder), CPU)
    said = str(raised.value)
    assert said.count("is missing") == 20 + 1
    assert re.search(r" and \d+ more; it has, unused: wrapped\.language_model", said)


def test_a_tensor_of_another_shape_is_named(folder):
    key = "language_model.model.layers.2.mlp.up_proj.weight"
    weights(folder, lambda found: {**found, key: torch.zeros(3, 3)})
    with pytest.raises(ModelLoadError, match=r"up_proj.weight is \(3, 3\), not \(48, 32\)"):
        load(str(folder), CPU)


def test_tied_weights_are_not_missing(tmp_path):
    model, processor = tiny("llava")
    config = type(model.config).from_dict(model.config.to_dict())
    config.tie_word_embeddings = config.text_config.tie_word_embeddings = True
    tied = AutoModelForImageTextToText.from_config(config)
    tied.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert not [key for key in load_file(tmp_path / "model.safetensors") if "lm_head" in key]
    assert load(str(tmp_path), CPU)[0].config.tie_word_embeddings


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["model", "adapter_model"])
def test_a_file_that_was_cut_short_is_refused_before_anything_is_loaded(
    folder, adapter, share, kind, scenes
):
    given = ModelOptions(adapter=str(adapter), device="cpu")
    path = (folder if kind == "model" else adapter) / f"{kind}.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelLoadError, match=f"{kind}.safetensors (is no safe|was cut short)"):
        check_vlm(str(folder), given, scenes)
    path.write_bytes(whole)
    check_vlm(str(folder), given, scenes)


def test_shards_that_were_not_downloaded_are_named(folder, scenes):
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(
        ModelLoadError, match="lacks model-00002-of-00002.safetensors, of the files"
    ):
        check_vlm(str(folder), CPU, scenes)


class Code:
    """Would run when it is read."""

    def __reduce__(self):
        return (pytest.fail, ("code of a checkpoint was run",))


@pytest.mark.parametrize("kind", ["model", "adapter"])
def test_bin_files_are_read_as_tensors_or_refused(folder, adapter, kind):
    """One rule for checkpoints and adapters."""
    place, safe, pickled = {
        "model": (folder, "model.safetensors", "pytorch_model.bin"),
        "adapter": (adapter, "adapter_model.safetensors", "adapter_model.bin"),
    }[kind]
    given = ModelOptions(adapter=str(adapter), device="cpu")
    state = load_vlm(str(folder), given, None).model.state_dict()
    tensors = load_file(place / safe)
    (place / safe).unlink()
    torch.save(tensors, place / pickled)
    again = load_vlm(str(folder), given, None).model.state_dict()
    assert all(torch.equal(again[key], state[key]) for key in state)
    torch.save({**tensors, "more": Code()}, place / pickled)
    with pytest.raises(ModelLoadError, match="hold more than tensors.*save_pretrained"):
        load_vlm(str(folder), given, None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": "{"}, r"config.json cannot be read"),
        ({"config.json": "[]"}, r"config.json cannot be read \(it holds a list"),
        (
            {"config.json": '{"model_type": "t5"}'},
            "has model_type='t5', which transformers does not load as a model that takes images",
        ),
        ({"config.json": '{"model_type": "never-heard-of"}'}, "does not load: ValueError"),
        ({"processor_config.json": None, "chat_template.jinja": None}, "has no processor"),
        ({"chat_template.jinja": None}, "has no chat template"),
        ({"chat_template.jinja": "{% for %}"}, "its chat template cannot be read"),
        ({"tokenizer.json": "{}"}, "does not load: "),
        ({"tokenizer.json": None, "tokenizer_config.json": None}, "does not load: |has no proc"),
    ],
)
def test_a_model_that_cannot_load_is_refused_in_one_line(folder, files, message):
    for name, text in files.items():
        (folder / name).unlink()
        if text is not None:
            (folder / name).write_text(text)
    with pytest.raises(ModelLoadError, match=message) as raised:
        check_vlm(str(folder), CPU, None)
        load_vlm(str(folder), CPU, None)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["model.gguf", "folder"])
def test_gguf_is_told_where_it_can_be_served(name, tmp_path, scenes):
    (tmp_path / "model-Q4.GGUF").write_bytes(b"GGUF")
    with pytest.raises(ModelLoadError, match="GGUF, which is not loaded here: .*llama-server"):
        check_vlm(name if name != "folder" else str(tmp_path), CPU, scenes)


@pytest.mark.parametrize(
    ("config", "package"),
    [
        ({"quant_method": "hqq"}, "hqq"),
        ({"quant_method": "quanto"}, "optimum-quanto"),
        ({"load_in_4bit": True}, "bitsandbytes"),
        ({"quant_method": "awq"}, "gptqmodel"),
    ],
)
def test_a_quantized_model_is_told_its_package(folder, config, package, scenes, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    read = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**read, "quantization_config": config}))
    with pytest.raises(ModelLoadError, match=f"next step: pip install {package},"):
        check_vlm(str(folder), CPU, scenes)


def test_a_mask_for_an_unknown_family_is_refused_before_it_is_loaded(folder, scenes):
    read = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**read, "model_type": "fuyu"}))
    for given in ({"mask": "deep"}, {"pooling": 2}):
        with pytest.raises(AttentionError, match="model_type='fuyu' has no row"):
            check_vlm(str(folder), ModelOptions(**given), scenes)


@pytest.fixture
def adapter(tmp_path):
    """An adapter of the tiny model, with a module saved whole."""
    torch.manual_seed(0)
    model, _ = tiny("llava")
    fresh = AutoModelForImageTextToText.from_config(model.config)
    fresh.load_state_dict(model.state_dict())
    wanted = LoraConfig(
        r=2,
        target_modules=r".*language_model.*(q_proj|v_proj)",
        modules_to_save=["multi_modal_projector"],
    )
    adapted = get_peft_model(fresh, wanted)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def adapted(folder, adapter):
    return with_adapter(load(str(folder), CPU)[0], str(folder), str(adapter)).state_dict()


def by_peft(folder, adapter):
    model = load(str(folder), CPU)[0]
    return PeftModel.from_pretrained(model, adapter).merge_and_unload().eval().state_dict()


def test_an_adapter_loads_as_plain_peft_loads_it_to_the_bit(folder, adapter):
    """Also with the names that transformers gave layers before 4.52."""
    plain, bare = by_peft(folder, adapter), load(str(folder), CPU)[0].state_dict()
    assert [key for key in bare if not torch.equal(bare[key], plain[key])]
    for old in (False, True):
        if old:
            weights(
                adapter,
                lambda found: {
                    key.replace("model.language_model.", "language_model.model."): value
                    for key, value in found.items()
                },
                "adapter_model.safetensors",
            )
        ours = adapted(folder, adapter)
        assert ours.keys() == plain.keys()
        assert not [key for key in plain if not torch.equal(ours[key], plain[key])], old


def test_every_tensor_of_an_adapter_counts(folder, adapter):
    whole = load_file(adapter / "adapter_model.safetensors")
    parts = [next(k for k in whole if part in k) for part in ("lora_A", "lora_B", "linear_2.bias")]
    for lost in parts:
        weights(
            adapter,
            lambda found, lost=lost: {k: whole[k] for k in whole if k != lost},
            "adapter_model.safetensors",
        )
        layer = re.escape(lost.removeprefix("base_model.model.").rpartition(".")[0].split(".")[0])
        with pytest.raises(ModelLoadError, match=f"lacks tensors that its.*: \\S*{layer}"):
            adapted(folder, adapter)


def test_a_deeper_adapter_of_more_layers_is_refused(folder, adapter):
    weights(
        adapter,
        lambda found: {
            **found,
            **{k.replace("layers.3.", "layers.9."): v.clone() for k, v in found.items()},
        },
        "adapter_model.safetensors",
    )
    with pytest.raises(ModelLoadError, match=r"belongs to another model .*layers.9.*no such layer"):
        adapted(folder, adapter)


def test_an_adapter_whose_config_promises_more_is_refused(folder, adapter):
    config = json.loads((adapter / "adapter_config.json").read_text())
    config["target_modules"] = config["target_modules"].replace("v_proj", "v_proj|o_proj")
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError, match=r"lacks tensors .*o_proj.lora_A.*; they would do"):
        adapted(folder, adapter)


@pytest.mark.parametrize("damage", ['{"peft_type": "NO_SUCH"}', "{"])
def test_an_adapter_that_cannot_be_read_is_refused_in_one_line(folder, adapter, damage):
    (adapter / "adapter_config.json").write_text(damage)
    with pytest.raises(ModelLoadError, match=r"^adapter=") as raised:
        adapted(folder, adapter)
    assert "\n" not in str(raised.value)


def test_names_are_shown_up_to_twenty():
    assert first_names(["a", "b"]) == "a, b"
    assert first_names(list(map(str, range(20)))).endswith("18, 19")
    assert first_names(list(map(str, range(23)))).endswith("18, 19 and 3 more")
