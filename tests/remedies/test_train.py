"""Training an adapter: it learns, records its mask, goes on after a kill, stops where it must."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForImageTextToText

from mimic_checks.attention import read_adapter_mask
from mimic_checks.cases import draw, listing_cases
from mimic_checks.catalog import rendered
from mimic_checks.errors import AttentionError, InvalidArgument, ModelLoadError, RemedyError
from mimic_checks.models import ModelOptions, check_vlm, load_vlm, prompt_of
from mimic_checks.models.backends import BUILTIN_FOLDER
from mimic_checks.models.encoder import Encoder
from remedies import train
from remedies.lora import LoraOptions, linear_layers, options_of, with_lora
from remedies.train import train_adapter

QUICK = {"max_steps": 20, "batch_size": 4, "bf16": False, "save_steps": 0.25}


def record(folder: Path) -> dict:
    return json.loads((folder / "training.json").read_text())


def losses(folder: Path) -> list[float]:
    return [loss for _, loss in record(folder)["losses"]]


@pytest.fixture(scope="module")
def adapter(training_data, tmp_path_factory):
    options = options_of("builtin", mask="deep", **QUICK)
    return train_adapter("builtin", training_data, tmp_path_factory.mktemp("train") / "a", options)


def test_it_learns_what_it_is_shown(one_sample_often, tmp_path):
    out = train_adapter(
        "builtin", one_sample_often, tmp_path / "a", options_of("builtin", mask="deep", **QUICK)
    )
    assert losses(out)[-1] < 0.5 * losses(out)[0]


def test_it_says_what_it_did(adapter):
    found = record(adapter)
    assert (found["steps"], found["options"]["mask"], found["devices"]) == (20, "deep", 1)
    assert found["seconds"] > 0


def test_the_adapter_records_its_mask_and_checkpoints_do_too(adapter):
    mask = read_adapter_mask(str(adapter))
    assert (mask.rule.describe(), mask.window.describe()) == ("image_local", "0.5-1.0")
    checkpoints = list((adapter / "checkpoints").glob("checkpoint-*"))
    assert checkpoints
    assert all(read_adapter_mask(str(path)).describe() == mask.describe() for path in checkpoints)


def test_served_with_its_mask_without_it_and_as_plain_peft(adapter):
    catalog = rendered(seed=32, scenes=200, families=0)
    prompts = [
        prompt_of(case, catalog.manifest) for case in draw(listing_cases(catalog, images=3), 4, 0)
    ]
    with_mask, without, base = (
        load_vlm(
            "builtin", ModelOptions(adapter=str(folder) if folder else None, mask=mask), catalog
        ).logits(prompts)
        for folder, mask in ((adapter, "auto"), (adapter, "none"), (None, "auto"))
    )
    assert not torch.allclose(with_mask, without, atol=1e-3)
    assert not torch.allclose(without, base, atol=1e-3)
    plain = PeftModel.from_pretrained(
        AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32), adapter
    )
    served = load_vlm("builtin", ModelOptions(), catalog)
    served.model = plain.merge_and_unload().eval()
    served.encoder = Encoder(served.model, served.processor, served.family, 0)
    torch.testing.assert_close(served.logits(prompts), without, atol=1e-4, rtol=1e-4)


def test_what_is_in_the_adapter(adapter):
    tensors = load_file(adapter / "adapter_model.safetensors")
    base = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER, dtype=torch.float32)
    linear = {
        n for n, m in base.named_modules() if isinstance(m, nn.Linear) and ".language_model." in n
    }
    assert {
        name.split("base_model.model.")[1].split(".lora_")[0] for name in tensors if "lora_" in name
    } == linear
    projector = {n: p for n, p in base.named_parameters() if ".multi_modal_projector." in n}
    saved = {
        name.split("base_model.model.")[1]: value
        for name, value in tensors.items()
        if "lora_" not in name
    }
    assert saved.keys() == projector.keys()
    assert all(not torch.equal(saved[name], projector[name]) for name in saved)


def test_checkpointed_gradients_give_the_same_losses(training_data, adapter, tmp_path):
    options = options_of("builtin", mask="deep", gradient_checkpointing=True, **QUICK)
    again = train_adapter("builtin", training_data, tmp_path / "a", options)
    assert losses(again) == pytest.approx(losses(adapter), rel=1e-4)


def test_the_mask_is_obeyed_in_training(training_data, adapter, tmp_path):
    free = train_adapter(
        "builtin", training_data, tmp_path / "none", options_of("builtin", mask="none", **QUICK)
    )
    assert losses(free)[0] != pytest.approx(losses(adapter)[0], rel=1e-3)
    assert read_adapter_mask(str(free)) is None


def test_bfloat16_trains_too(one_sample_often, tmp_path):
    out = train_adapter(
        "builtin",
        one_sample_often,
        tmp_path / "a",
        options_of("builtin", mask="deep", **{**QUICK, "bf16": True}),
    )
    assert losses(out)[-1] < 0.5 * losses(out)[0]
    assert all(
        value.isfinite().all() for value in load_file(out / "adapter_model.safetensors").values()
    )


def command(data, out, *settings):
    changed = {**QUICK, "mask": "deep", "max_steps": 24, "save_steps": 0.25}
    options = [
        part
        for name, value in changed.items()
        for part in ("--set", f"{name}={str(value).lower()}")
    ]
    train = [sys.executable, "-m", "mimic_checks.cli", "remedy", "train", "--vlm", "builtin"]
    folders = ["--data", str(data), "--out", str(out)]
    return [*train, *folders, "--preset", "builtin", *options, *settings]


def test_killed_it_goes_on_with_the_same_losses(training_data, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    assert (
        subprocess.run(
            command(training_data, tmp_path / "whole"), env=environment, capture_output=True
        ).returncode
        == 0
    )
    cut = tmp_path / "cut"
    started = subprocess.Popen(
        command(training_data, cut),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while (
        not list((cut / "checkpoints").glob("checkpoint-*/trainer_state.json"))
        and started.poll() is None
    ):
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    assert started.wait() == -signal.SIGKILL
    assert (
        subprocess.run(command(training_data, cut), env=environment, capture_output=True).returncode
        == 0
    )
    assert record(cut)["resumed_from"].startswith("checkpoint-")
    assert record(cut)["losses"] == record(tmp_path / "whole")["losses"]
    one, other = (
        load_file(folder / "adapter_model.safetensors") for folder in (cut, tmp_path / "whole")
    )
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_finished_adapter_is_kept_and_another_is_not_written_over_it(training_data, adapter):
    before = (adapter / "adapter_model.safetensors").stat().st_mtime_ns
    options = options_of("builtin", mask="deep", **QUICK)
    assert train_adapter("builtin", training_data, adapter, options) == adapter
    with pytest.raises(RemedyError, match="trained with another options"):
        train_adapter("builtin", training_data, adapter, options_of("builtin", mask="all", **QUICK))
    assert (adapter / "adapter_model.safetensors").stat().st_mtime_ns == before


def test_a_loss_that_is_no_number_stops_and_keeps_checkpoints(training_data, tmp_path, monkeypatch):
    real = train.AdapterTrainer.compute_loss

    def poisoned(self, model, inputs, *rest, **named):
        if self.state.global_step == 12:
            with torch.no_grad():
                next(p for p in model.parameters() if p.requires_grad).fill_(float("nan"))
        return real(self, model, inputs, *rest, **named)

    monkeypatch.setattr(train.AdapterTrainer, "compute_loss", poisoned)
    with pytest.raises(
        RemedyError,
        match=(
            r"the loss is nan at step 12; checkpoints in .* are kept.*lower learning_rate \(it is"
            r" 0.001\)"
        ),
    ):
        train_adapter(
            "builtin", training_data, tmp_path / "a", options_of("builtin", mask="none", **QUICK)
        )
    assert (
        tmp_path / "a" / "checkpoints" / "checkpoint-10" / "adapter_model.safetensors"
    ).is_file()


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"mask": "9-12"}, AttentionError, "layers='9-12' is outside the model"),
        ({"mask": "depe"}, AttentionError, "layers='depe' is no window"),
        ({"learning_rate": 0.0}, InvalidArgument, "learning_rate=0.0"),
        ({"lora_dropout": 1.5}, InvalidArgument, "lora_dropout=1.5"),
        ({"r": 0}, InvalidArgument, "r=0"),
        ({"rank": 4}, InvalidArgument, "setting='rank'"),
    ],
)
def test_wrong_settings_stop_before_training(training_data, tmp_path, settings, error, says):
    with pytest.raises(error, match=says):
        train_adapter(
            "builtin", training_data, tmp_path / "a", options_of("builtin", **{**QUICK, **settings})
        )
    assert not (tmp_path / "a" / "checkpoints").exists()


def test_unknown_presets_and_the_papers():
    with pytest.raises(InvalidArgument, match="did you mean 'paper'"):
        options_of("papper")
    assert LoraOptions() == options_of("paper")
    assert (
        LoraOptions().r,
        LoraOptions().lora_alpha,
        LoraOptions().lora_dropout,
        LoraOptions().learning_rate,
    ) == (128, 32, 0.05, 2.5e-5)
    assert (
        LoraOptions().lr_scheduler_type,
        LoraOptions().warmup_ratio,
        LoraOptions().num_train_epochs,
    ) == ("cosine", 0.03, 1.0)


def test_a_language_model_without_linear_layers_is_refused():
    base = AutoModelForImageTextToText.from_pretrained(BUILTIN_FOLDER)
    for name, part in list(base.named_modules()):
        if isinstance(part, nn.Linear) and name.startswith("model.language_model."):
            parent, _, child = name.rpartition(".")
            setattr(base.get_submodule(parent), child, nn.Identity())
    with pytest.raises(
        RemedyError, match="no linear layer under 'model.language_model' that peft can adapt"
    ):
        linear_layers(base, "model.language_model")
    with pytest.raises(RemedyError, match="no linear layer"):
        with_lora(base, LoraOptions())


def test_an_adapter_for_another_base_is_refused_before_it_is_loaded(adapter, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for path in adapter.glob("*.json"):
        (wrong / path.name).write_bytes(path.read_bytes())
    from safetensors.torch import save_file

    tensors = load_file(adapter / "adapter_model.safetensors")
    save_file(
        {n: v[:, :-1].contiguous() if ".lora_A" in n else v for n, v in tensors.items()},
        wrong / "adapter_model.safetensors",
    )
    catalog = rendered(seed=32, scenes=20, families=0)
    with pytest.raises(ModelLoadError, match="belongs to another model"):
        load_vlm("builtin", ModelOptions(adapter=str(wrong)), catalog)
    with pytest.raises(ModelLoadError, match="adapter_config.json"):
        check_vlm("builtin", ModelOptions(adapter=str(tmp_path)), catalog)


def test_accumulated_gradients_are_those_of_one_batch(one_sample_often, tmp_path):
    whole = train_adapter(
        "builtin",
        one_sample_often,
        tmp_path / "a",
        options_of("builtin", **{**QUICK, "mask": "none", "max_steps": 10}),
    )
    settings = {
        **QUICK,
        "mask": "none",
        "max_steps": 10,
        "batch_size": 2,
        "gradient_accumulation_steps": 2,
    }
    parts = train_adapter(
        "builtin", one_sample_often, tmp_path / "b", options_of("builtin", **settings)
    )
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-4)


def test_no_data_no_training(tmp_path):
    with pytest.raises(
        RemedyError, match="holds no training data; make some with: mimic-checks remedy data"
    ):
        train_adapter("builtin", tmp_path, tmp_path / "a", options_of("builtin"))


def test_two_processes_learn_as_one(one_sample_often, tmp_path):
    """Every batch holds the same sample, so four of one process are two of each of two."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    size = ("--set", "max_steps=12", "--set", "save_steps=0.5")
    one, two = (
        command(one_sample_often, tmp_path / "one", *size),
        command(one_sample_often, tmp_path / "two", *size, "--set", "batch_size=2"),
    )
    assert subprocess.run(one, env=environment, capture_output=True).returncode == 0
    launched = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        "2",
        "--master_port",
        "29517",
        *two[1:],
    ]
    done = subprocess.run(launched, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert record(tmp_path / "two")["devices"] == 2
    assert record(tmp_path / "two")["loss"] == pytest.approx(
        record(tmp_path / "one")["loss"], rel=1e-5
    )
    a, b = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(a[name], b[name], atol=1e-4) for name in a)


def test_killed_after_its_last_step_it_takes_no_further_one(training_data, tmp_path, monkeypatch):
    """The Trainer, given the last checkpoint, would take a step more than was asked for."""
    settings = {**QUICK, "max_steps": 2, "save_steps": 1, "batch_size": 2}
    options = options_of("builtin", mask="deep", **settings)
    whole = train_adapter("builtin", training_data, tmp_path / "whole", options)

    def killed(*given):
        raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with monkeypatch.context() as kill:
        kill.setattr(train, "_put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            train_adapter("builtin", training_data, cut, options)
    assert not (cut / "adapter_model.safetensors").exists()
    train_adapter("builtin", training_data, cut, options)
    one, other = (record(folder) for folder in (whole, cut))
    for key in ("steps", "loss", "losses"):
        assert one[key] == other[key]
    assert {path.name for path in whole.iterdir()} == {path.name for path in cut.iterdir()}
    for name in ("adapter_model.safetensors", "adapter_config.json", "mimic_checks_mask.json"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
