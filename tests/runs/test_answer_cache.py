"""Cached answers: what is the same is not asked again, whatever could change an answer is."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from mimic_checks.cases import counting_cases, draw
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.models import ModelOptions, prompt_of
from mimic_checks.models import fingerprint as fingerprints
from mimic_checks.models.backends import BUILTIN_FOLDER, REPAIRED_ADAPTER
from mimic_checks.models.transformers_vlm import TransformersVLM
from mimic_checks.runs import Answer, AnswerCache, Condition, Runner, answer_cache
from tests.runs.test_run import Echo, prompts


def cache(folder, **identity):
    return AnswerCache(folder, {"name": "echo", **identity})


def test_a_changed_check_asks_only_its_own_cases(tmp_path):
    first, second = prompts([2] * 8), prompts([1] * 6)
    before = Runner(Echo(), batch=2, cache=cache(tmp_path)).answer(first)
    Runner(Echo(), batch=2, cache=cache(tmp_path)).answer(second)
    model = Echo()
    assert (
        Runner(model, batch=2, cache=cache(tmp_path)).answer(first, tmp_path / "a.jsonl") == before
    )
    Runner(model, batch=2, cache=cache(tmp_path)).answer(second[:4])
    assert model.calls == []
    changed = prompts([1] * 4 + [3] * 2)
    Runner(model, batch=2, cache=cache(tmp_path)).answer(changed)
    assert sorted(case for call in model.calls for case in call) == ["case4", "case5"]
    assert all(
        json.loads(line)["cached"] for line in (tmp_path / "a.jsonl").read_text().splitlines()[1:]
    )


def test_a_hit_never_re_forms_the_other_batches(tmp_path):
    """Batches are planned as if nothing were kept; a case in other company is another question."""
    asked = prompts([1] * 8)
    Runner(Echo(), batch=2, cache=cache(tmp_path)).answer(asked[2:4])
    model = Echo()
    Runner(model, batch=2, cache=cache(tmp_path)).answer(asked)
    assert model.calls == [["case0", "case1"], ["case4", "case5"], ["case6", "case7"]]
    other = Echo()
    Runner(other, batch=4, cache=cache(tmp_path)).answer(asked)
    assert other.calls == [
        ["case0", "case1", "case2", "case3"],
        ["case4", "case5", "case6", "case7"],
    ]


def test_other_pictures_under_the_same_case_are_another_question(tmp_path):
    from mimic_checks.models.controls import Degraded

    asked = prompts([1] * 2)
    Runner(Echo(), batch=2, cache=cache(tmp_path)).answer(asked)
    model = Echo()
    Runner(model, batch=2, cache=cache(tmp_path)).answer([Degraded(2)(prompt) for prompt in asked])
    assert len(model.calls) == 1


def test_errors_are_not_kept(tmp_path):
    Runner(Echo(bad={"case1"}), batch=2, cache=cache(tmp_path)).answer(prompts([1] * 4))
    model = Echo()
    found = Runner(model, batch=2, cache=cache(tmp_path)).answer(prompts([1] * 4))
    assert model.calls == [["case0", "case1"]]
    assert found["case1"].text == "answer case1"


@pytest.mark.parametrize("broken", ["", "{", "[1]", '{"case0": "answer case0"}', "\udcff"])
def test_a_kept_answer_that_cannot_be_read_is_named_and_asked_again(tmp_path, broken):
    kept = cache(tmp_path)
    Runner(Echo(), batch=2, cache=kept).answer(prompts([1] * 2))
    path = kept._path(prompts([1] * 2))
    path.write_bytes(broken.encode(errors="surrogateescape"))
    model = Echo()
    with pytest.warns(UserWarning, match=rf"{path.name}' cannot be read .* asked again"):
        Runner(model, batch=2, cache=kept).answer(prompts([1] * 2))
    assert len(model.calls) == 1
    assert kept.get(prompts([1] * 2))["case1"] == Answer("answer case1"), "and mended"


def test_a_cache_that_cannot_be_written_costs_no_run(tmp_path, monkeypatch):
    def read_only(path, text):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(answer_cache, "replace_file", read_only)
    with pytest.warns(
        UserWarning, match="cannot be kept in .* \\(Read-only file system\\); the run goes on"
    ) as warned:
        found = Runner(Echo(), batch=2, cache=cache(tmp_path)).answer(prompts([1] * 6))
    assert len(found) == 6
    assert len(warned) == 1


def test_a_measured_budget_is_kept_with_the_answers(tmp_path):
    kept = cache(tmp_path)
    assert kept.budget() is None
    kept.keep_budget(96)
    assert cache(tmp_path).budget() == 96
    assert cache(tmp_path, dtype="bfloat16").budget() is None


@pytest.fixture(scope="module")
def asked(scenes):
    return [prompt_of(case, scenes.manifest) for case in draw(counting_cases(scenes), 2, seed=1)]


def on_disk(change):
    """A change of the model's folder."""

    def changed(folder, monkeypatch):
        change(folder)
        return {}

    return changed


def edited(file, change):
    def write(folder):
        path = folder / file
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return on_disk(write)


def other_weights(folder):
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if name.endswith("q_proj.weight"))
    tensors[name] = tensors[name] + 0.001
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def other_template(folder):
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|assistant|>", "<|assistant|> "))


def other_word(tokenizer):
    """The same tokens, numbered otherwise."""
    words = tokenizer["model"]["vocab"]
    first, second = list(words)[-2:]
    words[first], words[second] = words[second], words[first]
    return tokenizer


def set_to(**options):
    return lambda folder, monkeypatch: options


def other_library(name):
    def changed(folder, monkeypatch):
        version = fingerprints.metadata.version
        monkeypatch.setattr(
            fingerprints.metadata,
            "version",
            lambda asked: "99" if asked == name else version(asked),
        )
        return {}

    return changed


def other_device(folder, monkeypatch):
    monkeypatch.setattr(fingerprints.torch.backends.cpu, "get_cpu_capability", lambda: "OTHER")
    return {}


def other_threads(folder, monkeypatch):
    now = torch.get_num_threads()
    monkeypatch.setattr(fingerprints.torch, "get_num_threads", lambda: now + 1)
    return {}


def other_rules(folder, monkeypatch):
    monkeypatch.setattr(answer_cache, "RULE_VERSION", 99)
    return {}


def other_suite(folder, monkeypatch):
    monkeypatch.setattr(answer_cache.mimic_checks, "__version__", "99")
    return {}


CHANGES = {
    "weights": on_disk(other_weights),
    "processor": edited(
        "processor_config.json",
        lambda found: {
            **found,
            "image_processor": {**found["image_processor"], "image_mean": [0.4] * 3},
        },
    ),
    "tokenizer": edited("tokenizer.json", other_word),
    "template": on_disk(other_template),
    "adapter": set_to(adapter=str(REPAIRED_ADAPTER)),
    "mask": set_to(mask="deep"),
    "pooling": set_to(pooling=2),
    "stitch": set_to(stitch=True),
    "attention implementation": set_to(attn_implementation="eager"),
    "dtype": set_to(dtype="bfloat16"),
    "longest answer": set_to(max_new_tokens=9),
    "generation settings": edited(
        "generation_config.json", lambda found: {**found, "repetition_penalty": 1.1}
    ),
    "device kind": other_device,
    "threads": other_threads,
    "torch": other_library("torch"),
    "transformers": other_library("transformers"),
    "tokenizers": other_library("tokenizers"),
    "pillow": other_library("pillow"),
    "rule version": other_rules,
    "suite version": other_suite,
}


def model_of(folder, **options):
    return TransformersVLM(str(folder), ModelOptions(**options), name="checked")


def kept_of(model, place):
    return AnswerCache(place, model.identity())


@pytest.fixture(scope="module")
def original(tmp_path_factory, asked):
    """The built-in model in a folder of its own, and its cached answers."""
    folder = tmp_path_factory.mktemp("model")
    shutil.copytree(BUILTIN_FOLDER, folder, dirs_exist_ok=True)
    place = tmp_path_factory.mktemp("kept")
    model = model_of(folder)
    Runner(model, batch=2, cache=kept_of(model, place)).answer(asked)
    return folder, place


def test_the_same_model_finds_its_answers(original, asked, tmp_path):
    folder, place = original
    again = shutil.copytree(folder, tmp_path / "moved")
    assert set(kept_of(model_of(again), place).get(asked)) == {prompt.case_id for prompt in asked}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_could_change_an_answer_is_a_miss(original, asked, tmp_path, monkeypatch, change):
    folder, place = original
    copied = shutil.copytree(folder, tmp_path / "model")
    options = CHANGES[change](copied, monkeypatch)
    assert kept_of(model_of(copied, **options), place).get(asked) is None


def test_an_edit_is_part_of_the_identity(original, asked):
    from mimic_checks.models.intervention import Intervention

    folder, place = original
    assert kept_of(model_of(folder).intervened(Intervention(pooling=2)), place).get(asked) is None


def test_another_backend_is_a_miss(original, asked):
    folder, place = original
    identity = model_of(folder).identity()
    assert AnswerCache(place, identity).get(asked)
    assert AnswerCache(place, {**identity, "backend": "server"}).get(asked) is None


def test_only_models_that_are_known_from_all_others_are_kept(scenes, tmp_path):
    found = find_checks()["spread.unbalanced"]

    def answers(name, vlm, maker=None):
        asked = Settings(
            vlm=vlm, cases=4, batch=4, output=tmp_path / name, answer_cache=tmp_path / "kept" / name
        )
        plan = RunPlan(asked, [found])
        plan.__dict__["catalog"] = scenes
        session = CheckSession(plan, make_model=maker)
        session.answer(Condition("first", [items[0] for items in plan.draws(found.check)]))
        return len(list((tmp_path / "kept" / name).rglob("*.json")))

    builtin = str(BUILTIN_FOLDER)
    assert answers("folder", builtin) > 1
    assert answers("stub", "stub:oracle") == 0
    assert answers("code", builtin, lambda: model_of(builtin)) == 0, (
        "a user's code may have changed the model after loading"
    )

    class Declared:
        """A model in somebody's code that vouches for its identity."""

        complete_identity = True

        def answer(self, prompts):
            return ["1" for _ in prompts]

        def identity(self):
            return {"name": "declared", "weights": "all of them"}

    assert answers("declared", "", Declared) > 1
