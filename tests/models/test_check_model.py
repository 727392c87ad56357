"""What is no model, or no adapter, is refused before any case is asked."""

from __future__ import annotations

import json

import pytest

from mimic_checks.errors import ExtensionError, ModelLoadError
from mimic_checks.models import ModelOptions, check_vlm
from mimic_checks.models.adapter import base_note
from mimic_checks.models.vlm import check_model


class Says:
    def __init__(self, identity):
        self._identity = identity

    def answer(self, prompts):
        return ["1"] * len(prompts)

    def identity(self):
        if isinstance(self._identity, BaseException):
            raise self._identity
        return self._identity


@pytest.mark.parametrize(
    "identity",
    [None, "me", {"x": object()}, {1: 2, "x": 1}, {"x": float("nan")}, ValueError(), SystemExit(0)],
    ids=["none", "text", "object", "mixed keys", "nan", "raises", "exits"],
)
def test_an_identity_that_no_record_can_hold_is_refused(identity):
    with pytest.raises(ExtensionError, match=r"identity\(\) of Says \(the hook\)"):
        check_model(Says(identity), "the hook")


def test_a_dict_of_texts_is_an_identity():
    assert check_model(Says({"name": "says", "layers": [1, 2]}), "the hook")


def test_a_class_is_no_model():
    with pytest.raises(ExtensionError, match=r"give an object of it: Says\(\)"):
        check_model(Says, "the hook")


@pytest.mark.parametrize("adapter", ["/nope", "./nope", "nope", "folder/nope", "a/b/c", "~/nope"])
def test_an_adapter_that_is_not_there_is_refused_before_loading(
    adapter, scenes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ModelLoadError, match=f"adapter='{adapter}' is not a directory"):
        check_vlm("builtin", ModelOptions(adapter=adapter), scenes)


def test_an_adapter_of_an_unknown_kind_is_refused_with_the_cure(tmp_path):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "FOO"}))
    with pytest.raises(ModelLoadError, match=r"adapter=.*peft_type 'FOO'.*upgrade peft"):
        base_note(str(tmp_path), "builtin")
