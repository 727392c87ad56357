"""The preflight: every planted harness defect is named by the test that is there for it, and a
sound harness raises no alarm.
"""

from __future__ import annotations

import contextlib
import time
import types
from dataclasses import replace
from functools import cache

import pytest
import torch
from PIL import Image

from mimic_checks.cases import Group, TextPart
from mimic_checks.catalog import load_catalog
from mimic_checks.checks import preflight
from mimic_checks.checks.discovery import find_checks
from mimic_checks.checks.evaluation import Finding
from mimic_checks.checks.probe_cases import ProbeCases, in_batches, text_missing
from mimic_checks.checks.run_plan import RunPlan
from mimic_checks.checks.session import CheckSession
from mimic_checks.checks.settings import Settings
from mimic_checks.errors import AnswerError
from mimic_checks.models import (
    Capabilities,
    ModelOptions,
    Prompt,
    PromptImage,
    Reply,
    ShownInput,
    load_vlm,
    prompt_for,
    transformers_vlm,
)
from mimic_checks.models.controls import Reversed, WithoutImages
from mimic_checks.models.stubs import Oracle
from mimic_checks.runs import Answer
from mimic_checks.runs.answer_cache import AnswerCache
from mimic_checks.tasks.unread import CUT_OFF

CHECKS = ("preconditions.image_blocks", "image_count.counting")


@pytest.fixture(scope="module")
def catalog():
    return load_catalog("rendered")


@pytest.fixture
def session(catalog, tmp_path):
    """Makes the session of a model: the built-in one under `options`, after `plant(model)`."""

    def make(plant=lambda vlm: None, **options):
        settings = Settings(
            vlm="builtin",
            cases=40,
            batch=8,
            output=tmp_path / "run",
            answer_cache=tmp_path / "kept",
            model=ModelOptions(**options),
        )
        made = session_of(settings, catalog)
        plant(made.model)
        return made

    return make


@cache
def found_checks():
    return find_checks()


def session_of(settings, catalog, make_model=None):
    plan = RunPlan(settings, [found_checks()[name] for name in CHECKS])
    plan.__dict__["catalog"] = catalog
    return CheckSession(plan, make_model=make_model)


def named(session) -> set[str]:
    return {name for name, finding in preflight.run(session).items() if finding.problem}


def looked(session) -> set[str]:
    return {name for name, finding in preflight.run(session).items() if not finding.reason}


def test_a_sound_harness_raises_no_alarm_and_shows_all_there_is(session):
    sound = {name: Finding() for name in preflight.PREFLIGHT}
    sound["adapter"] = Finding(reason="the model has no adapter")
    assert preflight.run(session()) == sound
    assert preflight.run(session(mask="deep"))["mask"] == Finding()


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
    project = vlm.encoder.project

    def cropped(pictures):
        width, height = (min(picture.size[side] for picture in pictures) for side in (0, 1))
        return project([picture.crop((0, 0, width, height)) for picture in pictures])

    vlm.encoder.project = cropped


def sees_padding(batch):
    return {**batch, "attention_mask": torch.ones_like(batch["attention_mask"])}


def cuts_the_end(vlm):
    """Room for the tokens of eight images, and for little else."""
    room = 8 * vlm.encoder.tokens_per_image + 8
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
    "images in reverse order": ("image_blocks", shown(Reversed()), {}),
    "padding on the right": ("padding", pads_on_the_right, {}),
    "pictures cropped to the smallest beside them": ("mixed_sizes", crops_to_the_smallest, {}),
    "padding is not masked": ("batch", fed(sees_padding), {}),
    "images dropped with their placeholders": ("no_images", shown(WithoutImages()), {}),
    "images sorted": (
        "swapped_images",
        shown(lambda p: p.with_images(sorted(p.images, key=lambda image: image.id))),
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


def test_cached_answers_that_are_not_the_models_are_named(session):
    planted = session()
    asked = in_batches(ProbeCases(planted).prompts)[0]
    planted.engine.cache.put(asked, {prompt.case_id: Answer("99") for prompt in asked})
    assert named(planted) == {"answer_cache"}
    assert "'99' is cached" in preflight.problems(planted)


def test_a_level_that_one_answer_passes_is_named(session):
    planted = session()
    draws = planted.plan.draws(planted.plan.checks[1])
    planted.plan._draws["image_count.counting"] = [draws[0]] * 38 + draws[1:3]
    assert named(planted) == {"best_constant"}
    assert "image_count.counting images=8: the blind answer" in preflight.problems(planted)
    mixed = session()
    mixed.plan._draws["image_count.counting"] = [draws[0]] * 20 + draws[1:21]
    assert named(mixed) == set(), "one answer is right in half of the cases"


def closed(catalog, tmp_path, stub):
    settings = Settings(vlm="x", cases=40, output=tmp_path)
    return session_of(settings, catalog, make_model=lambda: stub(catalog))


class BehindServer(Oracle):
    """An oracle that takes four images at most."""

    capabilities = Capabilities.of("limits", otherwise="the server shows texts only")
    limit, asked = None, ()

    def why_refused(self, prompt):
        self.asked = [*self.asked, len(prompt.images)]
        return "at most 4 images" if len(prompt.images) > 4 else ""

    def limit_images(self, most, why):
        self.limit = most, why

    def answer(self, prompts):
        assert self.limit
        return [
            AnswerError(self.limit[1]) if len(prompt.images) > self.limit[0] else answer
            for prompt, answer in zip(prompts, super().answer(prompts), strict=True)
        ]


def test_a_server_s_limit_is_found_once_and_told_with_the_levels_it_costs(
    catalog, tmp_path, caplog
):
    run, again = (closed(catalog, tmp_path, BehindServer) for _ in range(2))
    told = (
        "prompts of more than 4 images are not asked (at most 4 images); without answers:"
        " image_count.counting (images=8)"
    )
    assert preflight.run(run)["truncation"].reason == told
    assert named(run) == set(), "nothing is wrong with the harness"
    assert [record.getMessage() for record in caplog.records] == [told]
    assert (run.model.limit, again.model.limit) == ((4, "at most 4 images (not asked)"),) * 2
    assert run.model.asked[0] == 8
    assert again.model.asked == (), "once for all processes of a run"
    # Taken up again with a check that shows fewer images, whose largest is taken.
    fewer = RunPlan(run.settings, [found_checks()["preconditions.not_constant"]])
    fewer.__dict__["catalog"] = catalog
    other = CheckSession(fewer, make_model=lambda: BehindServer(catalog))
    assert other.model.asked == [1]
    assert other.limit is None


def test_answers_that_are_empty_for_a_reason_name_it(catalog, tmp_path):
    class Thinks(Oracle):
        def answer(self, prompts):
            return [Reply("", CUT_OFF)] * len(prompts)

    assert preflight.run(closed(catalog, tmp_path, Thinks))["stop"].problem.endswith(
        "answers are empty: cut off; raise --vlm-max-new-tokens"
    )


def test_a_closed_model_is_tested_as_far_as_it_shows(catalog, tmp_path):
    closed_run = closed(catalog, tmp_path, Oracle)
    assert looked(closed_run) == {"image_blocks", "batch", "no_images", "best_constant"}
    assert named(closed_run) == set()
    reasons = {name: finding.reason for name, finding in preflight.run(closed_run).items()}
    assert reasons["mask"] == reasons["padding"] == "a stub has nothing inside"
    assert reasons["answer_cache"] == "this run caches no answers"

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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "TypeError: answer() gave None; it owes a list of texts"),
        ([], "answer() gave 0 answers to 1 prompts"),
        (StopIteration("s"), "StopIteration: s"),
        (SystemExit(0), "the model raised SystemExit: 0"),
    ],
    ids=repr,
)
def test_probe_cases_word_errors_as_the_run_does(catalog, tmp_path, given, said):
    class Odd(Oracle):
        def answer(self, prompts):
            if isinstance(given, BaseException):
                raise given
            return given

    assert said in preflight.problems(closed(catalog, tmp_path, Odd))


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
    hanging.plan.settings = replace(hanging.settings, case_limit=0.05)
    assert "no answer within 0.05 s" in preflight.problems(hanging)


def test_the_reason_is_the_one_that_applies(session, catalog, tmp_path):
    stitched = preflight.run(session(stitch=True))
    for name in ("image_blocks", "mixed_sizes", "swapped_images", "mask"):
        assert "stitched into one (--vlm-stitch)" in stitched[name].reason

    class Same(Oracle):
        def tell(self, prompt, counts):
            return "1"

    class NeedsImages(Oracle):
        def look(self, prompt):
            if not prompt.images:
                raise ValueError("no picture")
            return super().look(prompt)

    same, needs = (preflight.run(closed(catalog, tmp_path, stub)) for stub in (Same, NeedsImages))
    assert same["no_images"].reason == "the model says the same to every probe case"
    assert needs["no_images"].reason == "the model does not answer without images (no picture)"


class Shows:
    """A model that is fed what `feed` makes of a prompt."""

    capabilities = Capabilities.of("shows_input")
    context_tokens = closing_id = adapter_shift = None
    stop_ids = frozenset({1})

    def __init__(self, feed):
        self.feed = feed

    def answer(self, prompts):
        return ["1"] * len(prompts)

    def identity(self):
        return {}

    def shown(self, prompts):
        return [ShownInput(self.feed(prompt), 9, False) for prompt in prompts]


PIECES = ("Compare", "with", "and name the odd one. A.", "B.")


@pytest.mark.parametrize(
    ("feed", "missing"),
    [
        (lambda p: "<i>".join(p.texts), ""),
        (lambda p: " ".join(p.texts).upper() + " assistant:", ""),
        (lambda p: p.texts[0], "'with' at all"),
        (lambda p: "<i>".join(p.texts[::-1]), "'with' in its place"),
    ],
    ids=["in order", "in capitals, spaced", "only the first", "in reverse order"],
)
def test_every_text_of_an_interleaved_prompt_has_to_arrive(feed, missing):
    image = PromptImage("a", lambda: Image.new("RGB", (8, 8)))
    content = [part for text in PIECES for part in (TextPart(text), image)]
    problem = text_missing(Shows(feed), [Prompt("case", tuple(content))])
    assert missing in problem
    assert bool(problem) == bool(missing)


def test_members_of_groups_are_probed(catalog, tmp_path):
    """A check may draw groups; their members are cases like any other."""
    run = closed(catalog, tmp_path, Oracle)
    counting = run.plan.checks[1]
    draws = run.plan.draws(counting)
    run.plan._draws[counting.check_id] = [(Group(items[:3]), *items[1:]) for items in draws]
    run.plan.checks.reverse()
    probed = {prompt.case_id for prompt in ProbeCases(run).prompts}
    assert {case.id for case in draws[0][:3]} <= probed
    assert named(run) == set()


def test_logits_that_are_no_numbers_are_no_agreement():
    """Every comparison with NaN is false, so that it would pass for a match."""
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    broken = torch.tensor([[0.0, torch.nan, 2.0]])
    ruled_out = torch.tensor([[0.0, 1.0, -torch.inf]])
    for pair in ((logits, broken), (broken, logits), (broken, broken)):
        with pytest.raises(preflight.NotNumbers, match="not numbers"):
            preflight._range_moved(*pair)
    assert preflight._range_moved(logits, logits) == 0
    assert preflight._range_moved(logits, logits + torch.tensor([0.0, 0.5, 0.0])) == 0.25
    # A vocabulary's padding, at minus infinity, is the same in both, or all has moved.
    assert preflight._range_moved(ruled_out, ruled_out) == 0
    assert preflight._range_moved(logits, ruled_out) == float("inf")


def test_a_cut_off_answer_comes_back_from_the_cache_as_one(tmp_path):
    """The preflight's own answers are cached for the run, which would read a whole one."""
    asked = [prompt_for([], "How many?", case_id=name) for name in "ab"]
    cache = AnswerCache(tmp_path, {"name": "x"})
    probe = types.SimpleNamespace(
        session=types.SimpleNamespace(engine=types.SimpleNamespace(cache=cache)),
        prompts=asked,
        answered=["3", Reply("There are 3", CUT_OFF)],
    )
    assert preflight.check_answer_cache(probe) == ""
    assert cache.get(asked) == {"a": Answer("3"), "b": Answer("There are 3", remark=CUT_OFF)}
    assert preflight.check_answer_cache(probe) == ""
    probe.answered = ["3", "There are 3"]
    assert "'There are 3' is cached" in preflight.check_answer_cache(probe)
