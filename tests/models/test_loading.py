"""Loading: device and dtype choice with faked devices, files refused before a model is built,
adapters compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from contextlib import ExitStack

import pytest
import torch
from safetensors.torch import save_file

from mimic_checks.errors import InvalidArgument, ModelLoadError
from mimic_checks.models import ModelOptions, check_vlm, load_vlm
from mimic_checks.models.device import choose_device, choose_dtype
from mimic_checks.models.loading import explained, load
from mimic_checks.models.model_files import check_files


def fake(cuda=0, mps=False):
    """A torch in which so many CUDA devices, and maybe Apple's, are there."""
    return types.SimpleNamespace(
        cuda=types.SimpleNamespace(is_available=lambda: cuda > 0, device_count=lambda: cuda),
        backends=types.SimpleNamespace(mps=types.SimpleNamespace(is_available=lambda: mps)),
        float32="float32",
        bfloat16="bfloat16",
        float16="float16",
    )


@pytest.mark.parametrize(
    ("wish", "there", "worker", "device"),
    [
        ("auto", fake(), "", "cpu"),
        ("auto", fake(cuda=2), "", "cuda:0"),
        ("auto", fake(mps=True), "", "mps"),
        ("auto", fake(cuda=2), "gw1", "cuda:1"),
        ("auto", fake(cuda=2), "gw5", "cuda:1"),
        ("auto", fake(), "gw3", "cpu"),
        ("cuda:1", fake(cuda=2), "gw0", "cuda:1"),
        ("cpu", fake(cuda=2), "", "cpu"),
    ],
)
def test_device(monkeypatch, wish, there, worker, device):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    # Devices are taken under the run's name, on the whole machine: other runs must not share it.
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", f"{wish} {worker} {os.getpid()}")
    assert choose_device(wish, there) == device


WORKER = """
import os, sys, time, types
from mimic_checks.models.device import choose_device
os.environ |= {"PYTEST_XDIST_WORKER": sys.argv[1], "PYTEST_XDIST_TESTRUNUID": sys.argv[2]}
Fake = types.SimpleNamespace
torch = Fake(cuda=Fake(is_available=lambda: True, device_count=lambda: 3),
             backends=Fake(mps=Fake(is_available=lambda: False)))
print(choose_device("auto", torch), flush=True)
time.sleep(60)
"""


def test_a_worker_that_replaces_a_dead_one_takes_its_device(tmp_path):
    """Worker 3 of three devices would share device 0 with the living worker 0, and run out of
    memory there."""
    with ExitStack() as stack:

        def worker(name):
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WORKER, name, str(tmp_path)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process, process.stdout.readline().strip()

        started = [worker(f"gw{k}") for k in range(3)]
        assert [device for _, device in started] == ["cuda:0", "cuda:1", "cuda:2"]
        started[1][0].kill()
        started[1][0].wait()
        assert worker("gw3")[1] == "cuda:1"
        assert worker("gw4")[1] == "cuda:1", "more workers than devices share them"


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(
        InvalidArgument,
        match=(
            r"vlm-device='cuda:2' is not allowed; allowed: 'auto', 'cpu', 'cuda', 'cuda:0',"
            r" 'cuda:1'"
        ),
    ):
        choose_device("cuda:2", fake(cuda=2))
    with pytest.raises(InvalidArgument, match="vlm-device='gpu'"):
        choose_device("gpu", fake())


def test_dtype():
    assert choose_dtype("auto", "cpu", fake()) == "float32"
    assert choose_dtype("auto", "cuda:0", fake()) == "bfloat16"
    assert choose_dtype("float16", "cuda:0", fake()) == "float16"
    with pytest.raises(InvalidArgument, match=r"vlm-dtype='fp16'"):
        choose_dtype("fp16", "cpu", fake())


def test_folders_that_hold_no_model_are_refused_before_loading(tmp_path, scenes):
    with pytest.raises(
        ModelLoadError, match=r"has no config.json; give a folder written by save_pretrained"
    ):
        check_vlm(str(tmp_path), ModelOptions(), scenes)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(
        ModelLoadError,
        match=r"has no weights \(model.safetensors or pytorch_model.bin\): save or download them",
    ):
        check_vlm(str(tmp_path), ModelOptions(), scenes)
    (tmp_path / "consolidated.pth").write_bytes(b"x")
    with pytest.raises(ModelLoadError, match="it has consolidated.pth, which is not loaded"):
        check_vlm(str(tmp_path), ModelOptions(), scenes)
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelLoadError, match="pytorch_model.bin is empty; download or save"):
        check_vlm(str(tmp_path), ModelOptions(), scenes)
    with pytest.raises(ModelLoadError, match="is not a directory; give a folder, a hub id"):
        check_vlm("./nowhere", ModelOptions(), scenes)
    with pytest.raises(InvalidArgument, match=r"vlm stub='orcale'.*did you mean 'oracle'"):
        check_vlm("stub:orcale", ModelOptions(), scenes)
    check_files("some/hub-id", ModelOptions())
    with pytest.raises(ModelLoadError, match=r"has no adapter_config.json"):
        check_files("some/hub-id", ModelOptions(adapter=str(tmp_path)))


def test_an_adapter_of_another_model_is_named(tmp_path, scenes):
    (tmp_path / "adapter_config.json").write_text(
        json.dumps(
            {
                "peft_type": "LORA",
                "base_model_name_or_path": "other/model",
                "r": 4,
                "target_modules": r".*language_model.layers.0.self_attn.q_proj",
            }
        )
    )
    key = "base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight"
    save_file(
        {key: torch.zeros(4, 77), key.replace("lora_A", "lora_B"): torch.zeros(77, 4)},
        tmp_path / "adapter_model.safetensors",
    )
    with pytest.raises(
        ModelLoadError,
        match=r"belongs to another model \(it says 'other/model'\) than .*q_proj.lora_A.*77",
    ):
        load_vlm("builtin", ModelOptions(adapter=str(tmp_path)), scenes)
    other = tmp_path / "deeper"
    other.mkdir()
    (other / "adapter_config.json").write_text((tmp_path / "adapter_config.json").read_text())
    save_file(
        {key.replace("layers.0", "layers.99"): torch.zeros(4, 192)},
        other / "adapter_model.safetensors",
    )
    with pytest.raises(ModelLoadError, match=r"layers.99.*: no such layer"):
        load_vlm("builtin", ModelOptions(adapter=str(other)), scenes)


def test_what_a_broken_checkpoint_says_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelLoadError) as raised:
        load(str(tmp_path), ModelOptions())
    assert str(raised.value).startswith(f"model={str(tmp_path)!r} has no processor")
    assert "\n" not in str(raised.value)


def test_the_torchvision_trap_is_explained():
    error = AttributeError("'NoneType' object has no attribute 'from_pretrained'")
    assert "pip install torchvision" in str(explained("model='x'", error))
    assert "--vlm-trust-remote-code" in str(
        explained("model='x'", ValueError("set trust_remote_code=True"))
    )
