"""Models by name: which backend a spec reaches, and what is said of specs that reach none."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

from mimic_checks.attention.families import FAMILIES, LLAVA, Family, family_of
from mimic_checks.errors import AttentionError, ExtensionError, InvalidArgument, ModelLoadError
from mimic_checks.models import BACKENDS, ModelOptions, backend_of, check_vlm, load_vlm
from mimic_checks.models.backends import BUILTIN, OPENAI, STUB, TRANSFORMERS
from mimic_checks.models.stubs import STUBS
from mimic_checks.registry import Registry


@pytest.mark.parametrize(
    ("spec", "backend", "name"),
    [
        ("builtin", BUILTIN, ""),
        ("stub:oracle", STUB, "oracle"),
        ("openai:org/model:7b", OPENAI, "org/model:7b"),
        ("transformers:org/model", TRANSFORMERS, "org/model"),
        ("llava-hf/llava-1.5-7b-hf", TRANSFORMERS, "llava-hf/llava-1.5-7b-hf"),
        ("org/model:v2", TRANSFORMERS, "org/model:v2"),
        ("model", TRANSFORMERS, "model"),
        (r"C:\models\llava", TRANSFORMERS, r"C:\models\llava"),
        ("C:/models/llava", TRANSFORMERS, "C:/models/llava"),
        ("./stub:oracle", TRANSFORMERS, "./stub:oracle"),
        ("~/a:b", TRANSFORMERS, "~/a:b"),
        ("/models/a:b", TRANSFORMERS, "/models/a:b"),
    ],
)
def test_a_spec_reaches_one_backend(spec, backend, name):
    assert backend_of(spec) == (backend, name)


def test_a_folder_of_the_working_directory_is_a_path_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgument, match="vlm backend='run'"):
        backend_of("run:3")
    (tmp_path / "run:3").mkdir()
    assert backend_of("run:3") == (TRANSFORMERS, "run:3")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("vlm:model", "vlm backend='vlm' is not allowed; allowed: 'builtin', 'builtin-repaired',"),
        (
            "stubs:oracle",
            "did you mean 'stub'.*a folder with a colon in its name is written ./name",
        ),
        ("stub:orcale", "vlm stub='orcale'.*did you mean 'oracle'"),
        ("stub", "vlm stub='' is not allowed"),
        ("builtin:small", "vlm='builtin:small' is not allowed; allowed: 'builtin' with nothing"),
        ("transformers:", "vlm='transformers:' is not allowed"),
        ("openai:", "vlm='openai:' is not allowed"),
        ("", "vlm='' is not allowed; allowed: a hub id, a folder"),
        ("builtn", "vlm='builtn' is not allowed.*did you mean 'builtin'"),
    ],
)
def test_specs_that_name_nothing_are_refused(spec, message, scenes):
    for call in (check_vlm, load_vlm):
        if spec == "openai:" and call is load_vlm:
            continue  # checked before anything is loaded
        with pytest.raises(InvalidArgument, match=message):
            call(spec, ModelOptions(), scenes)


def test_a_path_that_is_no_folder_is_refused_before_loading(scenes):
    with pytest.raises(ModelLoadError, match=r"model='\./stub:oracle' is not a directory"):
        check_vlm("./stub:oracle", ModelOptions(), scenes)


def test_every_stub_loads_by_name(scenes):
    for name in STUBS:
        check_vlm(f"stub:{name}", ModelOptions(), scenes)
        assert type(load_vlm(f"stub:{name}", ModelOptions(), scenes)) is STUBS[name]


@pytest.mark.parametrize(
    "spec", ["stub:oracle", "builtin", "openai:m"], ids=["stub", "built-in", "server"]
)
def test_nothing_heavy_is_imported_to_check_a_model(spec):
    """torch takes seconds; the controller of a distributed run never needs it."""
    code = f"""
import sys
from mimic_checks.catalog import rendered
from mimic_checks.models import ModelOptions, check_vlm, load_vlm
from mimic_checks.models.device import visible_gpus
options = ModelOptions(mask="deep") if {spec!r} == "builtin" else ModelOptions(
    base_url="http://localhost/v1" if {spec!r} == "openai:m" else None)
catalog = rendered(scenes=10, families=0)
visible_gpus()
check_vlm({spec!r}, options, catalog)
if {spec!r} == "stub:oracle":
    load_vlm({spec!r}, options, catalog)
heavy = {{"torch", "transformers", "httpx2", "mimic_checks.models.loading"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_local_backends_are_told_from_servers():
    assert [BACKENDS.get(name).local for name in ("builtin", "stub", "openai")] == [
        True,
        True,
        False,
    ]


class Package:
    name, version = "their-package", "1.0"


def claims(monkeypatch, *values):
    """One model type, claimed by several entry points."""
    points = [
        importlib.metadata.EntryPoint("their_vl", value, "mimic_checks.families")._for(Package())
        for value in values
    ]
    registry = Registry("mimic_checks.families", "model family", FAMILIES.needs)
    monkeypatch.setattr("mimic_checks.registry.entry_points", lambda group: points)
    monkeypatch.setattr("mimic_checks.attention.families.FAMILIES", registry)


class Config:
    model_type = "their_vl"


def test_a_family_of_somebody_else_is_a_row_like_any_other(monkeypatch):
    claims(monkeypatch, "mimic_checks.attention.families:LLAVA")
    assert family_of(Config()) is LLAVA


def test_two_families_of_one_model_type_are_refused(monkeypatch):
    claims(
        monkeypatch,
        "mimic_checks.attention.families:LLAVA",
        "mimic_checks.attention.families:GEMMA3",
    )
    with pytest.raises(ExtensionError, match="'their_vl' is claimed by their-package 1.0"):
        family_of(Config())


def test_what_is_no_family_is_refused(monkeypatch):
    claims(monkeypatch, "mimic_checks.attention.families:no_row")
    with pytest.raises(ExtensionError, match="'their_vl' of their-package 1.0 lacks"):
        family_of(Config())
    with pytest.raises(AttentionError, match="one_row_per_image=True needs counts"):
        Family(one_row_per_image=True)
