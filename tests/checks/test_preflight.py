"""The preflight: every planted harness defect is named by the test that is there for it, and a
sound harness raises no alarm.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace

import pytest
import torch
from mimic_checks.checks.specs import CHECKS
from PIL import Image

from mimic_checks.catalog import load_catalog
from mimic_checks.checks import preflight
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.models import ModelOptions, load_vlm, prompt_for, transformers_vlm
from mimic_checks.models.stubs import Oracle
from mimic_checks.runs import Answer

SPECS = ("preconditions.image_blocks", "image_count.counting")


@pytest.fixture(scope="module")
def catalog():
    return load_catalog("rendered")


@pytest.fixture
def session(catalog, tmp_path):
    """Makes the session of a model: the built-in one under `options`, after `plant(model)`."""

    def made(plant=lambda vlm: None, **options):
        settings = Settings(
            vlm="builtin",
            cases=40,
            batch=8,
            output=tmp_path / "run",
            answer_cache=tmp_path / "kept",
            model=ModelOptions(**options),
        )
        found = CheckSession(settings, [CHECKS[name] for name in SPECS])
        found.__dict__["catalog"] = catalog
        plant(found.model)
        return found

    return made


def named(session) -> set[str]:
    return {name for name, problem in preflight.run(session).items() if problem}


def test_a_sound_harness_raises_no_alarm_and_shows_all_there_is(session):
    found = preflight.run(session())
    assert found == {name: None if name == "adapter" else "" for name in preflight.PREFLIGHT}
    assert preflight.run(session(mask="deep"))["mask"] == ""


def shown(change):
    """A defect of the harness: the model is shown other prompts than it was given."""

    def plant(vlm):
        inputs = vlm.inputs
        vlm.inputs = lambda prompts: inputs([change(prompt) for prompt in prompts])

    return plant


def fed(change):
    """A defect of the harness: what the processor made is changed before the model gets it."""

    def plant(vlm):
        inputs = vlm.inputs
        vlm.inputs = lambda prompts: change(inputs(prompts))

    return plant


def pads_on_the_right(vlm):
    vlm.tokenizer.padding_side = "right"


def crops_to_the_smallest(vlm):
    project = vlm._project

    def cropped(pictures):
        width, height = (min(picture.size[side] for picture in pictures) for side in (0, 1))
        return project([picture.crop((0, 0, width, height)) for picture in pictures])

    vlm._project = cropped


def sees_padding(batch):
    return {**batch, "attention_mask": torch.ones_like(batch["attention_mask"])}


def cuts_the_end(vlm):
    """Room for the tokens of eight images, and for little else."""
    room = 8 * vlm._tokens_per_image() + 8
    fed(
        lambda batch: {
            **batch,
            **{name: batch[name][:, :room] for name in ("input_ids", "attention_mask")},
        }
    )(vlm)


def template_without_question(vlm):
    vlm.processor.chat_template = vlm.processor.chat_template.replace(
        "{{ part['text'] }}", "What is this?"
    )


def other_stop_id(vlm):
    vlm.model.generation_config.eos_token_id = 0


def small_context(vlm):
    vlm.model.config.text_config.max_position_embeddings = 400


DEFECTS = {
    "images in reverse order": (
        "image_blocks",
        shown(lambda p: replace(p, images=p.images[::-1])),
        {},
    ),
    "padding on the right": ("padding", pads_on_the_right, {}),
    "pictures cropped to the smallest beside them": ("mixed_sizes", crops_to_the_smallest, {}),
    "padding is not masked": ("batch", fed(sees_padding), {}),
    "images dropped with their placeholders": (
        "no_images",
        shown(lambda p: prompt_for([], p.question, p.case_id)),
        {},
    ),
    "images sorted": (
        "swapped_images",
        shown(lambda p: replace(p, images=tuple(sorted(p.images, key=lambda i: i.id)))),
        {},
    ),
    "a template without the question": ("chat_template", template_without_question, {}),
    "long inputs cut": ("truncation", cuts_the_end, {}),
    "longer than the model takes": ("truncation", small_context, {}),
    "a stop id that the template does not write": ("stop", other_stop_id, {}),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_named(session, defect):
    name, plant, options = DEFECTS[defect]
    planted = session(plant, **options)
    assert name in named(planted)
    assert name in preflight.problems(planted), "and nothing will be scored"


def test_defects_are_told_apart(session):
    """What has one cause is not blamed on everything: each of these is named by one test alone."""
    for defect in (
        "a template without the question",
        "longer than the model takes",
        "a stop id that the template does not write",
        "pictures cropped to the smallest beside them",
    ):
        name, plant, options = DEFECTS[defect]
        assert named(session(plant, **options)) == {name}, defect


@pytest.mark.parametrize("mask", ["auto", "deep"], ids=["an edit's", "a persistent one"])
def test_a_mask_that_is_not_applied_is_named(session, monkeypatch, mask):
    monkeypatch.setattr(
        transformers_vlm, "edit_attention", lambda *given, **more: contextlib.nullcontext()
    )
    assert named(session(mask=mask)) == {"mask"}


def test_an_adapter_that_does_nothing_is_named(session, tmp_path, catalog):
    from peft import LoraConfig, get_peft_model

    base = load_vlm("builtin", ModelOptions(), catalog).model
    get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(
        tmp_path / "untrained"
    )  # B is zero at first
    assert named(session(adapter=str(tmp_path / "untrained"))) == {"adapter"}


def test_kept_answers_that_are_not_the_models_are_named(session):
    planted = session()
    probe_cases = preflight.ProbeCases(planted)
    asked = preflight.in_batches(probe_cases.prompts)[0]
    planted.runner.cache.put(asked, {prompt.case_id: Answer("99") for prompt in asked})
    assert named(planted) == {"answer_cache"}
    assert "'99' is kept" in preflight.problems(planted)


def test_a_level_that_one_answer_passes_is_named(session):
    planted = session()
    draws = planted.draws(CHECKS["image_count.counting"])
    planted._draws["image_count.counting"] = [draws[0]] * 38 + draws[1:3]
    assert named(planted) == {"best_constant"}
    assert "image_count.counting images=1: one answer is right in" in preflight.problems(planted)
    few = session()
    few._draws["image_count.counting"] = [draws[0]] * 5
    assert named(few) == set(), "five cases prove nothing"


def closed(catalog, tmp_path, stub):
    found = CheckSession(
        Settings(vlm="x", cases=40, output=tmp_path),
        [CHECKS[name] for name in SPECS],
        make_model=lambda: stub(catalog),
    )
    found.__dict__["catalog"] = catalog
    return found


def test_a_closed_model_is_tested_as_far_as_it_shows(catalog, tmp_path):
    found = preflight.run(closed(catalog, tmp_path, Oracle))
    told = {name for name, problem in found.items() if problem == ""}
    assert told == {"image_blocks", "batch", "no_images", "best_constant"}
    assert not any(found.values())

    class Deaf(Oracle):
        """Answers from the question and the case, whatever it is shown."""

        def tell(self, prompt, counts):
            return prompt.case_id

    assert named(closed(catalog, tmp_path, Deaf)) == {"no_images"}

    class Mute(Oracle):
        def tell(self, prompt, counts):
            return ""

    assert named(closed(catalog, tmp_path, Mute)) == {"stop"}


def test_a_few_errors_are_no_defect_and_many_are(catalog, tmp_path):
    class Fails(Oracle):
        def look(self, prompt):
            if len(prompt.images) in self.on:
                raise ValueError("planted failure")
            return super().look(prompt)

    class Few(Fails):
        on = (4,)

    class Many(Fails):
        on = (1, 2)

    assert named(closed(catalog, tmp_path, Few)) == set()
    assert "batch: the model raises on 8 of 12 probe cases; case" in preflight.problems(
        closed(catalog, tmp_path, Many)
    )


def test_a_model_that_barely_fits_is_no_broken_one(catalog, tmp_path):
    """Running out of memory in a batch is answered with smaller ones by the run; and a model that
    hangs is given up."""

    class Large(Oracle):
        def answer(self, prompts):
            if len(prompts) > 1:
                raise MemoryError
            return super().answer(prompts)

    assert named(closed(catalog, tmp_path, Large)) == set()

    class Hangs(Oracle):
        def look(self, prompt):
            time.sleep(60)

    hanging = closed(catalog, tmp_path, Hangs)
    hanging.settings = replace(hanging.settings, case_limit=0.05)
    assert "no answer within 0.05 s" in preflight.problems(hanging)


def test_pictures_of_other_sizes_are_other_pictures(catalog):
    """The mixed sizes of the test itself: another id, another size, the same picture otherwise."""
    picture = Image.new("RGB", (60, 40))
    image = transformers_vlm.PromptImage("a", lambda: picture)
    small = preflight._resize(image, 2 / 3, 0.5)
    assert (small.id, small.open().size) == ("resized 40x20 a", (40, 20))
